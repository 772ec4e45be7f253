//! What docs/rest-craftcx.md says of requests and errors.

use serde_json::Value;

use super::setup::{error_of, sample};

const DOCUMENT: &str = include_str!("../../../docs/rest-craftcx.md");

/// That it is answered as shown is tested with all samples of all pages.
#[test]
fn the_documented_request_is_the_products_own_example() {
    let (_, rest) = DOCUMENT.split_once("<<'END'\n").expect("a request");
    let (request, _) = rest.split_once("END\n").expect("its end");
    assert_eq!(serde_json::from_str::<Value>(request).expect("JSON"), sample());
}

#[tokio::test]
async fn every_documented_error_has_its_code() {
    let mut codes = 0;
    for row in DOCUMENT.lines().filter_map(|line| line.strip_prefix("| ")) {
        let mut cells = row.split('|').map(str::trim);
        let (Some(Ok(status)), Some(code)) = (cells.next().map(str::parse::<u16>), cells.next()) else {
            continue;
        };
        let status = http::StatusCode::from_u16(status).unwrap();
        let code = code.trim_matches('`');
        if code == "overloaded" {
            // It shares its status with `unavailable`; see the tests of a failing store.
            continue;
        }
        let response = plaudit::rest::error("/v1/assess", status, "x");
        let (head, body) = response.into_parts();
        let body = http_body_util::BodyExt::collect(body).await.unwrap().to_bytes();
        let answer = crate::harness::Answer { status: head.status, headers: head.headers, body };
        assert_eq!((answer.status, error_of(&answer).0.as_str()), (status, code));
        codes += 1;
    }
    assert_eq!(codes, 10);
}
