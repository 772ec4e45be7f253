//! Opt-outs stored by an earlier build.

use plaudit::{
    domain::{ConversationId, RatingId, UnixMillis},
    proto::v1::{
        CreateOptOutRequest, ListOptOutsRequest, OptOut, RatingState,
        rating_service_client::RatingServiceClient,
    },
    store::{keys::KnownCustomer, records},
};

use super::{offer, opt_out};
use crate::harness::{KEYS, Plaudit, put, sample};

/// An id with control characters, which an earlier build accepted, now reads with control pictures.
#[tokio::test]
async fn a_customer_who_opted_out_under_a_multi_line_id_is_not_asked() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let mut request = sample::import("42");
    let customer = request.messages[0].author.as_mut().unwrap();
    customer.external_id = Some("2␊3".to_owned());
    let customer = customer.clone();
    let name = client.import(request).await.unwrap().conversation;
    let asked = || offer(&name, &[plaudit::proto::v1::RatingType::Csat]);
    let open = client.offer_rating(asked()).await.unwrap();
    let since = UnixMillis::clamped(1_700_000_000_000);
    let key = KEYS.opt_out_of("test", &KnownCustomer::ExternalId("2\n3".to_owned()));
    put(&server.store, |decision| {
        decision.put_new(key, &records::OptOut { rating: RatingId(0), time: since });
    })
    .await;

    let rating = client.offer_rating(asked()).await.unwrap();
    assert_eq!(rating.state(), RatingState::Unscheduled);
    let again = OptOut { source: "test".to_owned(), customer: Some(customer), ..OptOut::default() };
    let mut ratings = RatingServiceClient::new(server.channel().await);
    let again =
        ratings.create_opt_out(CreateOptOutRequest { opt_out: Some(again) }).await.unwrap().into_inner();
    assert_eq!(
        again.opt_out_time.unwrap().seconds,
        since.millis() / 1000,
        "it is known, and not stored a second time"
    );

    client.submit_rating(opt_out(&open.name, false)).await.unwrap();
    assert_eq!(client.offer_rating(asked()).await.unwrap().state(), RatingState::Offered);
}

/// It never had any effect, and an import would refuse it.
#[tokio::test]
async fn an_opt_out_by_name_under_a_foreign_source_is_not_listed() {
    let server = Plaudit::start().await;
    let name = server.client().await.import(sample::import("42")).await.unwrap().conversation;
    let id = ConversationId(name.trim_start_matches("conversations/").parse().unwrap());
    for source in ["other", "test"] {
        let key = KEYS.opt_out_of(source, &KnownCustomer::NameIn(id, "Jo".to_owned()));
        let opt_out = records::OptOut { rating: RatingId(0), time: UnixMillis::clamped(1_700_000_000_000) };
        put(&server.store, |decision| decision.put_new(key, &opt_out)).await;
    }
    let mut ratings = RatingServiceClient::new(server.channel().await);
    let page = ratings.list_opt_outs(ListOptOutsRequest::default()).await.unwrap().into_inner();
    let listed: Vec<_> = page.opt_outs.iter().map(|opt_out| opt_out.source.as_str()).collect();
    assert_eq!(listed, ["test"]);
}
