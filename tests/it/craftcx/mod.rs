//! The CraftCX dialect: `POST /v1/assess`, `GET /v1/assess/{id}`.

mod any;
mod document;
mod http;
mod once;
mod process;
mod result;
mod rules;
pub mod setup;
