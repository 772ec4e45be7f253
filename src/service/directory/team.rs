//! Making, changing and deleting teams.

use crate::{
    domain::{NewTeam, RequestId, Team, TeamId, TeamIdentity, TeamPatch, TeamRef},
    error::{Error, ResourceKind},
    service::{
        ATTEMPTS, Services,
        once::{Begun, Once, foreign_answer},
    },
    store::{
        Batch, StoreError, Stored, directory,
        records::{self, RequestAnswer},
        request::Method,
    },
};

/// A page of teams.
#[derive(Clone, Debug)]
pub struct TeamPage {
    /// Ascending by number.
    pub teams: Vec<Team>,
    /// Whether there are more after it.
    pub has_more: bool,
}

/// One team.
pub async fn get_team(services: &Services, name: &TeamRef) -> Result<Team, Error> {
    find(services, name).await.map(|stored| stored.value)
}

/// At most `limit` teams after `after`.
pub async fn list_teams(services: &Services, after: TeamId, limit: usize) -> Result<TeamPage, Error> {
    let mut teams = directory::list_teams(&*services.store, after, limit + 1).await?;
    let has_more = teams.len() > limit;
    teams.truncate(limit);
    Ok(TeamPage { teams, has_more })
}

/// Makes a team that the directory does not have.
pub async fn create_team(
    services: &Services,
    new: &NewTeam,
    request_id: Option<&RequestId>,
) -> Result<Team, Error> {
    let content = || records::encode(new).to_vec();
    let once = Once::new(services, Method::CreateTeam, request_id, content);
    for _ in 0..ATTEMPTS {
        let expired = match once.begin(services).await? {
            Begun::Answered(RequestAnswer::CreateTeam(id)) => {
                return get_team(services, &TeamRef::Id(id)).await;
            }
            Begun::Answered(_) => return Err(foreign_answer()),
            Begun::Fresh(expired) => expired,
        };
        if let Some(identity) = &new.identity
            && let Some(team) = directory::find_team_number(&*services.store, identity).await?
        {
            let TeamIdentity { source, external_id } = identity.clone();
            let name = format!("teams/{team}");
            let refusal = Err(Error::TeamExists { source_name: source, external_id, name });
            once.unless_done::<()>(services, refusal).await?;
            continue;
        }
        let id = TeamId(services.ids.take(1).await?);
        let team = Team::new(id, new.clone(), services.clock.now());
        let mut batch = Batch::default();
        directory::put_new_team(&mut batch, &team);
        once.record(services, &mut batch, expired, RequestAnswer::CreateTeam(id));
        if commit(services, batch).await? {
            return Ok(team);
        }
    }
    Err(Error::ConcurrentChange { what: format!("the team {:?}", new.display_name) })
}

/// What is to be done with a team.
#[derive(Clone, Debug)]
pub struct TeamUpdate {
    pub name: TeamRef,
    pub patch: TeamPatch,
    /// The version that the caller decided on.
    pub etag: Option<String>,
    /// Whether a team that is not in the directory is made.
    pub allow_missing: bool,
}

/// Says more of a team; nothing is written where all of it was said before.
pub async fn update_team(
    services: &Services,
    update: &TeamUpdate,
    request_id: Option<&RequestId>,
) -> Result<Team, Error> {
    let TeamUpdate { name, patch, etag, allow_missing } = update;
    let content = || records::encode(&(name, patch, etag, allow_missing)).to_vec();
    let once = Once::new(services, Method::UpdateTeam, request_id, content);
    for _ in 0..ATTEMPTS {
        let expired = match once.begin(services).await? {
            Begun::Answered(RequestAnswer::UpdateTeam(id)) => {
                return get_team(services, &TeamRef::Id(id)).await;
            }
            Begun::Answered(_) => return Err(foreign_answer()),
            Begun::Fresh(expired) => expired,
        };
        let mut batch = Batch::default();
        let attempt = change(services, update, &mut batch).await;
        let Some(team) = once.unless_done(services, attempt).await? else { continue };
        once.record(services, &mut batch, expired, RequestAnswer::UpdateTeam(team.id));
        if batch.put.is_empty() || commit(services, batch).await? {
            return Ok(team);
        }
    }
    Err(Error::ConcurrentChange { what: format!("teams/{name}") })
}

/// Builds what an update writes, and answers what the team is then.
async fn change(services: &Services, update: &TeamUpdate, batch: &mut Batch) -> Result<Team, Error> {
    let TeamUpdate { name, patch, etag, allow_missing } = update;
    let now = services.clock.now();
    let (mut team, read) = match (directory::find_team(&*services.store, name).await?, name) {
        (Some(stored), _) => (stored.value.clone(), Some(stored)),
        (None, TeamRef::External(identity)) if *allow_missing => {
            let display_name = identity.external_id.clone();
            let new = NewTeam { identity: Some(identity.clone()), display_name, description: String::new() };
            (Team::new(TeamId(services.ids.take(1).await?), new, now), None)
        }
        _ => return Err(not_found(name)),
    };
    if let Some(stored) = &read {
        check_etag(name, &stored.value, etag.as_deref())?;
    }
    if let Some(display_name) = &patch.display_name {
        team.display_name.clone_from(display_name);
    }
    if let Some(description) = &patch.description {
        team.description.clone_from(description);
    }
    match read {
        None => directory::put_new_team(batch, &team),
        Some(Stored { value, .. }) if value == team => {}
        Some(Stored { raw, .. }) => {
            team.version += 1;
            team.update_time = now;
            directory::put_team(batch, &team, raw);
        }
    }
    Ok(team)
}

/// Deletes a team that has no members.
pub async fn delete_team(
    services: &Services,
    name: &TeamRef,
    etag: Option<&str>,
    request_id: Option<&RequestId>,
) -> Result<(), Error> {
    let content = || records::encode(&(name, etag)).to_vec();
    let once = Once::new(services, Method::DeleteTeam, request_id, content);
    for _ in 0..ATTEMPTS {
        let expired = match once.begin(services).await? {
            Begun::Answered(RequestAnswer::DeleteTeam) => return Ok(()),
            Begun::Answered(_) => return Err(foreign_answer()),
            Begun::Fresh(expired) => expired,
        };
        let attempt = find_empty(services, name, etag).await;
        let Some(Stored { value: team, raw }) = once.unless_done(services, attempt).await? else { continue };
        let mut batch = Batch::default();
        directory::delete_team(&mut batch, &team, raw);
        once.record(services, &mut batch, expired, RequestAnswer::DeleteTeam);
        if commit(services, batch).await? {
            return Ok(());
        }
    }
    Err(Error::ConcurrentChange { what: format!("teams/{name}") })
}

/// False when another write came first.
async fn commit(services: &Services, batch: Batch) -> Result<bool, Error> {
    match services.store.commit(batch).await {
        Ok(_) => Ok(true),
        Err(StoreError::Conflict { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn check_etag(name: &TeamRef, team: &Team, etag: Option<&str>) -> Result<(), Error> {
    match etag {
        Some(sent) if sent != team.version.to_string() => {
            Err(Error::EtagMismatch { name: format!("teams/{name}"), sent: sent.to_owned() })
        }
        _ => Ok(()),
    }
}

async fn find(services: &Services, name: &TeamRef) -> Result<Stored<Team>, Error> {
    directory::find_team(&*services.store, name).await?.ok_or_else(|| not_found(name))
}

fn not_found(name: &TeamRef) -> Error {
    Error::not_found(ResourceKind::Team, format!("teams/{name}"))
}

/// A team that may be deleted.
async fn find_empty(services: &Services, name: &TeamRef, etag: Option<&str>) -> Result<Stored<Team>, Error> {
    let found = find(services, name).await?;
    check_etag(name, &found.value, etag)?;
    if found.value.member_count > 0 {
        let members = found.value.member_count;
        return Err(Error::TeamNotEmpty { name: format!("teams/{name}"), members });
    }
    Ok(found)
}
