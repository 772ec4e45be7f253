//! The people who take part in conversations, and the teams they work in.

mod people;
mod seen;
mod teams;
mod without_ids;

use plaudit::proto::v1::{
    AuthorKind, CreateTeamRequest, DeleteTeamRequest, GetPersonRequest, GetTeamRequest, ListPeopleRequest,
    ListPeopleResponse, ListTeamsRequest, ListTeamsResponse, Person, Team, UpdatePersonRequest,
    UpdateTeamRequest, directory_service_client::DirectoryServiceClient,
};
use prost_types::FieldMask;
use tonic::{Response, Status, transport::Channel};

use crate::harness::Plaudit;

/// A caller of the directory.
#[derive(Clone)]
struct Directory(DirectoryServiceClient<Channel>);

impl Directory {
    async fn of(server: &Plaudit) -> Self {
        Self(DirectoryServiceClient::new(server.channel().await))
    }

    async fn person(&self, name: &str) -> Result<Person, Status> {
        let request = GetPersonRequest { name: name.to_owned() };
        self.0.clone().get_person(request).await.map(Response::into_inner)
    }

    async fn people(&self, request: ListPeopleRequest) -> Result<ListPeopleResponse, Status> {
        self.0.clone().list_people(request).await.map(Response::into_inner)
    }

    /// The display names of people of a kind and source, page by page.
    async fn called(&self, kind: AuthorKind, source: &str, page_size: i32) -> Vec<String> {
        let mut called = Vec::new();
        let mut page_token = String::new();
        loop {
            let source = source.to_owned();
            let request =
                ListPeopleRequest { kind: kind.into(), source, page_size, page_token, ..Default::default() };
            let page = self.people(request).await.expect("a page");
            assert!(page_size == 0 || page.people.len() <= page_size as usize);
            called.extend(page.people.into_iter().map(|person| person.display_name));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return called;
            }
        }
    }

    async fn update(&self, request: UpdatePersonRequest) -> Result<Person, Status> {
        self.0.clone().update_person(request).await.map(Response::into_inner)
    }

    async fn team(&self, name: &str) -> Result<Team, Status> {
        let request = GetTeamRequest { name: name.to_owned() };
        self.0.clone().get_team(request).await.map(Response::into_inner)
    }

    async fn teams(&self, page_size: i32, page_token: &str) -> Result<ListTeamsResponse, Status> {
        let request = ListTeamsRequest { page_size, page_token: page_token.to_owned() };
        self.0.clone().list_teams(request).await.map(Response::into_inner)
    }

    async fn create_team(&self, request: CreateTeamRequest) -> Result<Team, Status> {
        self.0.clone().create_team(request).await.map(Response::into_inner)
    }

    async fn update_team(&self, request: UpdateTeamRequest) -> Result<Team, Status> {
        self.0.clone().update_team(request).await.map(Response::into_inner)
    }

    async fn delete_team(&self, name: &str, etag: &str, request_id: &str) -> Result<(), Status> {
        let (name, etag, request_id) = (name.to_owned(), etag.to_owned(), request_id.to_owned());
        self.0.clone().delete_team(DeleteTeamRequest { name, etag, request_id }).await.map(|_| ())
    }
}

/// A request to change a person, creating them if they are missing.
fn upsert(name: &str, person: Person) -> UpdatePersonRequest {
    let person = Some(Person { name: name.to_owned(), ..person });
    UpdatePersonRequest { person, allow_missing: true, ..UpdatePersonRequest::default() }
}

fn mask(paths: &[&str]) -> Option<FieldMask> {
    Some(FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() })
}

fn new_team(external_id: &str, display_name: &str) -> CreateTeamRequest {
    let team = Team {
        external_id: external_id.to_owned(),
        display_name: display_name.to_owned(),
        ..Team::default()
    };
    CreateTeamRequest { team: Some(team), ..CreateTeamRequest::default() }
}
