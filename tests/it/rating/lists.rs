//! Lists of ratings: their order, filters, pages and tokens.

use plaudit::proto::v1::{
    Author, AuthorKind, Channel, ListRatingsRequest, Rating, RatingFilter, RatingState, RatingType,
};

use super::{CONVERSATION, after_start, offer, offer_with, opt_out, person, start, submission, undisturbed};
use crate::harness::{Client, assert_not_found, fields, sample};

const ALL: &str = "conversations/-";

fn list(parent: &str, page_size: i32, filter: RatingFilter) -> ListRatingsRequest {
    let parent = parent.to_owned();
    ListRatingsRequest { parent, page_size, filter: Some(filter), ..ListRatingsRequest::default() }
}

/// All ratings that match a filter, page by page, and the number of pages.
async fn chosen(client: &Client, mut request: ListRatingsRequest) -> (Vec<Rating>, usize) {
    let mut all = Vec::new();
    for pages in 1.. {
        let page = client.list_ratings(request.clone()).await.unwrap();
        assert!(page.ratings.len() <= request.page_size as usize);
        all.extend(page.ratings);
        if page.next_page_token.is_empty() {
            return (all, pages);
        }
        request.page_token = page.next_page_token;
    }
    unreachable!("the pages came to an end")
}

fn names(ratings: &[Rating]) -> Vec<&str> {
    ratings.iter().map(|rating| rating.name.as_str()).collect()
}

#[tokio::test]
async fn ratings_of_one_conversation_are_in_offer_order_and_all_ratings_newest_first() {
    let (_server, client, name) = start().await;
    let other = client.import(sample::import("43")).await.unwrap().conversation;
    let mut offered = Vec::new();
    for (parent, seconds) in [(&name, 30), (&other, 20), (&name, 10), (&name, 20), (&other, 40)] {
        let request = offer_with(parent, |rating| rating.offer_time = after_start(seconds));
        offered.push(client.offer_rating(request).await.unwrap());
    }
    let at = |places: &[usize]| places.iter().map(|place| offered[*place].clone()).collect::<Vec<_>>();
    for page_size in [1, 2, 5, 50] {
        assert_eq!(client.ratings(&name, page_size).await, at(&[0, 2, 3]), "{page_size}");
        assert_eq!(client.ratings(CONVERSATION, page_size).await, at(&[0, 2, 3]), "{page_size}");
        assert_eq!(client.ratings(ALL, page_size).await, at(&[4, 0, 3, 1, 2]), "{page_size}");
    }
    for parent in ["conversations/test:none", "conversations/5000000000000000"] {
        let refused = client.list_ratings(list(parent, 5, RatingFilter::default())).await.unwrap_err();
        assert_not_found(&refused, "conversation");
    }
}

#[tokio::test]
async fn each_filter_applies_and_several_must_all_hold() {
    let (server, client, name) = start().await;
    let mut elsewhere = sample::import("42");
    elsewhere.conversation.as_mut().unwrap().source = "elsewhere".to_owned();
    let other = client.import(elsewhere).await.unwrap().conversation;
    let bot = |rating: &mut Rating| rating.agent = person(AuthorKind::Ai, "bot");
    let mut names = Vec::new();
    for request in [
        offer(&name, &[RatingType::Csat]),
        offer_with(&name, bot),
        offer_with(&name, |rating| rating.offer_time = after_start(-3600)),
        offer_with(&other, bot),
        offer_with(&name, |rating| rating.expire_time = after_start(5)),
        offer_with(&name, |rating| rating.schedule_time = after_start(3600)),
        offer_with(&name, |rating| rating.user = person(AuthorKind::Contact, "out")),
        offer_with(&name, |rating| {
            rating.agent = Some(Author { name: Some("Tom".to_owned()), ..Author::default() });
        }),
    ] {
        names.push(client.offer_rating(request).await.unwrap().name);
    }
    client.submit_rating(submission(&names[0], &[(0, 5)])).await.unwrap();
    client.cancel_rating(&names[1], "").await.unwrap();
    client.submit_rating(opt_out(&names[6], true)).await.unwrap();
    let withheld = offer_with(&name, |rating| rating.user = person(AuthorKind::Contact, "out"));
    names.push(client.offer_rating(withheld).await.unwrap().name);
    server.clock.advance_millis(10_000);

    let any = RatingFilter::default;
    let states = |states: &[RatingState]| RatingFilter {
        states: states.iter().map(|state| (*state).into()).collect(),
        ..RatingFilter::default()
    };
    let agent = |agent| RatingFilter { agent, ..RatingFilter::default() };
    let tom = Some(Author { name: Some("Tom".to_owned()), ..Author::default() });
    let rows: [(RatingFilter, &[usize]); 16] = [
        (any(), &[0, 1, 2, 3, 4, 5, 6, 7, 8]),
        (states(&[RatingState::Rated]), &[0]),
        (states(&[RatingState::Cancelled]), &[1]),
        (states(&[RatingState::Offered]), &[2, 3, 7]),
        (states(&[RatingState::Expired]), &[4]),
        (states(&[RatingState::Scheduled, RatingState::Unscheduled]), &[5, 8]),
        (states(&[RatingState::OptedOut]), &[6]),
        (agent(person(AuthorKind::Ai, "bot")), &[1, 3]),
        (agent(person(AuthorKind::Unspecified, "bot")), &[1, 3]),
        (agent(person(AuthorKind::Teammate, "bot")), &[]),
        (agent(tom), &[7]),
        (RatingFilter { source: "elsewhere".to_owned(), ..any() }, &[3]),
        (RatingFilter { channel: Channel::Email.into(), ..any() }, &[]),
        (RatingFilter { channel: Channel::WidgetChat.into(), start_time: after_start(1), ..any() }, &[5]),
        (RatingFilter { start_time: after_start(-3600), end_time: after_start(0), ..any() }, &[2]),
        (RatingFilter { source: "test".to_owned(), ..agent(person(AuthorKind::Ai, "bot")) }, &[1]),
    ];
    for (filter, expected) in rows {
        for page_size in [1, 3, 50] {
            let (found, _) = chosen(&client, list(ALL, page_size, filter.clone())).await;
            let mut places: Vec<_> = found
                .iter()
                .map(|rating| names.iter().position(|name| *name == rating.name).unwrap())
                .collect();
            places.sort_unstable();
            assert_eq!(places, expected, "{filter:?}");
            let (of_one, _) = chosen(&client, list(&name, page_size, filter.clone())).await;
            let expected = expected.iter().filter(|place| **place != 3).count();
            assert_eq!(of_one.len(), expected, "{filter:?}");
        }
    }
}

#[tokio::test]
async fn a_token_is_valid_only_for_its_list() {
    let (_server, client, name) = start().await;
    for _ in 0..3 {
        client.offer_rating(offer(&name, &[RatingType::Csat])).await.unwrap();
    }
    let offered = RatingFilter { states: vec![RatingState::Offered.into()], ..RatingFilter::default() };
    for (parent, other) in [(ALL, name.as_str()), (name.as_str(), ALL)] {
        let first = client.list_ratings(list(parent, 2, offered.clone())).await.unwrap();
        let page = |parent: &str, filter| ListRatingsRequest {
            page_token: first.next_page_token.clone(),
            ..list(parent, 2, filter)
        };
        let second = client.list_ratings(page(parent, offered.clone())).await.unwrap();
        assert_eq!((second.ratings.len(), second.next_page_token.as_str()), (1, ""));
        assert!(!names(&first.ratings).contains(&second.ratings[0].name.as_str()));
        for wrong in [page(other, offered.clone()), page(parent, RatingFilter::default())] {
            assert_eq!(fields(&client.list_ratings(wrong).await.unwrap_err()), ["page_token"]);
        }
    }
}

#[tokio::test]
async fn a_page_reads_at_most_four_times_its_size_and_may_be_short() {
    let (server, client, name) = start().await;
    let mut rare = Vec::new();
    for number in 0..60 {
        let rating = client.offer_rating(offer(&name, &[RatingType::Csat])).await.unwrap().name;
        if number % 20 == 0 {
            client.submit_rating(submission(&rating, &[(0, 5)])).await.unwrap();
            rare.push(rating);
        }
    }
    let rated = RatingFilter { states: vec![RatingState::Rated.into()], ..RatingFilter::default() };
    for parent in [ALL, &name] {
        for page_size in [1, 2, 10] {
            let mut found = Vec::new();
            let mut request = list(parent, page_size, rated.clone());
            loop {
                let (page, reads) =
                    undisturbed(&server, async || client.list_ratings(request.clone()).await.unwrap()).await;
                // In addition to the named conversation.
                assert!(reads <= 4 * page_size as usize + 1, "{reads} reads for a page of {page_size}");
                found.extend(page.ratings);
                if page.next_page_token.is_empty() {
                    break;
                }
                request.page_token = page.next_page_token;
            }
            if parent == ALL {
                found.reverse();
            }
            assert_eq!(names(&found), rare.iter().map(String::as_str).collect::<Vec<_>>(), "{parent}");
        }
    }
}

#[tokio::test]
async fn pages_are_limited_by_bytes_too() {
    let (_server, client, name) = start().await;
    let mut expected = Vec::new();
    for _ in 0..20 {
        let rating = client.offer_rating(offer(&name, &[RatingType::Nps; 20])).await.unwrap().name;
        let mut request = submission(&rating, &(0..20).map(|place| (place, 5)).collect::<Vec<_>>());
        for answer in &mut request.answers {
            answer.comment = Some("x".repeat(16 * 1024));
        }
        client.submit_rating(request).await.unwrap();
        expected.push(rating);
    }
    assert_eq!(names(&client.ratings(&name, 1000).await), expected);
    expected.reverse();
    assert_eq!(names(&client.ratings(ALL, 1000).await), expected);
}
