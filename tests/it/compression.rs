//! Compressed requests: taken like plain ones, within the same bounds.

use std::{
    convert::Infallible,
    io::Write as _,
    task::{Context, Poll},
};

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use futures_util::{FutureExt as _, future::BoxFuture, stream};
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use plaudit::{
    proto::health::{HealthCheckRequest, health_client::HealthClient},
    proto::v1::{
        Attachment, Author, AuthorKind, ImportConversationRequest, ImportConversationsRequest, Message,
        StoreMessageRequest, conversation_service_client::ConversationServiceClient,
        import_conversations_response::Answer, import_service_client::ImportServiceClient,
        imported_item::Result as ItemResult, queue_service_client::QueueServiceClient,
    },
    wire::{MAX_ATTACHMENTS_REQUEST_BYTES, MAX_REQUEST_BYTES},
};
use prost::Message as _;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use tonic::{Code, Status, body::Body};
use tower::Service;

use crate::harness::{BareGrpc, Plaudit, ServerProcess, bulk_item, fault, fields, sample, soon};

const ENCODINGS: [&str; 2] = ["gzip", "zstd"];
const IMPORT: &str = "/plaudit.v1.ImportService/ImportConversation";
const GET_QUEUE: &str = "/plaudit.v1.QueueService/GetQueue";

fn compressed(encoding: &str, bytes: &[u8]) -> Vec<u8> {
    if encoding == "zstd" {
        return compress_to_vec(bytes, CompressionLevel::Fastest);
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn framed(flags: u8, message: &[u8]) -> Vec<u8> {
    [&[flags], (message.len() as u32).to_be_bytes().as_slice(), message].concat()
}

/// A connection that compresses each message that it sends.
#[derive(Clone)]
struct Compressing {
    connection: BareGrpc,
    encoding: &'static str,
}

impl Service<Request<Body>> for Compressing {
    type Response = Response<Incoming>;
    type Error = hyper::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), hyper::Error>> {
        self.connection.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let Self { mut connection, encoding } = self.clone();
        async move {
            let (mut head, body) = request.into_parts();
            let plain = body.collect().await.expect("a request").to_bytes();
            let (mut rest, mut sent) = (&plain[..], Vec::new());
            while let [0, a, b, c, d, after @ ..] = rest {
                let (message, after) = after.split_at(u32::from_be_bytes([*a, *b, *c, *d]) as usize);
                sent.extend(framed(1, &compressed(encoding, message)));
                rest = after;
            }
            head.headers.insert("grpc-encoding", HeaderValue::from_static(encoding));
            let body = Full::new(Bytes::from(sent)).map_err(|never: Infallible| match never {});
            connection.call(Request::from_parts(head, Body::new(body))).await
        }
        .boxed()
    }
}

async fn callers(server: &Plaudit) -> Vec<Compressing> {
    let connection = server.bare_grpc().await;
    ENCODINGS.map(|encoding| Compressing { connection: connection.clone(), encoding }).to_vec()
}

fn origin() -> http::Uri {
    http::Uri::from_static("http://localhost")
}

async fn send(caller: &BareGrpc, path: &str, encoding: &str, body: Vec<u8>) -> Status {
    let body = Body::new(Full::new(Bytes::from(body)));
    soon("an answer", caller.send(path, &[("grpc-encoding", encoding)], body)).await
}

#[tokio::test]
async fn a_compressed_call_does_what_the_plain_one_does() {
    let server = Plaudit::start().await;
    let plain = server.client().await.import(sample::import("plain")).await.unwrap();
    for caller in callers(&server).await {
        let encoding = caller.encoding;
        let mut imports = ImportServiceClient::with_origin(caller.clone(), origin());
        let imported = imports.import_conversation(sample::import(encoding)).await.unwrap().into_inner();
        let read = async |name: &str| server.client().await.messages(name, 50).await;
        assert_eq!(
            sample::without_names(read(&imported.conversation).await),
            sample::without_names(read(&plain.conversation).await),
            "{encoding}"
        );
        // Above 4 MiB, for its attachment.
        let content = vec![7; 5 << 20];
        let message = Message {
            content: Some("See the photo".to_owned()),
            author: Some(Author {
                kind: AuthorKind::Contact.into(),
                external_id: Some("c1".to_owned()),
                name: None,
            }),
            attachments: vec![Attachment { content: Some(content.clone()), ..Attachment::default() }],
            ..Message::default()
        };
        let request = StoreMessageRequest {
            parent: imported.conversation,
            message: Some(message),
            ..StoreMessageRequest::default()
        };
        let mut conversations = ConversationServiceClient::with_origin(caller.clone(), origin());
        let stored = conversations.store_message(request).await.unwrap().into_inner().message.unwrap();
        assert_eq!(stored.attachments[0].size_bytes, Some(content.len() as i64));
        let mut queue = QueueServiceClient::with_origin(caller.clone(), origin());
        queue.get_queue(plaudit::proto::v1::GetQueueRequest::default()).await.unwrap();
        let mut health = HealthClient::with_origin(caller, origin());
        health.check(HealthCheckRequest::default()).await.unwrap();
    }
}

#[tokio::test]
async fn the_items_of_a_stream_are_inflated_one_by_one() {
    let server = Plaudit::start().await;
    for caller in callers(&server).await {
        let encoding = caller.encoding;
        let mut items: Vec<ImportConversationsRequest> = (0..50)
            .map(|number| bulk_item(number, sample::import(&format!("{encoding} {number}"))))
            .collect();
        // It fails alone, like a plain one.
        items[7].import = Some(too_large(MAX_ATTACHMENTS_REQUEST_BYTES + 1));
        let mut imports = ImportServiceClient::with_origin(caller, origin());
        let answers = imports.import_conversations(stream::iter(items)).await.unwrap().into_inner();
        let answers = soon("the answers", async {
            let mut answers = answers;
            let (mut done, mut failed, mut counts) = (0, 0, None);
            while let Some(answer) = answers.message().await.unwrap() {
                match answer.answer.unwrap() {
                    Answer::Item(item) => match item.result.unwrap() {
                        ItemResult::Failure(failure) => {
                            assert_eq!(failure.field_violations[0].field, "import", "{failure:?}");
                            failed += 1;
                        }
                        _ => done += 1,
                    },
                    Answer::Counts(told) => counts = Some(told),
                }
            }
            (done, failed, counts.unwrap().created)
        });
        assert_eq!(answers.await, (49, 1, 49), "{encoding}");
    }
}

/// An import of this many bytes, mostly in its subject.
fn too_large(bytes: usize) -> ImportConversationRequest {
    let mut import = sample::import("large");
    import.conversation.as_mut().unwrap().subject = Some("x".repeat(bytes));
    import
}

#[tokio::test]
async fn the_limit_counts_what_is_inflated() {
    let server = Plaudit::start().await;
    let caller = server.bare_grpc().await;
    for encoding in ENCODINGS {
        for (path, limit) in [(IMPORT, MAX_ATTACHMENTS_REQUEST_BYTES), (GET_QUEUE, MAX_REQUEST_BYTES)] {
            // A field that nobody knows, of this many bytes with its key and length.
            let unknown = |bytes: usize| {
                let mut message = Vec::with_capacity(bytes);
                prost::encoding::bytes::encode(1000, &vec![0; bytes - 6], &mut message);
                message.resize(bytes, 0);
                message
            };
            let refused =
                send(&caller, path, encoding, framed(1, &compressed(encoding, &unknown(limit + 1)))).await;
            assert_eq!(fault(&refused), (Code::ResourceExhausted, "REQUEST_TOO_LARGE".to_owned()), "{path}");
            assert!(refused.message().contains(&limit.to_string()), "{refused:?}");
            let within =
                send(&caller, path, encoding, framed(1, &compressed(encoding, &unknown(limit)))).await;
            assert_ne!(within.message(), refused.message());
        }
    }
    // And what is decoded of it: the same two limits as of a plain one.
    for encoding in ENCODINGS {
        let large = too_large(MAX_REQUEST_BYTES).encode_to_vec();
        let refused = send(&caller, IMPORT, encoding, framed(1, &compressed(encoding, &large))).await;
        assert!(refused.message().contains(&MAX_REQUEST_BYTES.to_string()), "{refused:?}");
        let many = ImportConversationRequest {
            messages: vec![Message::default(); 100_000],
            ..ImportConversationRequest::default()
        };
        let refused =
            send(&caller, IMPORT, encoding, framed(1, &compressed(encoding, &many.encode_to_vec()))).await;
        assert_eq!(fields(&refused), ["messages"]);
    }
}

#[tokio::test]
async fn an_encoding_that_is_not_accepted_is_named_with_those_that_are() {
    let server = Plaudit::start().await;
    let caller = server.bare_grpc().await;
    for encoding in ["deflate", "snappy", "br"] {
        let refused = send(&caller, GET_QUEUE, encoding, framed(1, b"whatever")).await;
        assert_eq!(fault(&refused), (Code::Unimplemented, "UNSUPPORTED_PROTOCOL".to_owned()), "{encoding}");
        assert_eq!(refused.metadata().get("grpc-accept-encoding").unwrap(), "identity,gzip,zstd");
        assert!(refused.message().contains("gzip, zstd"), "{refused:?}");
    }
    let plain = send(&caller, GET_QUEUE, "identity", framed(0, b"")).await;
    assert_eq!(plain.code(), Code::Ok);
    // A message may be sent as it is although the request names an encoding.
    let plain = send(&caller, GET_QUEUE, "gzip", framed(0, b"")).await;
    assert_eq!(plain.code(), Code::Ok);
    let unnamed = send(&caller, GET_QUEUE, "identity", framed(1, &compressed("gzip", b""))).await;
    assert_eq!(fields(&unnamed), ["$"]);
    assert!(unnamed.message().contains("grpc-encoding"), "{unnamed:?}");
}

#[tokio::test]
async fn a_message_that_is_not_what_its_encoding_says_is_refused() {
    let server = Plaudit::start().await;
    let caller = server.bare_grpc().await;
    for encoding in ENCODINGS {
        let whole = compressed(encoding, &[]);
        for damaged in [
            &b""[..],
            b"whatever",
            &whole[..whole.len() - 1],
            &[&whole[..], b"more"].concat(),
            &whole.repeat(2),
        ] {
            let refused = send(&caller, GET_QUEUE, encoding, framed(1, damaged)).await;
            assert_eq!(fields(&refused), ["$"], "{encoding}: {damaged:?}");
            assert!(refused.message().contains(encoding), "{refused:?}");
        }
        let cut = send(&caller, GET_QUEUE, encoding, framed(1, &whole)[..8].to_vec()).await;
        assert!(cut.message().contains("in the middle of a message"), "{cut:?}");
        assert_eq!(send(&caller, GET_QUEUE, encoding, framed(1, &whole)).await.code(), Code::Ok);
    }
}

/// A frame of 16 KiB whose blocks say "128 KiB of this byte": half a GiB.
fn zstd_bomb() -> Vec<u8> {
    const BLOCKS: u32 = 4096;
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 0x38];
    for block in 1..=BLOCKS {
        let header = (128 << 10) << 3 | 1 << 1 | u32::from(block == BLOCKS);
        frame.extend(&header.to_le_bytes()[..3]);
        frame.push(0);
    }
    frame
}

/// Against the program itself, many at a time.
#[tokio::test]
async fn bombs_do_not_take_the_memory_that_they_ask_for() {
    const AT_ONCE: usize = 8;
    let server = ServerProcess::start();
    let caller = server.bare_grpc().await;
    let before = server.peak_memory_bytes();
    let gzip = compressed("gzip", &vec![0; 200 << 20]);
    for (encoding, bomb) in [("gzip", gzip), ("zstd", zstd_bomb())] {
        for path in [IMPORT, GET_QUEUE] {
            let calls = (0..AT_ONCE).map(|_| send(&caller, path, encoding, framed(1, &bomb)));
            for refused in futures_util::future::join_all(calls).await {
                assert_eq!(
                    fault(&refused),
                    (Code::ResourceExhausted, "REQUEST_TOO_LARGE".to_owned()),
                    "{encoding}"
                );
            }
        }
    }
    let grown = server.peak_memory_bytes() - before;
    println!("{grown} bytes");
    // The limit of an import, 16 MiB, and a little more for each.
    assert!(grown < AT_ONCE * (24 << 20), "{grown} bytes");
}
