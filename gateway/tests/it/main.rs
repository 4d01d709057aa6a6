//! The gateway over real NATS, Valkey and ClickHouse. A small consumer on the real stream stands where the fleet's
//! workers would; they are tested in their own crate.

// Tests stop at the first thing that is wrong; there is nobody to hand an error to.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod analytics;
mod brute_force;
mod cache;
mod chat;
mod connections;
mod crowds;
mod documents;
mod doubt;
mod events;
mod floods;
mod health;
mod job_sessions;
mod jobs;
mod latecomers;
mod limits;
mod login;
mod logs;
mod openai;
mod operators;
mod outages;
mod pages;
mod production;
mod rated;
mod readers;
mod refusals;
mod repeats;
mod sessions;
mod support;
