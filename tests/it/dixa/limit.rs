//! The documented rate limit, which an operator may set.

use plaudit::{rest::Options, service::Settings};

use super::setup::{LIST, Setup, message_of};

#[tokio::test]
async fn without_a_setting_there_is_no_limit() {
    let setup = Setup::start().await;
    for _ in 0..50 {
        assert_eq!(setup.http().get(LIST).await.status, 200);
    }
}

#[tokio::test]
async fn beyond_the_limit_a_key_gets_429_and_is_told_when_to_retry() {
    let documented = Options { dixa_requests_per_second: 10, dixa_burst: 4 };
    let setup = Setup::start_with(Settings::default(), documented).await;
    let get = async |key: &str| setup.http().send("GET", LIST, &[("authorization", key)], "").await;
    for _ in 0..4 {
        assert_eq!(get("one").await.status, 200);
    }
    // However the key is sent, it is the same key.
    for key in ["one", "Bearer one", "bearer one"] {
        let refused = get(key).await;
        assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (429, "1"));
        assert!(message_of(&refused).starts_with("Too Many Requests: "), "{refused:?}");
    }
    assert_eq!(get("two").await.status, 200, "another key has its own limit");
    assert_eq!(setup.http().get(LIST).await.status, 200, "and so has none at all");
    setup.clock.advance_millis(100);
    assert_eq!(get("one").await.status, 200);
    assert_eq!(get("one").await.status, 429);
    // Paths outside the Dixa dialect have no such limit.
    for _ in 0..9 {
        let other = setup.http().send("GET", "/v1/assess/x", &[("authorization", "one")], "").await;
        assert_eq!(other.status, 404);
    }
}
