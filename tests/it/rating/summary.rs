//! Summaries of ratings: which ratings are counted. The formulas have tests of their own.

use plaudit::proto::v1::{
    AuthorKind, Channel, Estimate, RatingFilter, RatingType, SummarizeRatingsRequest,
    SummarizeRatingsResponse,
};

use super::{after_start, offer, offer_with, opt_out, person, start, submission, undisturbed};
use crate::harness::{Client, sample};

async fn summary(client: &Client, filter: RatingFilter) -> SummarizeRatingsResponse {
    client.summarize_ratings(SummarizeRatingsRequest { filter: Some(filter) }).await.unwrap()
}

/// The number of observations, the value and the interval, to four digits.
fn shown(estimate: Option<Estimate>) -> (i64, Option<f64>, Option<(f64, f64)>) {
    let rounded = |value: f64| (value * 1e4).round() / 1e4;
    let estimate = estimate.unwrap();
    let interval = estimate.interval.map(|interval| (rounded(interval.lower), rounded(interval.upper)));
    (estimate.n, estimate.value.map(rounded), interval)
}

#[tokio::test]
async fn without_ratings_there_are_no_values() {
    let (_server, client, _) = start().await;
    let nothing = summary(&client, RatingFilter::default()).await;
    assert_eq!((nothing.offered_count, nothing.answered_count), (0, 0));
    for estimate in [nothing.response_rate, nothing.csat_mean, nothing.net_promoter_score] {
        assert_eq!(shown(estimate), (0, None, None));
    }
}

#[tokio::test]
async fn offers_and_answers_are_counted_in_their_current_state() {
    let (server, client, name) = start().await;
    let types = [RatingType::Csat, RatingType::Nps, RatingType::Thumbs];
    for values in [[5, 10, 1], [4, 9, 1], [4, 8, 0], [1, 6, 1]] {
        let rating = client.offer_rating(offer(&name, &types)).await.unwrap().name;
        // These first answers are replaced later.
        client.submit_rating(submission(&rating, &[(0, 2), (1, 0), (2, 0)])).await.unwrap();
        let places = values.iter().zip(0..).map(|(value, place)| (place, *value)).collect::<Vec<_>>();
        client.submit_rating(submission(&rating, &places)).await.unwrap();
    }
    let partly = client.offer_rating(offer(&name, &types)).await.unwrap().name;
    client.submit_rating(submission(&partly, &[(2, 0)])).await.unwrap();
    let ignored = client.offer_rating(offer(&name, &types)).await.unwrap().name;
    let cancelled = client.offer_rating(offer(&name, &types)).await.unwrap().name;
    client.cancel_rating(&cancelled, "").await.unwrap();
    let expiring = offer_with(&name, |rating| rating.expire_time = after_start(1));
    client.offer_rating(expiring).await.unwrap();
    client.offer_rating(offer_with(&name, |rating| rating.schedule_time = after_start(60))).await.unwrap();
    client.submit_rating(opt_out(&ignored, true)).await.unwrap();
    client.offer_rating(offer(&name, &types)).await.unwrap();
    server.clock.advance_millis(5_000);

    let all = summary(&client, RatingFilter::default()).await;
    // Asked: four fully answered, one partly answered, one opted out of, one expired. Not asked: cancelled, scheduled,
    // withheld.
    assert_eq!((all.offered_count, all.answered_count), (7, 5));
    assert_eq!(shown(all.response_rate), (7, Some(0.7143), Some((0.3589, 0.9178))));
    assert_eq!(shown(all.csat_mean), (4, Some(3.5), Some((2.0001, 4.4336))));
    assert_eq!(shown(all.csat_satisfied_share), (4, Some(0.75), Some((0.3006, 0.9544))));
    // Two promoters and one detractor out of four.
    assert_eq!(shown(all.net_promoter_score), (4, Some(25.0), Some((-50.4687, 77.8338))));
    assert_eq!(shown(all.thumbs_up_share), (5, Some(0.6), Some((0.2307, 0.8824))));

    server.clock.advance_millis(60_000);
    assert_eq!(
        summary(&client, RatingFilter::default()).await.offered_count,
        8,
        "the scheduled offer is due"
    );
}

#[tokio::test]
async fn a_summary_is_filtered_by_time_agent_channel_and_source() {
    let (_server, client, name) = start().await;
    let mut elsewhere = sample::import("42");
    elsewhere.conversation.as_mut().unwrap().source = "elsewhere".to_owned();
    let other = client.import(elsewhere).await.unwrap().conversation;
    for (parent, agent, seconds, value) in
        [(&name, "t1", 0, 5), (&name, "bot", 10, 1), (&other, "t1", 20, 3), (&other, "bot", 30, 2)]
    {
        let request = offer_with(parent, |rating| {
            rating.agent = person(AuthorKind::Ai, agent);
            rating.offer_time = after_start(seconds);
        });
        let rating = client.offer_rating(request).await.unwrap().name;
        client.submit_rating(submission(&rating, &[(0, value)])).await.unwrap();
    }
    let any = RatingFilter::default;
    for (filter, n, mean) in [
        (any(), 4, Some(2.75)),
        (RatingFilter { agent: person(AuthorKind::Ai, "t1"), ..any() }, 2, Some(4.0)),
        (RatingFilter { agent: person(AuthorKind::Teammate, "t1"), ..any() }, 0, None),
        (RatingFilter { source: "elsewhere".to_owned(), ..any() }, 2, Some(2.5)),
        (RatingFilter { channel: Channel::WidgetChat.into(), ..any() }, 4, Some(2.75)),
        (RatingFilter { channel: Channel::Email.into(), ..any() }, 0, None),
        (RatingFilter { start_time: after_start(10), end_time: after_start(30), ..any() }, 2, Some(2.0)),
        (RatingFilter { start_time: after_start(30), ..any() }, 1, Some(2.0)),
    ] {
        let found = summary(&client, filter.clone()).await;
        let csat = shown(found.csat_mean);
        assert_eq!((found.offered_count, csat.0, csat.1), (n, n, mean), "{filter:?}");
        assert_eq!(csat.2.is_some(), n >= 1, "{filter:?}");
    }
}

#[tokio::test]
async fn a_summary_reads_the_range_and_no_conversation() {
    let (server, client, name) = start().await;
    for seconds in 0..30 {
        let request = offer_with(&name, |rating| rating.offer_time = after_start(seconds));
        client.offer_rating(request).await.unwrap();
    }
    let filter =
        RatingFilter { start_time: after_start(10), end_time: after_start(20), ..RatingFilter::default() };
    let (found, reads) = undisturbed(&server, async || summary(&client, filter.clone()).await).await;
    assert_eq!(found.offered_count, 10);
    assert_eq!(reads, 10 + 1, "ten entries, and one read for deletions");
}
