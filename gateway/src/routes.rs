//! The handlers of all endpoints.

pub mod analytics;
pub mod chat;
pub mod completions;
pub mod health;
pub mod jobs;
pub mod login;
pub mod models;
pub mod monitoring;
pub mod revocation;
pub mod sessions;
