//! Limits: requests a minute, wrong secrets, open streams, and what is reported of refused chats.

pub mod brute_force;
pub mod open_streams;
pub mod rate_limit;
pub mod refused_requests;
