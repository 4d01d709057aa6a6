//! Tests over the real embedding model, FAISS and tantivy, with small documents written for them.
// The helpers of tests stand outside of `#[test]` functions.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod damage;
mod encodings;
mod frames;
mod html;
mod life;
mod reading;
mod search;
mod site;
mod vectors;
mod withdrawn;
mod words;
