//! Plaudit, a self-hosted conversation-quality server. The modules stand in reading order.

pub mod domain;
pub mod scoring;
pub mod store;
