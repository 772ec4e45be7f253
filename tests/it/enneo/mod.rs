//! The Enneo dialect over the wire.

mod assessments;
mod cases;
mod ticket;
