//! Every rule and limit of the request's fields, one per row.

use serde_json::{Value, json};

use super::setup::{error_of, post, sample};
use crate::harness::Plaudit;

/// A field, its value, and what is then reported as wrong: nothing means 200.
type Row = (&'static str, fn() -> Value, &'static [&'static str]);

const TEXTS: &[Row] = &[
    ("direction", || json!("out"), &[]),
    ("direction", || json!("IN"), &["direction"]),
    ("direction", || json!(""), &["direction"]),
    ("direction", || json!(1), &["direction"]),
    ("direction", || json!(null), &[]),
    ("from", || json!(["a@b.c"]), &["from"]),
    ("from", || json!("x".repeat(512)), &[]),
    ("from", || json!("x".repeat(513)), &["from"]),
    ("fromName", || json!(7), &["fromName"]),
    ("fromName", || json!("x".repeat(513)), &["fromName"]),
    ("to", || json!("a@b.c"), &["to"]),
    ("to", || json!([]), &[]),
    ("to", || json!(["a@b.c", "B <b@b.c>", ""]), &[]),
    ("to", || json!(["a@b.c", 7]), &["to[1]"]),
    ("to", || json!(["x".repeat(513)]), &["to[0]"]),
    ("to", || json!(vec!["a"; 201]), &["to"]),
    ("ccEmails", || json!([null]), &["ccEmails[0]"]),
    ("bccEmails", || json!({}), &["bccEmails"]),
    ("subject", || json!("x".repeat(4096)), &[]),
    ("subject", || json!("x".repeat(4097)), &["subject"]),
    ("body", || json!("x".repeat(256 * 1024)), &[]),
    ("body", || json!("x".repeat(256 * 1024 + 1)), &["body"]),
    ("body", || json!({}), &["body"]),
    ("bodyPlain", || json!("x".repeat(256 * 1024 + 1)), &["bodyPlain"]),
    ("bodyClean", || json!("x".repeat(256 * 1024 + 1)), &["bodyClean"]),
    ("private", || json!("true"), &["private"]),
    ("private", || json!(true), &[]),
    ("automatic", || json!("true"), &["automatic"]),
    ("automatic", || json!(true), &[]),
    ("type", || json!("note"), &[]),
    ("type", || json!(3), &["type"]),
    ("externalConversationId", || json!(123), &["externalConversationId"]),
    ("externalConversationId", || json!("x".repeat(513)), &["externalConversationId"]),
    ("crmNotificationId", || json!(123), &["crmNotificationId"]),
    ("contractId", || json!(123), &["contractId"]),
    ("customerId", || json!(123), &["customerId"]),
    ("unknown", || json!({ "a": [1, null] }), &[]),
];

const OTHERS: &[Row] = &[
    ("process", || json!("realtime"), &[]),
    ("process", || json!(false), &[]),
    ("process", || json!("false"), &[]),
    ("process", || json!(true), &["process"]),
    ("process", || json!("now"), &["process"]),
    ("status", || json!("closed"), &[]),
    ("status", || json!("solved"), &["status"]),
    ("priority", || json!("urgent"), &[]),
    ("priority", || json!("Low"), &["priority"]),
    ("createdAt", || json!("2024-02-29 23:59:59"), &[]),
    ("createdAt", || json!("2023-02-29 00:00:00"), &["createdAt"]),
    ("createdAt", || json!("2024-03-01T00:00:00Z"), &["createdAt"]),
    ("createdAt", || json!("1969-12-31 23:59:59"), &["createdAt"]),
    ("createdAt", || json!("2016-12-31 23:59:60"), &["createdAt"]),
    ("createdAt", || json!(1_709_251_200), &["createdAt"]),
    ("firstResponseDueBy", || json!("soon"), &["firstResponseDueBy"]),
    ("dueBy", || json!(""), &["dueBy"]),
    ("subchannelId", || json!(4.0), &[]),
    ("subchannelId", || json!(4.5), &["subchannelId"]),
    ("subchannelId", || json!("4"), &["subchannelId"]),
    ("agentId", || json!("123"), &["agentId"]),
    ("agentId", || json!(0), &[]),
    ("agentId", || json!(-1), &["agentId"]),
    ("rawData", || json!([1]), &["rawData"]),
    ("rawData", || json!({ "a": "x".repeat(256 * 1024) }), &["rawData"]),
    ("sender", || json!("Tom"), &["sender"]),
    ("sender", || json!({ "name": 7 }), &["sender.name"]),
    ("content", || json!("words"), &["content"]),
    ("content", || json!({ "message": 7 }), &["content.message"]),
    ("content", || json!({ "a": "x".repeat(64 * 1024) }), &["content"]),
    ("intentIds", || json!([1, "two"]), &[]),
    ("intentIds", || json!([1.5]), &["intentIds[0]"]),
    ("intentIds", || json!(vec![1; 101]), &["intentIds"]),
    ("attachments", || json!({}), &["attachments"]),
    ("attachments", || json!(["a"]), &["attachments[0]"]),
    ("attachments", || json!([{ "name": "a" }]), &["attachments[0]"]),
    ("attachments", || json!([{ "url": "", "base64": null }]), &["attachments[0]"]),
    ("attachments", || json!([{ "url": "", "base64": "" }]), &[]),
    ("attachments", || json!([{ "base64": "no base64!" }]), &["attachments[0].base64"]),
    ("attachments", || json!([{ "base64": 7 }]), &["attachments[0].base64"]),
    ("attachments", || json!([{ "url": "javascript:alert(1)" }]), &["attachments[0].url"]),
    ("attachments", || json!([{ "url": 7, "base64": "AAAA" }]), &["attachments[0].url"]),
    ("attachments", || json!([{ "url": "http://a/b c" }]), &["attachments[0].url"]),
    ("attachments", || json!([{ "url": "https://a.example/b", "base64": 7 }]), &[]),
    ("attachments", || json!([{ "base64": "AAAA", "name": "x".repeat(513) }]), &["attachments[0].name"]),
    ("attachments", || json!(vec![json!({ "base64": "AAAA" }); 101]), &["attachments"]),
    ("attachments", || json!([{ "base64": "AAAA".repeat(3_600_000) }]), &["attachments"]),
];

#[tokio::test]
async fn each_rule_holds_and_names_its_field() {
    let server = Plaudit::start().await;
    for (field, value, named) in TEXTS.iter().chain(OTHERS) {
        let value = value();
        let shown: String = value.to_string().chars().take(60).collect();
        let mut body = sample();
        body[*field] = value;
        let answer = post(&server, &body).await;
        if named.is_empty() {
            assert_eq!(answer.status, 200, "{field}: {shown}: {answer:?}");
            continue;
        }
        assert_eq!(answer.status, 400, "{field}: {shown}");
        let message = error_of(&answer);
        for name in *named {
            assert!(message.contains(&format!("{name}: ")), "{field}: {shown}: {message}");
        }
        let others = message.matches("; ").count() + 1;
        assert!(others <= named.len() + 1, "{field}: {shown}: {message}");
    }
}

#[tokio::test]
async fn all_violations_are_reported_at_once_and_nothing_is_stored() {
    let server = Plaudit::start().await;
    let body = json!({
        "direction": "up", "private": 1, "createdAt": "today", "to": [1], "attachments": [{}],
        "status": "x", "agentId": "y", "process": "z", "subject": "x".repeat(5000),
    });
    let answer = server.http().post("/ticket/8821/conversation/store?process=later", body.to_string()).await;
    assert_eq!(answer.status, 400);
    let message = error_of(&answer);
    for field in [
        "direction",
        "private",
        "createdAt",
        "to[0]",
        "attachments[0]",
        "status",
        "agentId",
        "process",
        "subject",
    ] {
        assert!(message.contains(&format!("{field}: ")), "{field} in {message}");
    }
    assert!(server.client().await.conversation(super::setup::CONVERSATION).await.is_err());
}

#[tokio::test]
async fn an_unreadable_attachment_is_reported_once() {
    let server = Plaudit::start().await;
    for (attachment, named) in [
        (json!({ "name": "a", "base64": "no base64!" }), "attachments[0].base64"),
        (json!({ "base64": 7 }), "attachments[0].base64"),
        (json!({ "url": 7 }), "attachments[0].url"),
        (json!({ "url": 7, "base64": "AAAA" }), "attachments[0].url"),
        (json!({ "name": "a" }), "attachments[0]"),
    ] {
        let message = error_of(&post(&server, &json!({ "attachments": [attachment] })).await);
        let rest = message.split_once(&format!("{named}: ")).map(|(_, rest)| rest);
        assert!(rest.is_some_and(|rest| !rest.contains("; ")), "{attachment}: {message}");
    }
}
