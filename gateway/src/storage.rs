//! What the gateway keeps in Redis: cached answers and conversations.

pub mod cache;
pub mod history;
pub mod redis;
