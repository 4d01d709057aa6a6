//! The sink of analytics events: it reads the EVENTS stream in order and writes it to ClickHouse.
//!
//! The rows in ClickHouse are the only record of its position. The stream forgets an event by its age, never because it was
//! read. A batch that is written twice is recognised by its deduplication token, a row by its job. Each kind of event has its
//! own table.
//!
//! It links no index and no model. Start at `sink.rs`; `rebuild.rs` makes the tables anew from the streams.
#![forbid(unsafe_code)]

mod evaluations;
mod lease;
mod migrations;
mod rebuild;
mod row;
mod sink;
mod source;
mod store;
mod writer;

pub use evaluations::{EvaluationRow, Evaluations};
pub use rebuild::{Rebuild, RebuildOptions};
pub use sink::AnalyticsSink;
