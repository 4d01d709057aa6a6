//! What every part of Hoidap agrees on: messages, subjects, configuration, text rules and telemetry.
//!
//! This crate depends on no sibling. It knows the shape of a job but not how any stage works on one.
//!
//! Start at [`job`] (the messages), [`stage`] (what a stage is, and which there are) and [`subjects`] (how they travel).
#![forbid(unsafe_code)]

pub mod address;
pub mod broker;
pub mod cache_policy;
pub mod calibration;
pub mod config;
pub mod dead_letter;
pub mod digest;
pub mod events;
pub mod file_errors;
pub mod fleet;
pub mod headers;
pub mod job;
pub mod phrases;
pub mod processor;
pub mod progress;
pub mod signals;
pub mod stage;
pub mod subjects;
pub mod telemetry;
pub mod text;
