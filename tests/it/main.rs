//! Plaudit seen from outside: a real server on a real socket.

mod harness;

mod command_line;
mod config;
mod conversation;
mod craftcx;
mod drain;
mod edges;
mod guards;
mod house;
mod import;
mod telemetry;
