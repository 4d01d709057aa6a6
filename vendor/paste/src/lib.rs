//! The name of the unmaintained `paste` crate, with its maintained fork behind it.
#![forbid(unsafe_code)]

pub use pastey::{item, paste};
