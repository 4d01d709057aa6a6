//! The workers over the real parts.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod accounts;
mod analytics;
mod audit;
mod clock;
mod cluster;
mod dead_letters;
mod disk_space;
mod generator;
mod inspect;
mod process;
mod questions;
mod recording;
mod retriever;
mod sample_site;
mod stage_files;
