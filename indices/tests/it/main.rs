//! Tests over the real embedding model, FAISS and tantivy, with small documents written for them.
// The helpers of tests stand outside of `#[test]` functions.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bounds;
mod cross;
mod damage;
mod encodings;
mod follow_ups;
mod frames;
mod html;
mod left_out;
mod life;
mod links;
mod pdf;
mod reading;
mod search;
mod site;
mod vectors;
mod withdrawn;
mod words;
