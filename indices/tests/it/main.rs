//! Tests with the real embedding model, FAISS and Tantivy, and small documents written for them.
// The tests' helpers are outside of `#[test]` functions.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cross_attention;
mod damaged_versions;
mod embeddings;
mod encodings;
mod file_kinds;
mod follow_ups;
mod html;
mod limits;
mod links;
mod page_builders;
mod pdf;
mod records;
mod repeated_blocks;
mod search;
mod site;
mod skipped_files;
mod text_and_queue;
mod versions;
mod withdrawn_documents;
