//! Which gRPC methods exist, as the descriptors say.

use std::{collections::HashMap, sync::Arc};

use prost::Message as _;
use prost_types::FileDescriptorSet;

use super::{
    framing::Carries,
    request_body::{MAX_ATTACHMENTS_REQUEST_BYTES, MAX_REQUEST_BYTES},
};
use crate::proto;

/// The descriptors of everything that is spoken on the port.
pub(super) const DESCRIPTORS: [&[u8]; 5] = [
    proto::DESCRIPTORS,
    tonic_health::pb::FILE_DESCRIPTOR_SET,
    tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
    tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
    // No services: the details of errors, so that clients that reflect can show them.
    tonic_types::pb::FILE_DESCRIPTOR_SET,
];

/// How long a call of a method lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lasts {
    /// Until it has answered; a drain waits for it.
    UntilAnswered,
    /// Until someone ends it; a drain does.
    UntilEnded,
}

/// A method, as its descriptor says.
#[derive(Debug)]
pub(super) struct Method {
    /// `/plaudit.v1.ImportService/GetImport`
    pub(super) path: Arc<str>,
    pub(super) lasts: Lasts,
    /// What its request carries.
    pub(super) carries: Carries,
    /// The largest message of its request.
    pub(super) limit_bytes: usize,
}

/// The methods in whose requests attachments come. An import without their bytes must be smaller all the same, which the
/// edge sees to.
const TAKES_ATTACHMENTS: [&str; 3] = [
    "/plaudit.v1.ConversationService/StoreMessage",
    "/plaudit.v1.ImportService/ImportConversation",
    "/plaudit.v1.ImportService/ImportConversations",
];

/// The methods by path, and the names of the services.
#[derive(Debug)]
pub(super) struct Methods {
    by_path: HashMap<Arc<str>, Method>,
    services: Vec<String>,
}

impl Methods {
    pub(super) fn read() -> Result<Self, prost::DecodeError> {
        let mut methods = Self { by_path: HashMap::new(), services: Vec::new() };
        for encoded in DESCRIPTORS {
            methods.add(&FileDescriptorSet::decode(encoded)?);
        }
        Ok(methods)
    }

    fn add(&mut self, descriptors: &FileDescriptorSet) {
        for file in &descriptors.file {
            for service in &file.service {
                let service_name = format!("{}.{}", file.package(), service.name());
                for method in &service.method {
                    // A stream that only ever watches has no end of its own; by its name it says so. Reflection's has
                    // none either, as clients keep it open between questions.
                    let watches = method.name().starts_with("Watch") || service.name() == "ServerReflection";
                    let lasts = if method.server_streaming() && watches {
                        Lasts::UntilEnded
                    } else {
                        Lasts::UntilAnswered
                    };
                    let carries = match (method.client_streaming(), lasts) {
                        (false, _) => Carries::One,
                        (true, Lasts::UntilAnswered) => Carries::Items,
                        (true, Lasts::UntilEnded) => Carries::Any,
                    };
                    let path: Arc<str> = format!("/{service_name}/{}", method.name()).into();
                    let limit_bytes = if TAKES_ATTACHMENTS.contains(&&*path) {
                        MAX_ATTACHMENTS_REQUEST_BYTES
                    } else {
                        MAX_REQUEST_BYTES
                    };
                    self.by_path.insert(path.clone(), Method { path, lasts, carries, limit_bytes });
                }
                self.services.push(service_name);
            }
        }
    }

    /// Absent when there is no such method.
    pub(super) fn get(&self, path: &str) -> Option<&Method> {
        self.by_path.get(path)
    }

    pub(super) fn services(&self) -> &[String] {
        &self.services
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_methods_of_every_service_are_known() {
        let methods = Methods::read().unwrap();
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
        let limit = |path: &str| methods.get(path).map(|method| method.limit_bytes);
        assert_eq!(limit("/plaudit.v1.ImportService/GetImport"), Some(MAX_REQUEST_BYTES));
        for path in TAKES_ATTACHMENTS {
            assert_eq!(limit(path), Some(MAX_ATTACHMENTS_REQUEST_BYTES), "{path}");
        }
        assert_eq!(carries("/grpc.health.v1.Health/Watch"), Some(Carries::One));
        assert_eq!(lasts("/plaudit.v1.EventService/WatchEvents"), Some(Lasts::UntilEnded));
        assert_eq!(lasts("/plaudit.v1.ImportService/ImportConversations"), Some(Lasts::UntilAnswered));
        assert_eq!(carries("/plaudit.v1.ImportService/ImportConversations"), Some(Carries::Items));
        assert_eq!(lasts("/plaudit.v1.ImportService/Nothing"), None);
    }
}
