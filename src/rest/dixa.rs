//! The Dixa dialect: ratings, below `/beta/conversations` and `/v1/conversations`. docs/rest-dixa.md describes it.

mod decode;
mod encode;
mod limit;

use std::{num::NonZeroU32, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::{Path, Request, State, rejection::PathRejection},
    middleware::{self, Next},
    response::Response,
    routing::{get, post},
};
use http::{HeaderMap, StatusCode, header, request::Parts};

use crate::{
    domain::{ConversationRef, FIRST_ID, RatingFilter, RatingId, RatingRef, RequestId, Violations},
    error::{Error, ResourceKind},
    interchange::json,
    service::{Services, conversation, rating},
    wire::MAX_REQUEST_BYTES,
};

use super::{answer::answer, fault::Fault, options::Options, request};

use limit::Limit;

/// The most ratings in a list: the documented API has no pages. gRPC lists them all.
const MAX_RATINGS: usize = 1000;
/// The code of faults outside the body.
const INVALID_VALUE: &str = "invalid_value";

/// The handlers' shared state.
struct Dixa {
    services: Arc<Services>,
    limit: Option<Limit>,
}

type Shared = State<Arc<Dixa>>;
type Segments<T> = Result<Path<T>, PathRejection>;

pub fn routes<S: Clone + Send + Sync + 'static>(services: Arc<Services>, options: &Options) -> Router<S> {
    let rate = NonZeroU32::new(options.dixa_requests_per_second);
    let limit = rate.map(|per_second| Limit::new(per_second, options.dixa_burst));
    let dixa = Arc::new(Dixa { services, limit });
    let ratings = Router::new()
        .route("/conversations/{id}/ratings/offer", post(post_offer))
        .route("/conversations/{id}/ratings/{rating}/submit", post(post_submit))
        .route("/conversations/{id}/ratings", get(get_ratings))
        .route("/conversations/{id}/rating", get(get_ratings))
        .route_layer(middleware::from_fn_with_state(dixa.clone(), admit));
    Router::new().nest("/beta", ratings.clone()).nest("/v1", ratings).with_state(dixa)
}

/// Applies the rate limit of the request's key. The key itself is not checked: there is no access control yet.
async fn admit(State(dixa): Shared, request: Request, next: Next) -> Response {
    let Some(limit) = &dixa.limit else { return next.run(request).await };
    match limit.take(api_key(request.headers()), dixa.services.now()) {
        Ok(()) => next.run(request).await,
        Err(wait) => {
            let fault = Fault::new(StatusCode::TOO_MANY_REQUESTS, "this key has exceeded its rate limit");
            error(&Fault { retry_after: Some(wait), ..fault })
        }
    }
}

/// The API key, with or without `Bearer`. Requests without a key share the empty one.
fn api_key(headers: &HeaderMap) -> &[u8] {
    let value = headers.get(header::AUTHORIZATION).map_or(&b""[..], |value| value.as_bytes());
    match value.split_at_checked(7) {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case(b"Bearer ") => key.trim_ascii(),
        _ => value,
    }
}

async fn post_offer(State(dixa): Shared, path: Segments<String>, request: Request) -> Response {
    dixa.offer(path.ok().map(|Path(id)| id), request).await.unwrap_or_else(|fault| error(&fault))
}

async fn post_submit(State(dixa): Shared, path: Segments<(String, String)>, request: Request) -> Response {
    dixa.submit(path.ok().map(|Path(ids)| ids), request).await.unwrap_or_else(|fault| error(&fault))
}

async fn get_ratings(State(dixa): Shared, path: Segments<String>) -> Response {
    dixa.list(path.ok().map(|Path(id)| id)).await.unwrap_or_else(|fault| error(&fault))
}

impl Dixa {
    async fn offer(&self, id: Option<String>, request: Request) -> Result<Response, Fault> {
        let conversation = self.conversation(id.as_deref())?;
        let (head, body) = request.into_parts();
        let (key, new) = read(head, body, decode::offer).await?;
        let rating = rating::offer_rating(
            request::call(&self.services).with_request_id(key.as_ref()),
            &conversation,
            &new,
        )
        .await;
        let rating =
            rating.map_err(|error| fault(error, id.as_deref(), &conversation, decode::offered_field))?;
        let data = encode::offered(self.services.rating_uuid_of(&rating), &rating);
        Ok(answer(StatusCode::CREATED, &encode::Data { data }))
    }

    async fn submit(&self, ids: Option<(String, String)>, request: Request) -> Result<Response, Fault> {
        let (id, rating) = ids.unzip();
        let conversation = self.conversation(id.as_deref())?;
        let uuid = decode::uuid(rating.as_deref().unwrap_or_default()).map_err(invalid_value)?;
        let name = RatingRef { conversation, uuid };
        let (head, body) = request.into_parts();
        let (key, submission) = read(head, body, decode::submission).await?;
        let submitted = rating::submit_rating(
            request::call(&self.services).with_request_id(key.as_ref()),
            &name,
            &submission,
        )
        .await;
        let submitted = submitted
            .map_err(|error| fault(error, id.as_deref(), &name.conversation, decode::submitted_field))?;
        let data = encode::submitted(uuid, &submission, &submitted);
        Ok(answer(StatusCode::CREATED, &encode::Data { data }))
    }

    async fn list(&self, text: Option<String>) -> Result<Response, Fault> {
        let services = &self.services;
        let named = self.conversation(text.as_deref())?;
        let id = conversation::resolve(request::call(services), &named).await;
        let id = id.map_err(|error| fault(error, text.as_deref(), &named, str::to_owned))?;
        let any = RatingFilter::default();
        let page = rating::list_ratings_of(request::call(services), id, &any, RatingId(0), MAX_RATINGS).await;
        let page = page.map_err(|error| fault(error, text.as_deref(), &named, str::to_owned))?;
        let now = services.now();
        let ratings = page.ratings.iter();
        let data: Vec<_> =
            ratings.flat_map(|rating| encode::listed(services.rating_uuid_of(rating), rating, now)).collect();
        Ok(answer(StatusCode::OK, &encode::Data { data }))
    }

    /// Resolves the conversation id of a path; `None` stands for a path that cannot be decoded.
    fn conversation(&self, id: Option<&str>) -> Result<ConversationRef, Fault> {
        decode::conversation(id.unwrap_or_default(), self.services.settings().dixa_source)
            .map_err(invalid_value)
    }
}

/// Reads a body and its idempotency key.
async fn read<T>(
    head: Parts,
    body: Body,
    decode: fn(&[u8]) -> Result<T, Violations>,
) -> Result<(Option<RequestId>, T), Fault> {
    let body = request::read_json_body(&head.headers, body, MAX_REQUEST_BYTES).await?;
    let mut violations = Violations::default();
    let key = request::idempotency_key(&head.headers, &mut violations);
    match decode(&body) {
        Ok(decoded) if violations.is_empty() => Ok((key, decoded)),
        Ok(_) => Err(invalid_value(violations)),
        decoded => violations.collect(decoded).map(|decoded| (key, decoded)).map_err(Fault::from),
    }
}

/// An error in terms of this dialect. `id` is the conversation's as the caller wrote it.
fn fault(
    error: Error,
    id: Option<&str>,
    conversation: &ConversationRef,
    documented: fn(&str) -> String,
) -> Fault {
    match error {
        Error::Invalid(violations) => violations.renamed(documented).into(),
        Error::NotFound { kind: ResourceKind::Conversation, .. } => {
            let id = json::shown(id.unwrap_or_default());
            let why = match conversation {
                ConversationRef::Id(_) => format!(
                    "numbers from {FIRST_ID} on are those that Plaudit has given to conversations, and none has this one; an \
                     id of Dixa's is below"
                ),
                ConversationRef::External { source, .. } => {
                    format!("nothing is stored for it in the source {source:?}; import it first")
                }
            };
            Fault::new(StatusCode::NOT_FOUND, format!("there is no conversation {id}: {why}"))
        }
        other => other.into(),
    }
}

/// A fault outside the body: in the path or a header.
fn invalid_value(violations: Violations) -> Fault {
    Fault { code: INVALID_VALUE, ..violations.into() }
}

/// `{"message":…}`: the documented text, then the detail.
pub fn error(fault: &Fault) -> Response {
    let fixed = match fault.status {
        StatusCode::BAD_REQUEST if fault.code == INVALID_VALUE => "Invalid value in request",
        StatusCode::BAD_REQUEST => "Decoding failure in request",
        StatusCode::NOT_FOUND => "The requested resource could not be found",
        status => status.canonical_reason().unwrap_or("Error"),
    };
    let detail = match fault.violations.is_empty() {
        true => fault.message.clone(),
        false => fault.violations.to_string(),
    };
    fault.respond(&encode::ErrorBody { message: format!("{fixed}: {detail}") })
}
