//! Imports the teams, people and opt-outs of a file, each with a call of its own that is safe to repeat.

use std::collections::HashMap;

use prost_types::FieldMask;
use tonic::{Code, Status, transport::Channel};
use tonic_types::StatusExt as _;

use crate::{
    domain::{
        AuthorKind, ConversationRef, CustomerByName, ExternalId, KnownBy, PersonIdentity, PersonRef,
        SourceName, TeamIdentity, TeamRef, Violation, Violations, Words as _, rules,
    },
    proto::v1::{
        CreateOptOutRequest, CreateTeamRequest, ListTeamsRequest, OptOut, Person, Team, UpdatePersonRequest,
        UpdateTeamRequest, directory_service_client::DirectoryServiceClient,
        rating_service_client::RatingServiceClient,
    },
    wire::names,
};

use super::form::Form;

const PAGE_SIZE: i32 = 1000;

pub(in crate::cli) enum DirectoryRecord {
    Team(Team),
    Person(Person),
    OptOut(OptOut),
}

/// The outcome of such a line.
pub(super) enum Done {
    Noted,
    /// The rules that it breaks, as the file spells them.
    Refused(Vec<Violation>),
    /// Something that it names is not there, or is otherwise.
    NotFound(String),
}

/// Imports such lines.
#[derive(Default)]
pub(super) struct Directory {
    /// The server's team names, by the names that the file uses.
    teams: HashMap<String, String>,
    /// The server's teams without an external id, by display name; read when first needed.
    teams_without_id: Option<HashMap<String, String>>,
}

impl Directory {
    /// Imports one record. `Err` means a failure of the connection or the server, not of the record.
    pub(super) async fn carry_out(
        &mut self,
        channel: &Channel,
        record: &DirectoryRecord,
    ) -> Result<Done, Status> {
        let noted = match record {
            DirectoryRecord::Team(team) => self.team(channel, team).await,
            DirectoryRecord::Person(person) => match self.person(person) {
                Ok(request) => {
                    DirectoryServiceClient::new(channel.clone()).update_person(request).await.map(drop)
                }
                Err(wrong) => return Ok(Done::Refused(wrong.iter().cloned().collect())),
            },
            DirectoryRecord::OptOut(opt_out) => {
                let request = CreateOptOutRequest { opt_out: Some(opt_out.clone()) };
                RatingServiceClient::new(channel.clone()).create_opt_out(request).await.map(drop)
            }
        };
        match noted {
            Ok(()) => Ok(Done::Noted),
            Err(status) if is_about_the_line(&status) => Ok(refused(&status)),
            Err(status) => Err(status),
        }
    }

    async fn team(&mut self, channel: &Channel, team: &Team) -> Result<(), Status> {
        let mut client = DirectoryServiceClient::new(channel.clone());
        let stored = if team.external_id.is_empty() {
            self.team_without_id(channel, team).await?
        } else {
            let identity =
                team_identity(team).map_err(|wrong| Status::invalid_argument(wrong.to_string()))?;
            let name = format!("teams/{}", TeamRef::External(identity));
            let said = Team { name, etag: String::new(), ..team.clone() };
            client.update_team(update_team(said)).await?.into_inner().name
        };
        self.teams.insert(team.name.clone(), stored);
        Ok(())
    }

    /// A team without an external id is matched by its display name, or created.
    async fn team_without_id(&mut self, channel: &Channel, team: &Team) -> Result<String, Status> {
        let mut client = DirectoryServiceClient::new(channel.clone());
        let known = match self.teams_without_id.take() {
            Some(known) => known,
            None => teams_without_id(channel).await?,
        };
        let known = self.teams_without_id.insert(known);
        if let Some(name) = known.get(&team.display_name) {
            let said = Team { name: name.clone(), etag: String::new(), ..team.clone() };
            return Ok(client.update_team(update_team(said)).await?.into_inner().name);
        }
        let request = CreateTeamRequest { team: Some(team.clone()), request_id: String::new() };
        let name = client.create_team(request).await?.into_inner().name;
        known.insert(team.display_name.clone(), name.clone());
        Ok(name)
    }

    fn person(&self, person: &Person) -> Result<UpdatePersonRequest, Violations> {
        let name = format!("people/{}", person_ref(person)?);
        let teams = person.teams.iter().map(|team| self.teams.get(team).unwrap_or(team).clone());
        let said = Person { name, teams: teams.collect(), etag: String::new(), ..person.clone() };
        Ok(UpdatePersonRequest {
            person: Some(said),
            update_mask: Some(FieldMask { paths: vec!["*".to_owned()] }),
            allow_missing: true,
            request_id: String::new(),
        })
    }
}

fn team_identity(team: &Team) -> Result<TeamIdentity, Violations> {
    let mut violations = Violations::default();
    let source = violations.check("team.source", SourceName::new(&*team.source));
    let external_id = violations.check("team.externalId", ExternalId::new(&*team.external_id));
    match (source, external_id) {
        (Some(source), Some(external_id)) => Ok(TeamIdentity { source, external_id }),
        _ => Err(violations),
    }
}

fn person_ref(person: &Person) -> Result<PersonRef, Violations> {
    let mut violations = Violations::default();
    let kind = AuthorKind::from_number(person.kind).ok_or_else(|| "is required".to_owned());
    let kind = violations.check("person.kind", kind);
    let source = violations.check("person.source", SourceName::new(&*person.source));
    let external_id = ExternalId::optional(person.external_id.clone());
    let external_id = violations.check("person.externalId", external_id).flatten();
    let identity =
        |known_by| Some(PersonRef::Identity(PersonIdentity { source: source?, kind: kind?, known_by }));
    let name = match (external_id, &person.known_name) {
        (Some(external_id), _) => identity(KnownBy::ExternalId(external_id)),
        (None, Some(name)) if kind.is_none_or(AuthorKind::is_agent) => identity(KnownBy::Name(name.clone())),
        (None, Some(name)) => {
            violations.check("person.conversation", customer(person, name)).map(PersonRef::InConversation)
        }
        (None, None) => {
            let rule = "is required unless knownName is given";
            violations.add("person.externalId", rule);
            None
        }
    };
    match name {
        Some(name) => violations.or(name),
        None => Err(violations),
    }
}

/// The customer known by this name within a conversation.
fn customer(person: &Person, name: &str) -> Result<CustomerByName, String> {
    match names::parse_conversation("person.conversation", &person.conversation) {
        Ok(ConversationRef::External { source, external_id }) if source == *person.source => {
            Ok(CustomerByName { source, external_id, name: name.to_owned() })
        }
        _ => {
            let rule = "must look like `conversations/{source}:{external id}` with the customer's source";
            Err(format!("{rule}, is {}", rules::shown(&person.conversation)))
        }
    }
}

fn update_team(team: Team) -> UpdateTeamRequest {
    UpdateTeamRequest {
        team: Some(team),
        update_mask: Some(FieldMask { paths: vec!["*".to_owned()] }),
        allow_missing: true,
        request_id: String::new(),
    }
}

async fn teams_without_id(channel: &Channel) -> Result<HashMap<String, String>, Status> {
    let mut teams = HashMap::new();
    let mut page_token = String::new();
    loop {
        let request = ListTeamsRequest { page_size: PAGE_SIZE, page_token };
        let page = DirectoryServiceClient::new(channel.clone()).list_teams(request).await?.into_inner();
        let without_id = page.teams.into_iter().filter(|team| team.external_id.is_empty());
        teams.extend(without_id.map(|team| (team.display_name, team.name)));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(teams);
        }
    }
}

/// Whether the error concerns this line only, so that the import can continue.
fn is_about_the_line(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::InvalidArgument | Code::NotFound | Code::AlreadyExists | Code::FailedPrecondition
    )
}

fn refused(status: &Status) -> Done {
    let violations = status.get_details_bad_request().map(|bad| bad.field_violations).unwrap_or_default();
    if violations.is_empty() {
        return Done::NotFound(status.message().to_owned());
    }
    let violations = violations
        .into_iter()
        .map(|wrong| Violation { field: Form::Export.key(&wrong.field), message: wrong.description });
    Done::Refused(violations.collect())
}
