//! The whole fleet as it is shipped: binaries, servers, documents, HTTP.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod audit;
mod canary;
mod chat;
mod choices;
mod cost;
mod inspect;
mod loss;
mod module_circles;
mod outage;
mod rebuild;
mod replay;
mod shadow;
mod stream;
