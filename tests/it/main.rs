//! Plaudit seen from outside: a real server on a real socket.

mod harness;

mod assessment;
mod bodies;
mod command_line;
mod config;
mod conflict;
mod conversation;
mod craftcx;
mod crash;
mod directory;
mod dixa;
mod documents;
mod drain;
mod edges;
mod enneo;
mod facts;
mod guards;
mod house;
mod import;
mod keys;
mod rating;
mod rescoring;
mod retry;
mod scorecard;
mod store;
mod store_message;
mod telemetry;
mod worker;
