use jiff::Timestamp;

/// Converts times to milliseconds since the question was accepted.
#[derive(Clone, Copy)]
pub(in crate::inspect) struct RelativeClock {
    pub(in crate::inspect) accepted_ms: u64,
}

impl RelativeClock {
    pub(in crate::inspect) fn offset_of_ms(self, ms: u64) -> i64 {
        let since = i128::from(ms) - i128::from(self.accepted_ms);
        i64::try_from(since).unwrap_or(0)
    }

    pub(in crate::inspect) fn offset_of(self, time: Timestamp) -> i64 {
        self.offset_of_ms(unix_ms(time))
    }
}

/// Milliseconds since the Unix epoch.
pub(in crate::inspect) fn unix_ms(time: Timestamp) -> u64 {
    u64::try_from(time.as_millisecond()).unwrap_or(0)
}
