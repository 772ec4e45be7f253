//! The gRPC methods, from the descriptors.

use std::sync::Arc;

use prost::Message as _;
use prost_types::{FileDescriptorSet, MethodDescriptorProto};

use crate::{
    proto,
    server::{Carries, Lasts, Method, Methods},
    wire::{MAX_ATTACHMENTS_REQUEST_BYTES, MAX_REQUEST_BYTES},
};

/// The descriptors of every service on the port.
pub const DESCRIPTORS: [&[u8]; 5] = [
    proto::DESCRIPTORS,
    proto::HEALTH_DESCRIPTORS,
    tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
    tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
    // No services; the error details, so that clients using reflection can show them.
    tonic_types::pb::FILE_DESCRIPTOR_SET,
];

/// The methods whose requests may contain attachments. The codec checks the lower limit on an import without its attachments.
const TAKES_ATTACHMENTS: [&str; 3] = [
    "/plaudit.v1.ConversationService/StoreMessage",
    "/plaudit.v1.ImportService/ImportConversation",
    "/plaudit.v1.ImportService/ImportConversations",
];

/// Reads all methods, and the names of their services.
pub fn read() -> Result<(Methods, Vec<String>), prost::DecodeError> {
    let (mut methods, mut services) = (Vec::new(), Vec::new());
    for encoded in DESCRIPTORS {
        for file in FileDescriptorSet::decode(encoded)?.file {
            for service in &file.service {
                let name = format!("{}.{}", file.package(), service.name());
                methods.extend(service.method.iter().map(|method| method_of(&name, method)));
                services.push(name);
            }
        }
    }
    Ok((Methods::new(methods, MAX_REQUEST_BYTES), services))
}

fn method_of(service: &str, method: &MethodDescriptorProto) -> Method {
    // A watch, recognized by its name, never ends by itself. Neither does reflection, which clients keep open between queries. An
    // export lasts as long as its reader likes, who can go on with it elsewhere.
    let stays = method.name().starts_with("Watch")
        || method.name() == "ExportConversations"
        || service.ends_with(".ServerReflection");
    let lasts = if method.server_streaming() && stays { Lasts::UntilEnded } else { Lasts::UntilAnswered };
    let carries = match (method.client_streaming(), lasts) {
        (false, _) => Carries::One,
        (true, Lasts::UntilAnswered) => Carries::Items,
        (true, Lasts::UntilEnded) => Carries::Any,
    };
    let path: Arc<str> = format!("/{service}/{}", method.name()).into();
    let takes_attachments = TAKES_ATTACHMENTS.contains(&&*path);
    let limit_bytes = if takes_attachments { MAX_ATTACHMENTS_REQUEST_BYTES } else { MAX_REQUEST_BYTES };
    Method { path, lasts, carries, only_reads: only_reads(service, method.name()), limit_bytes }
}

/// By what its name begins with; all of health and reflection.
fn only_reads(service: &str, method: &str) -> bool {
    const READS: [&str; 5] = ["Get", "List", "Summarize", "Watch", "Export"];
    service.starts_with("grpc.") || READS.iter().any(|begin| method.starts_with(begin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_methods_of_every_service_are_known() {
        let (methods, _) = read().unwrap();
        let lasts = |path: &str| methods.get(path).map(|method| method.lasts);
        let carries = |path: &str| methods.get(path).map(|method| method.carries);
        assert_eq!(lasts("/plaudit.v1.ImportService/GetImport"), Some(Lasts::UntilAnswered));
        assert_eq!(lasts("/grpc.health.v1.Health/Check"), Some(Lasts::UntilAnswered));
        assert_eq!(lasts("/grpc.health.v1.Health/Watch"), Some(Lasts::UntilEnded));
        for version in ["v1", "v1alpha"] {
            let path = format!("/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo");
            assert_eq!(lasts(&path), Some(Lasts::UntilEnded));
            assert_eq!(carries(&path), Some(Carries::Any));
        }
        let only_reads = |path: &str| methods.get(path).map(|method| method.only_reads);
        assert_eq!(only_reads("/grpc.health.v1.Health/Watch"), Some(true));
        assert_eq!(only_reads("/plaudit.v1.RatingService/SummarizeRatings"), Some(true));
        assert_eq!(only_reads("/plaudit.v1.ConversationService/StoreMessage"), Some(false));
        assert_eq!(only_reads("/plaudit.v1.ImportService/ImportConversations"), Some(false));
        let limit = |path: &str| methods.get(path).map(|method| method.limit_bytes);
        assert_eq!(limit("/plaudit.v1.ImportService/GetImport"), Some(MAX_REQUEST_BYTES));
        for path in TAKES_ATTACHMENTS {
            assert_eq!(limit(path), Some(MAX_ATTACHMENTS_REQUEST_BYTES), "{path}");
        }
        assert_eq!(carries("/grpc.health.v1.Health/Watch"), Some(Carries::One));
        assert_eq!(lasts("/plaudit.v1.EventService/WatchEvents"), Some(Lasts::UntilEnded));
        assert_eq!(lasts("/plaudit.v1.ExportService/ExportConversations"), Some(Lasts::UntilEnded));
        assert_eq!(lasts("/plaudit.v1.ImportService/ImportConversations"), Some(Lasts::UntilAnswered));
        assert_eq!(carries("/plaudit.v1.ImportService/ImportConversations"), Some(Carries::Items));
        assert_eq!(lasts("/plaudit.v1.ImportService/Nothing"), None);
    }
}
