//! `GET /attachments/{link}`: downloads an attachment. Whoever has the link may do so.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Path, State, rejection::PathRejection},
    response::Response,
    routing::get,
};
use http::{HeaderName, HeaderValue, StatusCode, header};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{
    domain::AttachedFile,
    error::Error,
    service::{Services, message::get_attachment},
};

use super::{
    fault::{Fault, plain_error},
    request,
};

pub fn routes() -> Router<Arc<Services>> {
    Router::new().route("/attachments/{link}", get(download))
}

async fn download(
    State(services): State<Arc<Services>>,
    link: Result<Path<String>, PathRejection>,
) -> Response {
    // A path that cannot be decoded names no attachment.
    let link = link.map(|Path(link)| link).unwrap_or_default();
    match get_attachment(request::call(&services), &link).await {
        Ok(file) => answer(file),
        Err(Error::NotFound { .. }) => {
            plain_error(&Fault::new(StatusCode::NOT_FOUND, "there is no attachment with this link"))
        }
        Err(error) => plain_error(&error.into()),
    }
}

/// A browser may only save the file: the headers keep it from displaying it, sniffing another type, or running anything in it.
fn answer(file: AttachedFile) -> Response {
    let disposition = disposition(&file.file_name);
    let mut response = Response::new(Body::from(file.bytes));
    let fixed: [(HeaderName, &'static str); 3] = [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"),
    ];
    let headers = response.headers_mut();
    headers.extend(fixed.map(|(name, value)| (name, HeaderValue::from_static(value))));
    let octets = HeaderValue::from_static("application/octet-stream");
    headers.insert(header::CONTENT_TYPE, HeaderValue::try_from(file.content_type).unwrap_or(octets));
    let download = HeaderValue::from_static("attachment");
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::try_from(disposition).unwrap_or(download));
    response
}

/// RFC 6266: the name in ASCII for old clients, and in full for others.
fn disposition(file_name: &str) -> String {
    let ascii: String = file_name
        .chars()
        .map(|character| match character {
            '"' | '\\' | '/' | '%' => '_',
            character if character.is_ascii_graphic() || character == ' ' => character,
            _ => '_',
        })
        .collect();
    let encoded = utf8_percent_encode(file_name, NON_ALPHANUMERIC);
    format!("attachment; filename=\"{ascii}\"; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_cannot_break_out_of_its_header() {
        assert_eq!(
            disposition("a \"b\"\r\n/ü.png"),
            "attachment; filename=\"a _b_____.png\"; filename*=UTF-8''a%20%22b%22%0D%0A%2F%C3%BC%2Epng"
        );
    }
}
