//! The store as it lies on disk after everything: nothing without what it belongs to.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
};

use plaudit::{
    domain::Assessment,
    store::{
        Direction, Key, KeyRange, Keyspace, SledOptions, SledStore, Value,
        records::{self, AssessmentIndex, Head, Identity, Segment},
    },
};

const HEAD: u8 = 0x10;
const IDENTITY: u8 = 0x11;
const SEGMENT: u8 = 0x12;
const ASSESSMENT: u8 = 0x20;
const ASSESSMENT_INDEX: u8 = 0x21;
const JOB: u8 = 0x40;
const SCORING_FAILURE: u8 = 0x41;

pub async fn audit(data: &Path, conversations: usize) {
    let store = SledStore::open(data, SledOptions::default()).expect("the store opens");
    let mut pairs: HashMap<u8, Vec<(Key, Value)>> = HashMap::new();
    let mut range = KeyRange::all();
    loop {
        let page = store.scan(range.clone(), 1000, Direction::Ascending).await.expect("a page");
        let Some((last, _)) = page.last() else { break };
        range = range.after(last.clone());
        page.into_iter().for_each(|(key, value)| pairs.entry(key[0]).or_default().push((key, value)));
    }
    let mut of = |kind: u8| pairs.remove(&kind).unwrap_or_default();
    let heads = decoded::<Head>(of(HEAD));
    assert_eq!(heads.len(), conversations, "heads");
    assert_eq!((of(JOB).len(), of(SCORING_FAILURE).len()), (0, 0), "jobs and failures");

    let ids: HashSet<_> = heads.iter().map(|(_, head)| head.conversation.id).collect();
    assert_eq!(ids.len(), heads.len(), "numbers of conversations");
    let identities = decoded::<Identity>(of(IDENTITY));
    let named: HashSet<_> = identities.iter().map(|(_, identity)| identity.conversation).collect();
    assert_eq!((identities.len(), named), (heads.len(), ids), "one identity for each head");

    let mut outside: HashMap<u64, usize> = HashMap::new();
    let mut messages = HashSet::new();
    for (key, segment) in decoded::<Segment>(of(SEGMENT)) {
        *outside.entry(conversation_of(&key)).or_default() += segment.messages.len();
        assert!(segment.messages.iter().all(|message| messages.insert(message.id)), "a number given twice");
    }
    for (_, head) in &heads {
        assert!(head.messages.iter().all(|message| messages.insert(message.id)), "a number given twice");
        let outside = outside.remove(&head.conversation.id.0).unwrap_or_default();
        assert_eq!(head.messages.len() + outside, head.conversation.message_count as usize);
    }
    assert!(outside.is_empty(), "segments without a head: {outside:?}");

    let indexed: usize =
        decoded::<AssessmentIndex>(of(ASSESSMENT_INDEX)).iter().map(|(_, index)| index.entries.len()).sum();
    let assessments = decoded::<Assessment>(of(ASSESSMENT));
    let numbers: HashSet<_> = assessments.iter().map(|(_, assessment)| assessment.id).collect();
    assert_eq!((indexed, numbers.len()), (assessments.len(), assessments.len()), "assessments");
    store.close().await.expect("the store closes");
}

fn decoded<T: for<'a> minicbor::Decode<'a, ()>>(pairs: Vec<(Key, Value)>) -> Vec<(Key, T)> {
    pairs
        .into_iter()
        .map(|(key, value)| {
            let record = records::decode(&key, &value).expect("a whole record");
            (key, record)
        })
        .collect()
}

/// Of a key that begins with its kind and the workspace.
fn conversation_of(key: &[u8]) -> u64 {
    u64::from_be_bytes(key[5..13].try_into().expect("eight bytes"))
}
