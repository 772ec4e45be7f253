//! Which edge answers, and the answers for unknown paths.

use axum::{Router, routing::get};
use http::StatusCode;
use plaudit::proto::{
    health::{
        HealthCheckRequest, HealthListRequest, health_check_response::ServingStatus,
        health_client::HealthClient,
    },
    v1::{
        GetImportRequest, GetScorecardRequest, import_service_client::ImportServiceClient,
        scorecard_service_client::ScorecardServiceClient,
    },
};
use prost::Message as _;
use tonic::{Code, Status, body::Body};
use tonic_reflection::pb::{
    v1::{
        ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
        server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
    },
    v1alpha,
};
use tonic_types::StatusExt as _;

use crate::harness::{Log, Plaudit, Stub, TestServer, fault, fields, reason, soon};

#[tokio::test]
async fn both_edges_answer_on_one_port() {
    let rest = Router::new().route("/hello", get(async || "hello"));
    let server = TestServer::builder().grpc(Stub::new().routes()).rest(rest).start().await;

    let mut scorecards = ScorecardServiceClient::new(server.channel().await);
    let answer = scorecards.get_scorecard(GetScorecardRequest { name: "x".into() }).await.unwrap();
    assert_eq!(answer.get_ref().name, "x");

    let answer = server.http().get("/hello").await;
    assert_eq!((answer.status, answer.text()), (StatusCode::OK, "hello"));
}

#[tokio::test]
async fn an_unknown_rest_path_never_gets_a_grpc_answer() {
    let server = TestServer::builder().grpc(Stub::new().routes()).start().await;
    for path in ["/nothing", "/plaudit.v1.ScorecardService/GetScorecard", "/grpc.health.v1.Health/Check"] {
        let answer = server.http().post(path, "{}").await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(answer.header("content-type"), "application/json", "{path}");
        assert!(answer.headers.get("grpc-status").is_none(), "{path}");
        assert!(answer.json()["message"].is_string(), "{path}");
    }
}

#[tokio::test]
async fn an_unknown_method_is_unimplemented_whether_or_not_its_service_exists() {
    let rest = Router::new().route("/plaudit.v1.ImportService/GetImport", get(async || "not this"));
    let server = TestServer::builder().grpc(Stub::new().routes()).rest(rest).start().await;
    let status = ImportServiceClient::new(server.channel().await)
        .get_import(GetImportRequest::default())
        .await
        .unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Unimplemented, "UNKNOWN_METHOD"));

    let path = http::uri::PathAndQuery::from_static("/plaudit.v1.ScorecardService/Nothing");
    let mut grpc = tonic::client::Grpc::new(server.channel().await);
    grpc.ready().await.unwrap();
    let codec = tonic_prost::ProstCodec::<GetScorecardRequest, GetScorecardRequest>::default();
    let status =
        grpc.unary(tonic::Request::new(GetScorecardRequest::default()), path, codec).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Unimplemented, "UNKNOWN_METHOD"));
    assert!(!status.message().is_empty());
}

#[tokio::test]
async fn grpc_over_http_1_is_refused_with_a_grpc_status() {
    let server = TestServer::builder().grpc(Stub::new().routes()).start().await;
    let answer = server
        .http()
        .send(
            "POST",
            "/plaudit.v1.ScorecardService/GetScorecard",
            &[("content-type", "application/grpc")],
            &b"\0\0\0\0\0"[..],
        )
        .await;
    assert_eq!(answer.status, StatusCode::OK);
    let status = Status::from_header_map(&answer.headers).unwrap();
    assert_eq!(fault(&status), (Code::Unimplemented, "UNSUPPORTED_PROTOCOL".to_owned()));
}

#[tokio::test]
async fn an_unsupported_encoding_is_not_an_unknown_method() {
    let server = TestServer::builder().grpc(Stub::new().routes()).start().await;
    let grpc = server.bare_grpc().await;
    let send = async |header: (&str, &str)| {
        let body = Body::new(http_body_util::Full::from(&b"\0\0\0\0\0"[..]));
        grpc.send("/plaudit.v1.ScorecardService/GetScorecard", &[header], body).await
    };
    assert_eq!(send(("grpc-encoding", "identity")).await.code(), Code::Ok);
    for header in [
        ("grpc-encoding", "deflate"),
        ("content-type", "application/grpc+json"),
        ("content-type", "application/grpc-web"),
    ] {
        let status = send(header).await;
        let expected = (Code::Unimplemented, "UNSUPPORTED_PROTOCOL".to_owned());
        assert_eq!(fault(&status), expected, "{header:?}: {status:?}");
    }
}

#[tokio::test]
async fn an_unexpected_error_is_logged_and_not_sent() {
    let log = Log::capture();
    let server = TestServer::builder().grpc(Stub::new().routes()).start().await;
    let mut scorecards = ScorecardServiceClient::new(server.channel().await);
    let status = scorecards.get_scorecard(GetScorecardRequest { name: "fault".into() }).await.unwrap_err();
    assert_eq!(fault(&status), (Code::Internal, "INTERNAL_FAULT".to_owned()));
    assert!(!status.message().contains("business"), "{status:?}");
    let lines = log.lines();
    let error = lines.iter().find(|line| line["level"] == "ERROR").expect("an error");
    assert!(error["cause"].as_str().unwrap().contains("business"), "{error}");
    assert!(error["span"]["request_id"].is_string(), "{error}");
}

#[tokio::test]
async fn errors_made_by_tonic_carry_a_reason_too() {
    let server = TestServer::builder().grpc(Stub::new().routes()).start().await;
    let status = ScorecardServiceClient::new(server.channel().await)
        .get_scorecard(GetScorecardRequest { name: "fail".into() })
        .await
        .unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::NotFound, "asked to"));
    assert_eq!(reason(&status), "RESOURCE_NOT_FOUND");

    // Not a protobuf message at all.
    let path = http::uri::PathAndQuery::from_static("/plaudit.v1.ScorecardService/GetScorecard");
    let mut grpc = tonic::client::Grpc::new(server.channel().await);
    grpc.ready().await.unwrap();
    let wrong_type = plaudit::proto::v1::AxisDimension { score: 1.0, reason: "x".into() };
    let codec = tonic_prost::ProstCodec::<plaudit::proto::v1::AxisDimension, GetScorecardRequest>::default();
    let status = grpc.unary(tonic::Request::new(wrong_type), path, codec).await.unwrap_err();
    assert_eq!(fields(&status), ["name"], "{status:?}");
}

#[tokio::test]
async fn undecodable_bytes_are_reported_by_their_field() {
    let server = Plaudit::start().await;
    let grpc = server.bare_grpc().await;
    let send = async |message: &[u8]| {
        let mut body = vec![0, 0, 0, 0, message.len() as u8];
        body.extend(message);
        let body = Body::new(http_body_util::Full::from(body));
        grpc.send("/plaudit.v1.ImportService/ImportConversation", &[], body).await
    };
    for (message, field) in [
        // A tag without a number, a length beyond the end, and invalid UTF-8 in a source and in a subject.
        (&[0x07][..], "$"),
        (&[0x0a, 0x05, 0x00], "conversation"),
        (&[0x0a, 0x03, 0x12, 0x01, 0xff], "conversation.source"),
    ] {
        let status = send(message).await;
        assert_eq!(fields(&status), [field], "{message:x?}: {status:?}");
        assert!(status.message().contains("protobuf"), "{status:?}");
    }
}

#[tokio::test]
async fn health_knows_the_server_and_every_service() {
    let mut server = TestServer::builder().start().await;
    let mut health = HealthClient::new(server.channel().await);
    for service in ["", "plaudit.v1.ImportService", "plaudit.v1.AssessmentService", "grpc.health.v1.Health"] {
        let answer = health.check(HealthCheckRequest { service: service.into() }).await.unwrap();
        assert_eq!(answer.get_ref().status, ServingStatus::Serving as i32, "{service}");
    }
    let listed = health.list(HealthListRequest {}).await.unwrap().into_inner().statuses;
    assert!(listed.values().all(|one| one.status == ServingStatus::Serving as i32), "{listed:?}");
    for service in ["", "plaudit.v1.ImportService", "plaudit.v1.EventService", "grpc.health.v1.Health"] {
        assert!(listed.contains_key(service), "{service:?} in {listed:?}");
    }
    let nobody = || HealthCheckRequest { service: "nobody".into() };
    let status = health.check(nobody()).await.unwrap_err();
    assert_eq!(fault(&status), (Code::NotFound, "RESOURCE_NOT_FOUND".to_owned()));
    let resource = status.get_details_resource_info().expect("a ResourceInfo");
    assert_eq!((resource.resource_type.as_str(), resource.resource_name.as_str()), ("service", "nobody"));
    // By the protocol a watch of an unknown service stays open.
    let mut states = health.watch(nobody()).await.unwrap().into_inner();
    let state = soon("a state", states.message()).await.unwrap().unwrap();
    assert_eq!(state.status, ServingStatus::ServiceUnknown as i32);
    let more = tokio::time::timeout(std::time::Duration::from_millis(200), states.message()).await;
    assert!(more.is_err(), "{more:?}");
    // The end of the server ends it.
    server.begin_stop();
    let status = soon("the end of the stream", states.message()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
}

#[tokio::test]
async fn reflection_lists_the_services_in_both_versions() {
    let server = TestServer::builder().start().await;
    let expected = ["grpc.health.v1.Health", "plaudit.v1.ImportService", "plaudit.v1.ScorecardService"];

    let ask = ServerReflectionRequest {
        message_request: Some(MessageRequest::ListServices(String::new())),
        ..ServerReflectionRequest::default()
    };
    let mut client = ServerReflectionClient::new(server.channel().await);
    let mut answers = client.server_reflection_info(tokio_stream(ask)).await.unwrap().into_inner();
    let answer = soon("an answer", answers.message()).await.unwrap().unwrap();
    let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else {
        panic!("{answer:?}")
    };
    for service in expected {
        assert!(list.service.iter().any(|listed| listed.name == service), "{service} in {list:?}");
    }

    // A client that knows no proto file lists healths.
    let ask = ServerReflectionRequest {
        message_request: Some(MessageRequest::FileContainingSymbol("grpc.health.v1.Health".into())),
        ..ServerReflectionRequest::default()
    };
    let mut answers = client.server_reflection_info(tokio_stream(ask)).await.unwrap().into_inner();
    let answer = soon("an answer", answers.message()).await.unwrap().unwrap();
    let Some(MessageResponse::FileDescriptorResponse(files)) = answer.message_response else {
        panic!("{answer:?}")
    };
    let file = prost_types::FileDescriptorProto::decode(&*files.file_descriptor_proto[0]).unwrap();
    let methods: Vec<&str> = file.service[0].method.iter().map(|method| method.name()).collect();
    assert_eq!(methods, ["Check", "List", "Watch"]);

    use v1alpha::{
        server_reflection_request::MessageRequest as AlphaAsk,
        server_reflection_response::MessageResponse as AlphaAnswer,
    };
    // The types of error details are included, so that grpcurl can print them.
    let ask = v1alpha::ServerReflectionRequest {
        message_request: Some(AlphaAsk::FileContainingSymbol("google.rpc.ErrorInfo".into())),
        ..v1alpha::ServerReflectionRequest::default()
    };
    let mut client = v1alpha::server_reflection_client::ServerReflectionClient::new(server.channel().await);
    let mut answers = client.server_reflection_info(tokio_stream(ask)).await.unwrap().into_inner();
    let answer = soon("an answer", answers.message()).await.unwrap().unwrap();
    assert!(matches!(answer.message_response, Some(AlphaAnswer::FileDescriptorResponse(_))), "{answer:?}");
}

fn tokio_stream<T>(item: T) -> impl futures_util::Stream<Item = T> {
    use futures_util::StreamExt as _;
    futures_util::stream::iter([item]).chain(futures_util::stream::pending())
}
