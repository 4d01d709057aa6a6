use jiff::Timestamp;

/// Converts times to milliseconds since the question was accepted.
#[derive(Clone, Copy)]
pub(super) struct RelativeClock {
    accepted_ms: u64,
}

impl RelativeClock {
    pub(super) fn new(accepted_ms: u64) -> Self {
        Self { accepted_ms }
    }

    pub(super) fn offset_of_ms(self, ms: u64) -> i64 {
        i64::try_from(i128::from(ms) - i128::from(self.accepted_ms)).unwrap_or(0)
    }

    pub(super) fn offset_of(self, time: Timestamp) -> i64 {
        self.offset_of_ms(unix_ms(time))
    }
}

/// Milliseconds since the Unix epoch.
pub(super) fn unix_ms(time: Timestamp) -> u64 {
    u64::try_from(time.as_millisecond()).unwrap_or(0)
}
