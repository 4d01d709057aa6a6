//! Who a request comes from: client addresses, visitors' sessions, operators' sign-ins, and the keys that sign them.

pub mod client;
pub mod secret_strength;
pub mod sessions;
pub mod sign_ins;
mod signing;
