//! Plaudit seen from outside: a real server on a real socket.

mod harness;

mod command_line;
mod config;
mod conflict;
mod conversation;
mod crash;
mod drain;
mod edges;
mod guards;
mod import;
mod retry;
mod telemetry;
mod worker;
