//! What every part of Hoidap agrees on: messages, subjects, configuration, text rules and telemetry.
//!
//! This crate depends on no sibling. It knows the shape of a job but not how any stage works on one.
#![forbid(unsafe_code)]

pub mod access;
pub mod broker;
pub mod cache;
pub mod calibration;
pub mod config;
pub mod events;
pub mod fleet;
pub mod job;
pub mod live;
pub mod phrases;
pub mod pipe;
pub mod signals;
pub mod stage;
pub mod subjects;
pub mod telemetry;
pub mod text;
