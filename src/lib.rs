//! Plaudit, a self-hosted conversation-quality server. The modules stand in reading order.

pub mod assembly;
pub mod cli;
pub mod config;
pub mod domain;
pub mod proto;
pub mod server;
pub mod store;
pub mod telemetry;
