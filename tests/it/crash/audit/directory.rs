//! People and teams, their identities, and memberships.

use std::collections::{BTreeMap, BTreeSet};

use plaudit::{
    domain::{AuthorKind, KnownBy, Person, PersonId, PersonIdentity, Team, TeamId},
    store::{
        Key,
        records::{Membership, PersonNumber, TeamNumber},
    },
};

use super::{Disk, assert_same_keys, conversations::Conversations};
use crate::crash::staff::Staff;
use crate::harness::KEYS;

/// Returns the numbers of people and teams.
pub fn audit(disk: &Disk, conversations: &Conversations, is_settled: bool) -> Vec<u64> {
    let people: Vec<Person> = disk.records(0x70).into_iter().map(|(_, person)| person).collect();
    assert_same_keys("people", &disk.keys(0x70), &people.iter().map(|it| KEYS.person(it.id)).collect());
    let identity = |it: &Person| (KEYS.person_identity(&it.identity), it.id);
    let expected: BTreeMap<Key, PersonId> = people.iter().map(identity).collect();
    assert_eq!(expected.len(), people.len(), "two people have one identity");
    let found = disk.records::<PersonNumber>(0x71).into_iter();
    assert_eq!(found.map(|(key, found)| (key, found.person)).collect::<BTreeMap<_, _>>(), expected);

    let teams: Vec<Team> = disk.records(0x72).into_iter().map(|(_, team)| team).collect();
    assert_same_keys("teams", &disk.keys(0x72), &teams.iter().map(|it| KEYS.team(it.id)).collect());
    let identity = |it: &Team| Some((KEYS.team_identity(it.identity.as_ref()?), it.id));
    let expected_teams: BTreeMap<Key, TeamId> = teams.iter().filter_map(identity).collect();
    let found = disk.records::<TeamNumber>(0x73).into_iter();
    assert_eq!(found.map(|(key, found)| (key, found.team)).collect::<BTreeMap<_, _>>(), expected_teams);

    let joined = people.iter().flat_map(|it| it.teams.iter().map(|team| KEYS.member(*team, it.id)));
    let joined: BTreeSet<Key> = joined.collect();
    assert_same_keys("memberships", &disk.keys(0x74), &joined);
    assert_eq!(disk.records::<Membership>(0x74).len(), joined.len());
    for team in &teams {
        let members = people.iter().filter(|person| person.teams.contains(&team.id)).count();
        assert_eq!(team.member_count as usize, members, "members of {}", team.id);
    }
    let counted: usize = teams.iter().map(|team| team.member_count as usize).sum();
    assert_eq!(counted, joined.len(), "a member of a team that is gone");
    if is_settled {
        assert_everybody_is_known(conversations, &expected);
    }
    people.iter().map(|it| it.id.0).chain(teams.iter().map(|it| it.id.0)).collect()
}

/// The people and teams of one source, in the words of their caller.
pub fn told(disk: &Disk, source: &str) -> Staff {
    let teams: Vec<Team> = disk.records(0x72).into_iter().map(|(_, team)| team).collect();
    let of_source = |team: &&Team| team.identity.as_ref().is_some_and(|it| it.source.as_str() == source);
    let named = |team: &Team| team.identity.as_ref().expect("an identity").external_id.as_str().to_owned();
    let called = |team: &Team| (named(team), team.display_name.as_str().to_owned());
    let people = disk.records::<Person>(0x70).into_iter().map(|(_, person)| person);
    let people = people.filter(|person| person.identity.source.as_str() == source).map(|person| {
        let KnownBy::ExternalId(id) = &person.identity.known_by else { panic!("{person:?} has no id") };
        let of = person.teams.iter().map(|id| teams.iter().find(|team| team.id == *id).expect("a team"));
        let of = of.map(named).collect();
        (id.as_str().to_owned(), person.display_name.as_str().to_owned(), of)
    });
    Staff::told(source, teams.iter().filter(of_source).map(called).collect(), people.collect())
}

/// Everybody who wrote in a scored conversation is in the directory.
fn assert_everybody_is_known(conversations: &Conversations, known: &BTreeMap<Key, PersonId>) {
    for whole in conversations.values() {
        let conversation = &whole.conversation;
        if whole.is_deleted() || conversation.is_unscored() {
            continue;
        }
        for message in &whole.messages {
            let author = &message.author;
            if author.kind == AuthorKind::Contact && author.external_id.is_none() {
                continue;
            }
            let identity = PersonIdentity::of(&conversation.source, conversation.id, author);
            assert!(
                known.contains_key(&KEYS.person_identity(&identity)),
                "{author:?} is not in the directory"
            );
        }
    }
}
