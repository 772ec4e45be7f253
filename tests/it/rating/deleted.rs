//! Ratings of a deleted conversation are hidden until it is undeleted.

use plaudit::proto::v1::{ListRatingsRequest, Rating, RatingType, SummarizeRatingsRequest};
use tonic::Status;

use super::{offer, start, submission};
use crate::harness::{assert_not_found, sample};

#[tokio::test]
async fn ratings_of_a_deleted_conversation_are_neither_shown_nor_changed() {
    let (_server, client, name) = start().await;
    let other = client.import(sample::import("43")).await.unwrap().conversation;
    let hidden = client.offer_rating(offer(&name, &[RatingType::Csat])).await.unwrap();
    let shown = client.offer_rating(offer(&other, &[RatingType::Csat])).await.unwrap();
    client.scored(&other).await;
    client.delete(&name).await.unwrap();

    let refused: [Result<Rating, Status>; 4] = [
        client.offer_rating(offer(&name, &[RatingType::Csat])).await,
        client.get_rating(&hidden.name).await,
        client.submit_rating(submission(&hidden.name, &[(0, 5)])).await,
        client.cancel_rating(&hidden.name, "").await,
    ];
    for refused in refused {
        assert_not_found(&refused.unwrap_err(), "conversation");
    }
    let list = ListRatingsRequest { parent: name.clone(), ..ListRatingsRequest::default() };
    assert_not_found(&client.list_ratings(list).await.unwrap_err(), "conversation");
    assert_eq!(client.ratings("conversations/-", 50).await, std::slice::from_ref(&shown));

    client.undelete(&name).await.unwrap();
    assert_eq!(client.ratings("conversations/-", 50).await, [shown, hidden]);
}

#[tokio::test]
async fn a_summary_counts_the_ratings_that_the_full_list_shows() {
    let (_server, client, name) = start().await;
    let other = client.import(sample::import("43")).await.unwrap().conversation;
    for parent in [&name, &other] {
        let rating = client.offer_rating(offer(parent, &[RatingType::Csat])).await.unwrap();
        client.submit_rating(submission(&rating.name, &[(0, 5)])).await.unwrap();
    }
    let counted = async || {
        let summary = client.summarize_ratings(SummarizeRatingsRequest::default()).await.unwrap();
        assert_eq!(summary.csat_mean.unwrap().n, summary.offered_count);
        assert_eq!(summary.offered_count as usize, client.ratings("conversations/-", 50).await.len());
        summary.offered_count
    };
    assert_eq!(counted().await, 2);
    client.delete(&name).await.unwrap();
    assert_eq!(counted().await, 1);
    client.delete(&other).await.unwrap();
    assert_eq!(counted().await, 0);
    client.undelete(&name).await.unwrap();
    assert_eq!(counted().await, 1);
}
