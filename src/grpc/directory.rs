//! `DirectoryService` on the wire.

mod person;
mod team;

use tonic::{Request, Response, Status};

use crate::proto::v1;

use super::{edge::Edge, services::directory_service_server::DirectoryService};

#[tonic::async_trait]
impl DirectoryService for Edge {
    async fn get_person(
        &self,
        request: Request<v1::GetPersonRequest>,
    ) -> Result<Response<v1::Person>, Status> {
        Ok(Response::new(person::get(self.call(), request.into_inner()).await?))
    }

    async fn list_people(
        &self,
        request: Request<v1::ListPeopleRequest>,
    ) -> Result<Response<v1::ListPeopleResponse>, Status> {
        Ok(Response::new(person::list(self.call(), request.into_inner()).await?))
    }

    async fn update_person(
        &self,
        request: Request<v1::UpdatePersonRequest>,
    ) -> Result<Response<v1::Person>, Status> {
        Ok(Response::new(person::update(self.call(), request.into_inner()).await?))
    }

    async fn create_team(
        &self,
        request: Request<v1::CreateTeamRequest>,
    ) -> Result<Response<v1::Team>, Status> {
        Ok(Response::new(team::create(self.call(), request.into_inner()).await?))
    }

    async fn get_team(&self, request: Request<v1::GetTeamRequest>) -> Result<Response<v1::Team>, Status> {
        Ok(Response::new(team::get(self.call(), request.into_inner()).await?))
    }

    async fn list_teams(
        &self,
        request: Request<v1::ListTeamsRequest>,
    ) -> Result<Response<v1::ListTeamsResponse>, Status> {
        Ok(Response::new(team::list(self.call(), request.into_inner()).await?))
    }

    async fn update_team(
        &self,
        request: Request<v1::UpdateTeamRequest>,
    ) -> Result<Response<v1::Team>, Status> {
        Ok(Response::new(team::update(self.call(), request.into_inner()).await?))
    }

    async fn delete_team(&self, request: Request<v1::DeleteTeamRequest>) -> Result<Response<()>, Status> {
        team::delete(self.call(), request.into_inner()).await?;
        Ok(Response::new(()))
    }
}
