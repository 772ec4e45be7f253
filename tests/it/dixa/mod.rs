//! The Dixa dialect: offers, submissions and lists of ratings, below `/beta` and `/v1`.

mod any;
mod document;
mod http;
mod limit;
mod once;
mod rules;
mod setup;
