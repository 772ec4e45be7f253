//! Packed records.

use super::*;

/// What an earlier version packed is read for good, although another may pack it otherwise.
#[test]
fn a_packed_assessment_is_read_as_it_was_written() {
    let assessment = assessment();
    let path =
        format!("{}/tests/fixtures/records/v{VERSION}/assessment_packed.hex", env!("CARGO_MANIFEST_DIR"));
    let written: String = encode_packed(&assessment).iter().map(|byte| format!("{byte:02x}")).collect();
    let stored = std::fs::read_to_string(&path).unwrap_or_else(|cause| panic!("{path}: {cause}: {written}"));
    assert_eq!(decode::<Assessment>(&vec![0], &bytes_of(&stored)).unwrap(), assessment);
    let (whole, packed) = (encode(&assessment), encode_packed(&assessment));
    assert_eq!(decode::<Assessment>(&vec![0], &packed).unwrap(), assessment);
    assert!(packed.len() < whole.len(), "{} of {} bytes", packed.len(), whole.len());
    // What does not become shorter stays as it is.
    let entry = AssessmentOwner { conversation: ID };
    assert_eq!(encode_packed(&entry), encode(&entry));
}

#[test]
fn a_damaged_packed_record_is_refused_or_another_record_and_never_a_panic() {
    let packed = encode_packed(&assessment());
    let key = vec![0x20];
    for cut in 0..packed.len() {
        assert!(decode::<Assessment>(&key, &packed[..cut]).is_err(), "cut to {cut} bytes");
    }
    for (at, bit) in (0..packed.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
        let mut flipped = packed.to_vec();
        flipped[at] ^= 1 << bit;
        // A text may read otherwise: the engines keep checksums, records do not.
        let _ = decode::<Assessment>(&key, &flipped);
    }
    let newer = [&[PACKED, 9], &packed[2..]].concat();
    let refused = decode::<Assessment>(&key, &newer).unwrap_err().to_string();
    assert!(refused.contains("dictionary 9") && refused.contains("use a newer program"), "{refused}");
    let longer = [&packed[..2], &u32::MAX.to_be_bytes(), &packed[6..]].concat();
    assert!(decode::<Assessment>(&key, &longer).is_err());
}
