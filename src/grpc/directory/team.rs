//! Teams on the wire.

use crate::{
    domain::{TeamDraft, TeamId, TeamUpdateDraft, UpdateMask, Violations},
    error::Error,
    proto::v1,
    service::{
        Call,
        directory::{self, UpdateTeam},
    },
    wire::{
        directory::team_to_wire,
        fields::{below, etag_from_wire, paths, request_id_from_wire},
        names,
    },
};

use super::super::pages;

/// All teams are one list.
const LIST: &str = "teams";

pub async fn get(call: Call<'_>, request: v1::GetTeamRequest) -> Result<v1::Team, Error> {
    let name = names::parse_team("name", &request.name)?;
    Ok(team_to_wire(directory::get_team(call, &name).await?))
}

pub async fn list(call: Call<'_>, request: v1::ListTeamsRequest) -> Result<v1::ListTeamsResponse, Error> {
    let mut violations = Violations::default();
    let size = pages::size(request.page_size, &mut violations);
    let after = pages::place_number(call.services, LIST, &request.page_token, &mut violations);
    violations.or(())?;
    let page = directory::list_teams(call, TeamId(after), size).await?;
    let numbers: Vec<TeamId> = page.teams.iter().map(|team| team.id).collect();
    let mut teams: Vec<_> = page.teams.into_iter().map(team_to_wire).collect();
    let has_more = pages::cut(&mut teams) || page.has_more;
    let last = teams.len().checked_sub(1).and_then(|last| numbers.get(last));
    let next_page_token = match last {
        Some(last) if has_more => call.services.page_token(LIST, last),
        _ => String::new(),
    };
    Ok(v1::ListTeamsResponse { teams, next_page_token })
}

pub async fn create(call: Call<'_>, request: v1::CreateTeamRequest) -> Result<v1::Team, Error> {
    let mut violations = Violations::default();
    let team = request.team.unwrap_or_default();
    let request_id = request_id_from_wire(&request.request_id, &mut violations);
    let v1::Team { source, external_id, display_name, description, .. } = team;
    let draft = TeamDraft { source, external_id, display_name, description };
    let new = draft.check(violations).map_err(|violations| violations.renamed(below("team")))?;
    Ok(team_to_wire(directory::create_team(call.with_request_id(request_id.as_ref()), &new).await?))
}

pub async fn update(call: Call<'_>, request: v1::UpdateTeamRequest) -> Result<v1::Team, Error> {
    let mut violations = Violations::default();
    let team = request.team.unwrap_or_default();
    let paths = paths(request.update_mask);
    let mask = UpdateMask::new(&paths, &TeamUpdateDraft::FIELDS, &mut violations);
    let request_id = request_id_from_wire(&request.request_id, &mut violations);
    let name = violations.take(names::parse_team("team.name", &team.name));
    let draft = TeamUpdateDraft {
        display_name: mask.take_text("display_name", &team.display_name),
        description: mask.take_text("description", &team.description),
    };
    let patch = draft.check(&mut violations);
    let renamed = |violations: Violations| violations.renamed(below("team"));
    let Some(name) = name else { return Err(renamed(violations).into()) };
    violations.or(()).map_err(renamed)?;
    let etag = etag_from_wire(team.etag);
    let update = UpdateTeam { name, patch, etag, allow_missing: request.allow_missing };
    Ok(team_to_wire(directory::update_team(call.with_request_id(request_id.as_ref()), &update).await?))
}

pub async fn delete(call: Call<'_>, request: v1::DeleteTeamRequest) -> Result<(), Error> {
    let mut violations = Violations::default();
    let request_id = request_id_from_wire(&request.request_id, &mut violations);
    let name = violations.collect(names::parse_team("name", &request.name))?;
    let etag = etag_from_wire(request.etag);
    directory::delete_team(call.with_request_id(request_id.as_ref()), &name, etag.as_deref()).await
}
