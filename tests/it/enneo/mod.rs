//! The Enneo dialect: `POST /ticket/{id}/conversation/store`, below `/api/mind` and without it.

mod attachments;
mod document;
mod http;
mod once;
mod paths;
mod rules;
mod setup;
mod store;
