//! Reading scorecards: names and pages.

use crate::harness::{Plaudit, assert_not_found, fields, sample};

#[tokio::test]
async fn the_built_in_scorecards_are_listed_and_read_by_name() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let all = client.scorecards(50).await;
    let names: Vec<_> = all.iter().map(|scorecard| scorecard.name.as_str()).collect();
    assert_eq!(names, ["scorecards/axis/revisions/1", "scorecards/service-basics/revisions/1"]);
    for page_size in [1, 2, 3, 0, i32::MAX] {
        assert_eq!(client.scorecards(page_size).await, all, "pages of {page_size}");
    }
    for scorecard in all {
        assert_eq!(client.get_scorecard(&scorecard.name).await.unwrap(), scorecard);
        let family = scorecard.name.split_once("/revisions/").unwrap().0;
        assert_eq!(client.get_scorecard(family).await.unwrap(), scorecard, "a family is its newest revision");
        assert!(scorecard.revision_id > 0 && scorecard.base_id > 0);
    }
    let before = client.scorecards(50).await;
    let server = server.restart().await;
    assert_eq!(server.client().await.scorecards(50).await, before, "they are not seeded twice");
}

#[tokio::test]
async fn malformed_names_are_refused_and_unknown_ones_are_not_found() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    for malformed in [
        "",
        "axis",
        "scorecards",
        "scorecards/",
        "scorecards/Axis",
        "scorecards/a b",
        "scorecards/axis/",
        "scorecards/axis/revisions",
        "scorecards/axis/revisions/",
        "scorecards/axis/revisions/01",
        "scorecards/axis/revisions/-1",
        "scorecards/axis/revisions/4294967296",
        "scorecards/axis/revisions/1/x",
        &format!("scorecards/{}", "a".repeat(64)),
    ] {
        assert_eq!(fields(&client.get_scorecard(malformed).await.unwrap_err()), ["name"], "{malformed}");
    }
    let longest = format!("scorecards/{}", "a".repeat(63));
    for unknown in [
        "scorecards/nothing",
        "scorecards/axis/revisions/0",
        "scorecards/axis/revisions/4294967295",
        &longest,
    ] {
        assert_not_found(&client.get_scorecard(unknown).await.unwrap_err(), "scorecard");
    }
}

#[tokio::test]
async fn an_invalid_page_size_or_token_is_refused() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let name = client.import(sample::import("42")).await.unwrap().conversation;
    let token = client.list_scorecards(1, "").await.unwrap().next_page_token;
    let foreign = client.list_messages(&name, 1, "").await.unwrap().next_page_token;
    assert_eq!(fields(&client.list_scorecards(-1, "").await.unwrap_err()), ["page_size"]);
    for wrong in [foreign.as_str(), &token[1..], &format!("{token}x"), "x"] {
        assert_eq!(fields(&client.list_scorecards(1, wrong).await.unwrap_err()), ["page_token"], "{wrong}");
    }
    assert_eq!(fields(&client.list_scorecards(-1, "x").await.unwrap_err()), ["page_size", "page_token"]);
}
