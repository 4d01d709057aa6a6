//! Limits of size and time for reading a file.

use std::time::{Duration, Instant};

use hoidap_shared::config;

use super::read_error::ReadError;

/// Longest text as a multiple of its file's size, since nobody writes more than that; and the length that any file may have, in
/// characters.
pub(super) const MAX_EXPANSION: usize = 5;
pub(super) const MIN_CHARS_LIMIT: usize = 50_000;

/// Limits for reading a file.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Largest file, in bytes.
    pub bytes: u64,
    /// Longest time to read one, in seconds.
    pub seconds: u64,
    /// Longest text, in characters.
    pub chars: usize,
}

impl Limits {
    /// The configured limits.
    pub fn of(indices: &config::IndicesConfig) -> Self {
        Self {
            bytes: indices.max_file_bytes,
            seconds: indices.max_read_secs,
            chars: indices.max_document_chars,
        }
    }
}

/// The time at which reading a file is given up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    at: Instant,
    seconds: u64,
}

impl Deadline {
    /// Starts now and lasts as long as the limits allow.
    pub(super) fn new(limits: Limits) -> Self {
        Self { at: Instant::now() + Duration::from_secs(limits.seconds), seconds: limits.seconds }
    }

    /// Fails after the deadline.
    pub(super) fn check(self) -> Result<(), ReadError> {
        if Instant::now() < self.at { Ok(()) } else { Err(ReadError::TooSlow(self.seconds)) }
    }
}

/// A sentence with the limit that cut a text.
pub(super) fn cut_notice(max_chars: usize, limits: Limits) -> String {
    if max_chars < limits.chars {
        format!(
            "its text is more than {MAX_EXPANSION} times as long as its file: the text after {max_chars} characters was left out"
        )
    } else {
        format!(
            "its text is longer than indices.max_document_chars: the text after {max_chars} characters was left out"
        )
    }
}
