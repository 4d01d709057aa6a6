//! The HTTP gateway: it admits questions, looks into the cache, publishes jobs and waits for their answers.
//!
//! It knows the fleet by its messages alone and links neither the search library nor the models.
#![forbid(unsafe_code)]

mod admin;
mod admit;
mod analytics;
mod api;
mod body;
mod cache;
mod chat;
mod client;
mod docs;
mod error;
mod gateway;
mod guesses;
mod health;
mod history;
mod layers;
mod limit;
mod monitoring;
mod pages;
mod redis;
mod refusals;
mod secrets;
mod server;
mod sessions;
mod signed;
mod state;
mod streams;

pub use docs::openapi_json;
pub use gateway::Gateway;
