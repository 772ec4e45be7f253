//! What small requests can demand: every request of every method is bounded before it is decoded.

use plaudit::{
    grpc::budget::{Layout, READERS, Tally},
    proto::DESCRIPTORS,
};
use proptest::prelude::*;
use prost::encoding::encode_varint;
use prost_reflect::{DescriptorPool, FieldDescriptor, Kind, MessageDescriptor};
use tonic::body::Body;

use crate::{
    allocations::peak_during,
    harness::{ServerProcess, soon},
};

/// A vector with one item has room for four, and while growing it briefly takes three times its contents.
const TIMES: usize = 4;
/// Allocated whatever the request: statuses, violations.
const SMALL: usize = 64 * 1024;

/// What the items of a request may take.
const ALLOWANCE: usize = 16 << 20;

type Read = fn(&[u8]) -> Result<(), tonic::Status>;

fn readers() -> impl Iterator<Item = (MessageDescriptor, &'static str, &'static Layout, Read)> {
    let pool = DescriptorPool::decode(DESCRIPTORS).unwrap();
    let methods: Vec<_> = pool.services().flat_map(|service| service.methods().collect::<Vec<_>>()).collect();
    assert_eq!(methods.len(), READERS.len());
    methods.into_iter().map(|method| {
        let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
        let (path, layout, read) = READERS.iter().find(|(known, ..)| *known == path).copied().unwrap();
        (method.input(), path, layout, read)
    })
}

/// The paths to every repeated field of a message.
fn repeated(message: &MessageDescriptor, above: &[FieldDescriptor]) -> Vec<Vec<FieldDescriptor>> {
    let mut found = Vec::new();
    for field in message.fields() {
        let way = [above, std::slice::from_ref(&field)].concat();
        if let Kind::Message(inner) = field.kind() {
            found.extend(repeated(&inner, &way));
        }
        if field.is_list() {
            found.push(way);
        }
    }
    found
}

fn delimited(number: u32, value: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_varint(u64::from(number) << 3 | 2, &mut bytes);
    encode_varint(value.len() as u64, &mut bytes);
    bytes.extend_from_slice(value);
    bytes
}

/// An empty unknown group.
const EMPTY_GROUP: [u8; 4] = [0xC3, 0x3E, 0xC4, 0x3E];

/// Bodies in which one field occurs this often, empty: plain, after unknown groups, and beyond the end of its message.
fn hostile(way: &[FieldDescriptor], count: usize) -> [Vec<u8>; 3] {
    let (last, above) = way.split_last().unwrap();
    // An empty field of packed numbers holds none.
    let value: &[u8] = if last.is_packed() { &[0] } else { &[] };
    let items = delimited(last.number(), value).repeat(count);
    let wrap = |inner: Vec<u8>, before: &[u8]| {
        above.iter().rev().fold([before, &inner].concat(), |inner, field| {
            [before, &delimited(field.number(), &inner)].concat()
        })
    };
    let mut beyond = items.clone();
    for field in above.iter().rev() {
        let mut start = Vec::new();
        encode_varint(u64::from(field.number()) << 3 | 2, &mut start);
        // One byte is claimed; more follows.
        encode_varint(1, &mut start);
        beyond = [start, beyond].concat();
    }
    [wrap(items.clone(), &[]), wrap(items, &EMPTY_GROUP), beyond]
}

#[test]
fn the_memory_of_every_request_is_bounded_before_it_is_decoded() {
    const ITEMS: usize = 50_000;
    let mut tried = 0;
    for (request, method, layout, read) in readers() {
        for way in repeated(&request, &[]) {
            for body in hostile(&way, ITEMS) {
                let mut is_decoded = true;
                let peak = peak_during(|| is_decoded = read(&body).is_ok());
                let reckoned = Tally::of(layout, &body).items_bytes;
                // An item of a stream is refused without an error status.
                let items = if is_decoded && reckoned <= ALLOWANCE { reckoned } else { 0 };
                let most = TIMES * items + 3 * body.len() + SMALL;
                assert!(peak <= most, "{method} {way:?}: {peak} bytes, at most {most}");
                tried += 1;
            }
        }
    }
    assert!(tried > 60, "{tried}");
}

fn any_field() -> impl Strategy<Value = Vec<u8>> {
    let number = prop_oneof![4 => 1_u32..31, 1 => 31_u32..2000];
    let leaf = (number.clone(), proptest::collection::vec(any::<u8>(), 0..12), 0_u8..6).prop_map(
        |(number, value, wire_type)| {
            let mut bytes = Vec::new();
            encode_varint(u64::from(number) << 3 | u64::from(wire_type), &mut bytes);
            match wire_type {
                0 => encode_varint(value.len() as u64, &mut bytes),
                1 => bytes.extend([0; 8]),
                5 => bytes.extend([0; 4]),
                2 => return delimited(number, &value),
                _ => {}
            }
            bytes
        },
    );
    leaf.prop_recursive(4, 200, 40, move |inner| {
        let fields = proptest::collection::vec(inner, 0..40).prop_map(|fields| fields.concat());
        prop_oneof![
            8 => (1_u32..31, fields.clone()).prop_map(|(number, inner)| delimited(number, &inner)),
            1 => (1_u32..31, fields.clone(), 0_u64..40).prop_map(|(number, inner, length)| {
                // A length that does not match what follows.
                let mut bytes = Vec::new();
                encode_varint(u64::from(number) << 3 | 2, &mut bytes);
                encode_varint(length, &mut bytes);
                bytes.extend(inner);
                bytes
            }),
            1 => (1_u32..31, fields).prop_map(|(number, inner)| {
                let mut bytes = Vec::new();
                encode_varint(u64::from(number) << 3 | 3, &mut bytes);
                bytes.extend(inner);
                encode_varint(u64::from(number) << 3 | 4, &mut bytes);
                bytes
            }),
        ]
    })
}

proptest! {
    /// For arbitrary bytes the walk counts at least what decoding allocates.
    #[test]
    fn no_request_takes_more_than_was_reckoned(
        fields in proptest::collection::vec(any_field(), 0..60),
        cut in 0_usize..64,
    ) {
        let mut body = fields.concat();
        body.truncate(body.len().saturating_sub(cut.saturating_sub(48)));
        for (_, method, layout, read) in readers() {
            let items = Tally::of(layout, &body).items_bytes;
            let peak = peak_during(|| drop(read(&body)));
            let most = TIMES * items + 3 * body.len() + SMALL;
            prop_assert!(peak <= most, "{}: {} bytes, reckoned {}", method, peak, most);
        }
    }
}

/// Against the program itself, as a stranger would try it.
#[tokio::test]
async fn the_process_stays_small_whatever_it_receives() {
    const ITEMS: usize = 200_000;
    let server = ServerProcess::start();
    let caller = server.bare_grpc().await;
    let before = server.peak_memory_bytes();
    for (request, method, ..) in readers() {
        for way in repeated(&request, &[]) {
            for body in hostile(&way, ITEMS) {
                let mut framed = vec![0];
                framed.extend((body.len() as u32).to_be_bytes());
                framed.extend(body);
                let body = Body::new(http_body_util::Full::new(framed.into()));
                soon("an answer", caller.send(method, &[], body)).await;
            }
        }
    }
    let grown = server.peak_memory_bytes() - before;
    println!("{grown} bytes");
    assert!(grown < 128 << 20, "{grown} bytes");
}
