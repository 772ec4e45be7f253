//! People on the wire.

use crate::{
    domain::{PersonUpdateDraft, TeamRef, UpdateMask, Violations},
    error::Error,
    proto::v1,
    service::{
        Call,
        directory::{self, PeopleFilter, UpdatePerson},
    },
    wire::{
        directory::person_to_wire,
        enums::choice,
        fields::{below, etag_from_wire, paths, request_id_from_wire},
        names,
    },
};

use super::super::pages;

pub async fn get(call: Call<'_>, request: v1::GetPersonRequest) -> Result<v1::Person, Error> {
    let name = names::parse_person("name", &request.name)?;
    Ok(person_to_wire(directory::get_person(call, &name).await?))
}

pub async fn list(call: Call<'_>, request: v1::ListPeopleRequest) -> Result<v1::ListPeopleResponse, Error> {
    let mut violations = Violations::default();
    let size = pages::size(request.page_size, &mut violations);
    let arguments = format!("people {} {:?} {:?}", request.kind, request.source, request.team);
    let after = pages::place(call.services, &arguments, &request.page_token, &mut violations);
    let filter = filter_from_wire(&request, &mut violations);
    violations.or(())?;
    let after = after.and_then(|place| pages::from_hex(&place));
    let page = directory::list_people(call, &filter, after.as_ref(), size).await?;
    let (places, people): (Vec<_>, Vec<_>) = page.people.into_iter().unzip();
    let mut people: Vec<_> = people.into_iter().map(person_to_wire).collect();
    let has_more = pages::cut(&mut people) || page.has_more;
    let last = people.len().checked_sub(1).and_then(|last| places.get(last));
    let next_page_token = match last {
        Some(last) if has_more => call.services.page_token(&arguments, pages::to_hex(last)),
        _ => String::new(),
    };
    Ok(v1::ListPeopleResponse { people, next_page_token })
}

pub async fn update(call: Call<'_>, request: v1::UpdatePersonRequest) -> Result<v1::Person, Error> {
    let mut violations = Violations::default();
    let person = request.person.unwrap_or_default();
    let paths = paths(request.update_mask);
    let mask = UpdateMask::new(&paths, &PersonUpdateDraft::FIELDS, &mut violations);
    let request_id = request_id_from_wire(&request.request_id, &mut violations);
    let name = violations.take(names::parse_person("person.name", &person.name));
    let says_teams = !person.teams.is_empty();
    let teams = mask.take("teams", person.teams, says_teams);
    let teams = teams.map(|teams| teams_from_wire(&teams, &mut violations));
    let draft = PersonUpdateDraft {
        display_name: mask.take_text("display_name", &person.display_name),
        description: mask.take_text("description", &person.description),
        email: mask.take_text("email", &person.email),
        teams,
    };
    let patch = draft.check(&mut violations);
    let renamed = |violations: Violations| violations.renamed(below("person"));
    let Some(name) = name else { return Err(renamed(violations).into()) };
    violations.or(()).map_err(renamed)?;
    let update =
        UpdatePerson { name, patch, etag: etag_from_wire(person.etag), allow_missing: request.allow_missing };
    match directory::update_person(call.with_request_id(request_id.as_ref()), &update).await {
        Ok(person) => Ok(person_to_wire(person)),
        Err(Error::Invalid(violations)) => Err(renamed(violations).into()),
        Err(error) => Err(error),
    }
}

fn teams_from_wire(names: &[String], violations: &mut Violations) -> Vec<TeamRef> {
    let parsed = names.iter().enumerate();
    let parsed = parsed.filter_map(|(index, name)| {
        violations.take(names::parse_team(&format!("person.teams[{index}]"), name))
    });
    parsed.collect()
}

fn filter_from_wire(request: &v1::ListPeopleRequest, violations: &mut Violations) -> PeopleFilter {
    let kind = choice("kind", request.kind, violations);
    let source = Some(request.source.clone()).filter(|source| !source.is_empty());
    if request.team.is_empty() {
        return PeopleFilter::Of { kind, source };
    }
    if kind.is_some() || source.is_some() {
        violations.add("team", "must not be combined with kind or source");
    }
    match violations.take(names::parse_team("team", &request.team)) {
        Some(team) => PeopleFilter::In(team),
        None => PeopleFilter::Of { kind, source },
    }
}
