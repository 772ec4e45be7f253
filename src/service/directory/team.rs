//! Creating, updating and deleting teams.

use crate::{
    domain::{NewTeam, Team, TeamId, TeamIdentity, TeamRef, TeamUpdate, UnixMillis},
    error::{Error, ResourceKind},
    service::{Call, check_etag, decide::Decide, idempotency::Mutation},
    store::{
        Decision, Reader, directory,
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
pub async fn get_team(call: Call<'_>, name: &TeamRef) -> Result<Team, Error> {
    find(&call.space(), name).await
}

/// At most `limit` teams after `after`.
pub async fn list_teams(call: Call<'_>, after: TeamId, limit: usize) -> Result<TeamPage, Error> {
    let mut teams = directory::list_teams(&call.space(), after, limit + 1).await?;
    let has_more = teams.len() > limit;
    teams.truncate(limit);
    Ok(TeamPage { teams, has_more })
}

/// Creates a team.
pub async fn create_team(call: Call<'_>, new: &NewTeam) -> Result<Team, Error> {
    call.carry_out(&Create { call, new }).await
}

struct Create<'a> {
    call: Call<'a>,
    new: &'a NewTeam,
}

impl Decide for Create<'_> {
    type Answer = Team;

    fn subject(&self) -> String {
        format!("the team {:?}", self.new.display_name)
    }

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<Team, Error> {
        if let Some(identity) = &self.new.identity
            && let Some(team) = directory::find_team_number(&*decision, identity).await?
        {
            let TeamIdentity { source, external_id } = identity.clone();
            return Err(Error::TeamExists {
                source_name: source.into(),
                external_id: external_id.into(),
                name: format!("teams/{team}"),
            });
        }
        let services = self.call.services;
        let team = Team::new(TeamId(services.ids.take(1).await?), self.new.clone(), services.clock.now());
        directory::put_new_team(decision, &team);
        Ok(team)
    }
}

impl Mutation for Create<'_> {
    const METHOD: Method = Method::CreateTeam;

    fn content(&self) -> Vec<u8> {
        records::encode(self.new).to_vec()
    }

    fn record(&self, team: &Team) -> RequestAnswer {
        RequestAnswer::CreateTeam(team.id)
    }

    async fn replay(&self, record: RequestAnswer, _: UnixMillis) -> Result<Option<Team>, Error> {
        let RequestAnswer::CreateTeam(id) = record else { return Ok(None) };
        get_team(self.call, &TeamRef::Id(id)).await.map(Some)
    }
}

/// An update of a team.
#[derive(Clone, Debug)]
pub struct UpdateTeam {
    pub name: TeamRef,
    pub patch: TeamUpdate,
    /// The version that the caller has seen.
    pub etag: Option<String>,
    /// Whether to create a team that is not in the directory.
    pub allow_missing: bool,
}

/// Updates a team; an update that changes nothing writes nothing.
pub async fn update_team(call: Call<'_>, update: &UpdateTeam) -> Result<Team, Error> {
    call.carry_out(&Update { call, update }).await
}

struct Update<'a> {
    call: Call<'a>,
    update: &'a UpdateTeam,
}

impl Decide for Update<'_> {
    type Answer = Team;

    fn subject(&self) -> String {
        format!("teams/{}", self.update.name)
    }

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<Team, Error> {
        let services = self.call.services;
        let UpdateTeam { name, patch, etag, allow_missing } = self.update;
        let now = services.clock.now();
        let before = directory::find_team(&*decision, name).await?;
        let mut team = match (&before, name) {
            (Some(before), _) => before.clone(),
            (None, TeamRef::External(identity)) if *allow_missing => {
                Team::first_seen(TeamId(services.ids.take(1).await?), identity.clone(), now)
            }
            _ => return Err(not_found(name)),
        };
        if let Some(before) = &before {
            check_etag(
                etag.as_deref(),
                || before.version.to_string(),
                ResourceKind::Team,
                || self.subject(),
            )?;
        }
        if let Some(display_name) = &patch.display_name {
            team.display_name.clone_from(display_name);
        }
        if let Some(description) = &patch.description {
            team.description.clone_from(description);
        }
        match before {
            None => directory::put_new_team(decision, &team),
            Some(before) if before == team => {}
            Some(_) => {
                team.version += 1;
                team.update_time = now;
                directory::put_team(decision, &team);
            }
        }
        Ok(team)
    }
}

impl Mutation for Update<'_> {
    const METHOD: Method = Method::UpdateTeam;

    fn content(&self) -> Vec<u8> {
        let UpdateTeam { name, patch, etag, allow_missing } = self.update;
        records::encode(&(name, patch, etag, allow_missing)).to_vec()
    }

    fn record(&self, team: &Team) -> RequestAnswer {
        RequestAnswer::UpdateTeam(team.id)
    }

    async fn replay(&self, record: RequestAnswer, _: UnixMillis) -> Result<Option<Team>, Error> {
        let RequestAnswer::UpdateTeam(id) = record else { return Ok(None) };
        get_team(self.call, &TeamRef::Id(id)).await.map(Some)
    }
}

/// Deletes a team that has no members.
pub async fn delete_team(call: Call<'_>, name: &TeamRef, etag: Option<&str>) -> Result<(), Error> {
    call.carry_out(&Delete { name, etag }).await
}

struct Delete<'a> {
    name: &'a TeamRef,
    etag: Option<&'a str>,
}

impl Decide for Delete<'_> {
    type Answer = ();

    fn subject(&self) -> String {
        format!("teams/{}", self.name)
    }

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<(), Error> {
        let team = find(&*decision, self.name).await?;
        check_etag(self.etag, || team.version.to_string(), ResourceKind::Team, || self.subject())?;
        if team.member_count > 0 {
            return Err(Error::TeamNotEmpty { name: self.subject(), members: team.member_count });
        }
        directory::delete_team(decision, &team);
        Ok(())
    }
}

impl Mutation for Delete<'_> {
    const METHOD: Method = Method::DeleteTeam;

    fn content(&self) -> Vec<u8> {
        records::encode(&(self.name, self.etag)).to_vec()
    }

    fn record(&self, (): &()) -> RequestAnswer {
        RequestAnswer::DeleteTeam
    }

    async fn replay(&self, record: RequestAnswer, _: UnixMillis) -> Result<Option<()>, Error> {
        Ok(matches!(record, RequestAnswer::DeleteTeam).then_some(()))
    }
}

async fn find(reader: &dyn Reader, name: &TeamRef) -> Result<Team, Error> {
    directory::find_team(reader, name).await?.ok_or_else(|| not_found(name))
}

fn not_found(name: &TeamRef) -> Error {
    Error::not_found(ResourceKind::Team, format!("teams/{name}"))
}
