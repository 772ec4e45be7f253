//! The conversion layer: the domain's types as the messages of `proto/plaudit/v1`, both ways, and the texts in which the API
//! and the files of an export hold them. Every edge and the command line convert here. It knows the domain and the generated
//! types, and neither use cases nor transports.

pub mod assessment;
pub mod author;
pub mod directory;
pub mod enums;
pub mod export;
pub mod fields;
pub mod filters;
pub mod handling;
pub mod import;
pub mod message;
pub mod names;
pub mod rating;
pub mod scorecard;
pub mod times;
