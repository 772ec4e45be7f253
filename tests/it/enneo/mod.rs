//! The Enneo dialect: storing on a ticket and reading its assessments, below `/api/mind` and without it.

mod any;
mod assessments;
mod attachments;
mod cases;
mod document;
mod http;
mod once;
mod paths;
mod people;
mod rules;
mod setup;
mod store;
mod ticket;
