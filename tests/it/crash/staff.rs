//! The people and teams of one source, as known to their caller.

use std::collections::{BTreeMap, BTreeSet};

use plaudit::proto::v1::{
    CreateTeamRequest, DeleteTeamRequest, GetPersonRequest, GetTeamRequest, Person, Team,
    UpdatePersonRequest, UpdateTeamRequest,
};
use prost_types::FieldMask;
use tonic::Response;

use super::{
    caller::{Caller, Refused},
    kept::Known,
    random::Random,
};

const TEAMS: [&str; 3] = ["billing", "night", "returns"];
const PEOPLE: [&str; 4] = ["p1", "p2", "p3", "p4"];

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Staff {
    source: String,
    /// The name of each existing team.
    teams: BTreeMap<&'static str, String>,
    /// The name of each existing person, and their teams.
    people: BTreeMap<&'static str, (String, BTreeSet<&'static str>)>,
}

#[derive(Clone, Debug)]
pub enum Change {
    CreateTeam {
        team: &'static str,
        called: String,
    },
    RenameTeam {
        team: &'static str,
        called: String,
    },
    DeleteTeam {
        team: &'static str,
    },
    /// Creates the person if missing.
    Move {
        person: &'static str,
        called: String,
        teams: BTreeSet<&'static str>,
    },
}

impl Staff {
    pub fn of(source: String) -> Self {
        Self { source, ..Self::default() }
    }

    /// As the disk tells it: teams with their names, people with their names and teams.
    pub fn told(
        source: &str,
        teams: Vec<(String, String)>,
        people: Vec<(String, String, Vec<String>)>,
    ) -> Self {
        let team = |told: &String| *TEAMS.iter().find(|team| *team == told).expect("a team that is known");
        let mut staff = Self::of(source.to_owned());
        staff.teams.extend(teams.iter().map(|(id, called)| (team(id), called.clone())));
        for (id, called, of) in people {
            let person = PEOPLE.into_iter().find(|person| *person == id).expect("a person who is known");
            staff.people.insert(person, (called, of.iter().map(team).collect()));
        }
        staff
    }

    pub fn source(&self) -> &str {
        &self.source
    }

    fn team_name(&self, team: &str) -> String {
        format!("teams/{}:{team}", self.source)
    }

    fn person_name(&self, person: &str) -> String {
        format!("people/{}:teammate:{person}", self.source)
    }

    fn members(&self, team: &str) -> usize {
        self.people.values().filter(|(_, teams)| teams.contains(team)).count()
    }

    async fn team(&self, caller: &Caller, team: &str) -> Result<Option<Team>, Refused> {
        let name = self.team_name(team);
        found(caller.directory.clone().get_team(GetTeamRequest { name }).await)
    }

    async fn person(&self, caller: &Caller, person: &str) -> Result<Option<Person>, Refused> {
        let name = self.person_name(person);
        found(caller.directory.clone().get_person(GetPersonRequest { name }).await)
    }
}

fn found<T>(answer: Result<Response<T>, tonic::Status>) -> Result<Option<T>, Refused> {
    match answer.map_err(Refused::from) {
        Ok(answer) => Ok(Some(answer.into_inner())),
        Err(refused) if refused.is_not_found => Ok(None),
        Err(refused) => Err(refused),
    }
}

impl Known for Staff {
    type Change = Change;

    fn choose(&self, random: &mut Random) -> Change {
        let team = TEAMS[random.below(3) as usize];
        let called = format!("Called {}", random.below(1000));
        if random.one_in(2) {
            let teams = self.teams.keys().copied().filter(|_| random.one_in(2)).collect();
            let person = PEOPLE[random.below(4) as usize];
            return Change::Move { person, called, teams };
        }
        match self.teams.get(team) {
            None => Change::CreateTeam { team, called },
            Some(_) if self.members(team) == 0 => Change::DeleteTeam { team },
            Some(_) => Change::RenameTeam { team, called },
        }
    }

    fn apply(&mut self, change: &Change) {
        match change {
            Change::CreateTeam { team, called } | Change::RenameTeam { team, called } => {
                self.teams.insert(team, called.clone());
            }
            Change::DeleteTeam { team } => _ = self.teams.remove(team),
            Change::Move { person, called, teams } => {
                self.people.insert(person, (called.clone(), teams.clone()));
            }
        }
    }

    async fn send(&self, caller: &Caller, change: &Change, id: &str) -> Result<(), Refused> {
        let (mut directory, request_id) = (caller.directory.clone(), id.to_owned());
        let said = |team: &str, called: &str| Team {
            name: self.team_name(team),
            source: self.source.clone(),
            external_id: team.to_owned(),
            display_name: called.to_owned(),
            ..Team::default()
        };
        match change {
            Change::CreateTeam { team, called } => {
                let team = Some(said(team, called));
                directory.create_team(CreateTeamRequest { team, request_id }).await?;
            }
            Change::RenameTeam { team, called } => {
                let team = Some(said(team, called));
                directory.update_team(UpdateTeamRequest { team, request_id, ..Default::default() }).await?;
            }
            Change::DeleteTeam { team } => {
                let (name, etag) = (self.team_name(team), String::new());
                directory.delete_team(DeleteTeamRequest { name, etag, request_id }).await?;
            }
            Change::Move { person, called, teams } => {
                let person = Some(Person {
                    name: self.person_name(person),
                    display_name: called.clone(),
                    teams: teams.iter().map(|team| self.team_name(team)).collect(),
                    ..Person::default()
                });
                let paths = ["display_name", "teams"].map(str::to_owned).to_vec();
                let update_mask = Some(FieldMask { paths });
                let request = UpdatePersonRequest { person, update_mask, allow_missing: true, request_id };
                directory.update_person(request).await?;
            }
        }
        Ok(())
    }

    async fn read(&self, caller: &Caller) -> Result<Self, Refused> {
        let mut staff = Self::of(self.source.clone());
        let mut names = BTreeMap::new();
        let mut counts = BTreeMap::new();
        for team in TEAMS {
            if let Some(found) = self.team(caller, team).await? {
                names.insert(found.name, team);
                counts.insert(team, found.member_count as usize);
                staff.teams.insert(team, found.display_name);
            }
        }
        for person in PEOPLE {
            if let Some(found) = self.person(caller, person).await? {
                let teams = found.teams.iter().map(|name| *names.get(name).expect("a team that there is"));
                staff.people.insert(person, (found.display_name, teams.collect()));
            }
        }
        for (team, count) in counts {
            assert_eq!(staff.members(team), count, "members of {team} in {}", self.source);
        }
        Ok(staff)
    }

    fn bare(&self) -> Self {
        self.clone()
    }

    fn keeps_names_of(&self, _: &Self) -> bool {
        true
    }
}
