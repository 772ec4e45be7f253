//! Plaudit seen from outside: a real server on a real socket.

mod harness;

mod assessment;
mod bodies;
mod bulk;
mod command_line;
mod config;
mod conflict;
mod conversation;
mod craftcx;
mod crash;
mod delete;
mod directory;
mod dixa;
mod documents;
mod drain;
mod edges;
mod enneo;
mod events;
mod export_command;
mod facts;
mod guards;
mod house;
mod import;
mod import_command;
mod keys;
mod lists;
mod rating;
mod rescoring;
mod retry;
mod scorecard;
mod store;
mod store_message;
mod telemetry;
mod update;
mod worker;
