//! The gateway over real NATS, Valkey and ClickHouse. A fake fleet on the real stream takes the workers' place:
//! they are tested in their own crate.

// Tests stop at the first thing that is wrong; there is nobody to hand an error to.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod analytics;
mod brute_force;
mod cache;
mod cache_ratings;
mod chat;
mod clock;
mod connection_limits;
mod connections;
mod events;
mod health;
mod idempotency;
mod job_sessions;
mod jobs;
mod late_readers;
mod limits;
mod login;
mod logs;
mod lost_acknowledgements;
mod openai;
mod openapi_document;
mod operators;
mod outages;
mod pages;
mod production;
mod readers;
mod refusal_counts;
mod refusals;
mod sessions;
mod stream_memory;
mod support;
