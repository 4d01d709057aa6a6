//! The HTTP gateway: validates questions, looks them up in the cache, publishes jobs and waits for their answers.
//!
//! It knows the fleet only by its messages and links neither the search library nor the models.
//!
//! Start at `router.rs` (which handler serves which path), `routes/chat.rs` (a question) and `chat/submission.rs` (how it
//! becomes a job).
#![forbid(unsafe_code)]

mod analytics;
mod api;
mod auth;
mod broker_client;
mod chat;
mod error;
mod gateway;
mod health;
mod identity;
mod limits;
mod middleware;
mod monitoring;
mod openai;
mod openapi;
mod pages;
mod router;
mod routes;
mod server;
mod state;
mod storage;

pub use gateway::Gateway;
pub use router::openapi_json;
