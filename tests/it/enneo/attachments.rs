//! Files attached to a message.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::json;

use super::setup::{CONVERSATION, stored};
use crate::harness::{Answer, Plaudit};

/// The header of a 3 by 2 pixel PNG.
const PNG: [u8; 29] = [
    0x89, b'P', b'N', b'G', 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13, b'I', b'H', b'D', b'R', 0, 0, 0, 3, 0, 0, 0,
    2, 8, 2, 0, 0, 0,
];

async fn download(server: &Plaudit, url: &str) -> Answer {
    let path = url.split_once("://").and_then(|(_, rest)| rest.split_once('/')).expect("a URL").1;
    server.http().get(&format!("/{path}")).await
}

#[tokio::test]
async fn one_in_base64_is_decoded_sniffed_measured_and_served_as_a_download() {
    let server = Plaudit::start().await;
    let body = json!({ "attachments": [{ "name": "Foto ä.PNG", "base64": BASE64_STANDARD.encode(PNG) }] });
    let file = stored(&server, &body).await["conversation"]["attachments"][0].clone();
    let (id, url) = (file["id"].as_str().unwrap(), file["url"].as_str().unwrap());
    let expected = json!({
        "id": id, "url": url, "name": "Foto ä.PNG", "size": 29, "width": 3, "height": 2, "inline": false,
        "fileEnding": "png", "contentType": "image/png", "originalUrl": null, "extractedData": null,
        "extractionStatus": null, "extractionData": null,
    });
    assert_eq!(file, expected);
    let answer = download(&server, url).await;
    assert_eq!((answer.status.as_u16(), &answer.body[..]), (200, &PNG[..]));
    for (name, value) in [
        ("content-type", "image/png"),
        ("content-disposition", "attachment; filename=\"Foto _.PNG\"; filename*=UTF-8''Foto%20%C3%A4%2EPNG"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "default-src 'none'; sandbox"),
        ("content-length", "29"),
    ] {
        assert_eq!(answer.header(name), value);
    }
}

#[tokio::test]
async fn a_mail_that_is_large_for_a_pasted_screenshot_is_stored_with_it() {
    let server = Plaudit::start().await;
    let screenshot: Vec<u8> = PNG.into_iter().chain((0..300_000).map(|place| (place % 251) as u8)).collect();
    let image = format!("<img src=\"data:image/png;base64,{}\">", BASE64_STANDARD.encode(&screenshot));
    let mail = json!({
        "body": format!("<p>See the error:</p>{image}<p>Same again: {image}</p>"),
        "bodyPlain": "See the error:",
        "externalConversationId": "mail-1",
    });
    let first = stored(&server, &mail).await["conversation"].clone();
    let shown = "<img src=\"cid:inline-image-1.png\">";
    assert_eq!(first["body"], format!("<p>See the error:</p>{shown}<p>Same again: {shown}</p>"));
    assert_eq!(first["bodyPlain"], "See the error:");
    let files = first["attachments"].as_array().unwrap();
    assert_eq!(
        (files.len(), &files[0]["name"], &files[0]["inline"]),
        (1, &json!("inline-image-1.png"), &json!(true))
    );
    let answer = download(&server, files[0]["url"].as_str().unwrap()).await;
    assert_eq!(answer.body[..], screenshot[..]);

    let again = stored(&server, &mail).await["conversation"].clone();
    assert_eq!(again["id"], first["id"]);
}

#[tokio::test]
async fn an_empty_file_is_a_file() {
    let server = Plaudit::start().await;
    let body = json!({ "attachments": [{ "name": "empty.txt", "base64": "" }] });
    let file = stored(&server, &body).await["conversation"]["attachments"][0].clone();
    assert_eq!((&file["name"], &file["size"]), (&json!("empty.txt"), &json!(0)));
    let answer = download(&server, file["url"].as_str().unwrap()).await;
    assert_eq!((answer.status.as_u16(), answer.body.len()), (200, 0));
}

#[tokio::test]
async fn a_page_is_never_shown_and_a_link_cannot_be_guessed() {
    let server = Plaudit::start().await;
    let page = BASE64_STANDARD.encode("<!DOCTYPE html><script>alert(1)</script>");
    let body =
        json!({ "attachments": [{ "name": "x.html", "base64": page }, { "name": "y", "base64": "eA==" }] });
    let files = stored(&server, &body).await["conversation"]["attachments"].clone();
    let urls = [&files[0], &files[1]].map(|file| file["url"].as_str().unwrap().to_owned());
    let answer = download(&server, &urls[0]).await;
    assert!(answer.header("content-disposition").starts_with("attachment;"));
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    let tag = |url: &str| url.rsplit_once('-').unwrap().1.to_owned();
    assert_eq!(tag(&urls[0]).len(), 32);
    let crossed = urls[0].replace(&tag(&urls[0]), &tag(&urls[1]));
    for wrong in
        [crossed, urls[0][..urls[0].len() - 1].to_owned(), urls[0].replace("/attachments/", "/attachments/x")]
    {
        assert_eq!(download(&server, &wrong).await.status, 404, "{wrong}");
    }
}

#[tokio::test]
async fn one_by_url_is_recorded_and_its_base64_not_read() {
    let server = Plaudit::start().await;
    let url = "https://files.example/photo.JPG?size=1";
    let body = json!({ "attachments": [{ "name": "photo.JPG", "url": url, "base64": "not base64" }] });
    let file = stored(&server, &body).await["conversation"]["attachments"][0].clone();
    for (field, value) in [
        ("url", json!(url)),
        ("originalUrl", json!(url)),
        ("name", json!("photo.JPG")),
        ("fileEnding", json!("jpg")),
        ("size", json!(null)),
        ("width", json!(null)),
        ("height", json!(null)),
        ("contentType", json!(null)),
    ] {
        assert_eq!(file[field], value, "{field}");
    }
    let messages = server.client().await.messages(CONVERSATION, 50).await;
    let attachment = &messages[0].attachments[0];
    assert_eq!((attachment.source_url.as_deref(), &attachment.download_path), (Some(url), &None));
}

#[tokio::test]
async fn ten_mib_survive_a_restart_and_are_in_no_page_of_messages() {
    let server = Plaudit::start().await;
    let bytes: Vec<u8> = (0..10 * 1024 * 1024_u32).map(|place| (place / 7) as u8).collect();
    let body = json!({ "attachments": [{ "name": "large.bin", "base64": BASE64_STANDARD.encode(&bytes) }] });
    let url =
        stored(&server, &body).await["conversation"]["attachments"][0]["url"].as_str().unwrap().to_owned();
    let server = server.restart().await;
    assert_eq!(download(&server, &url).await.body, bytes);
    let messages = server.client().await.messages(CONVERSATION, 50).await;
    assert!(prost::Message::encoded_len(&messages[0]) < 2048);
}
