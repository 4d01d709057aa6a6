use jiff::Timestamp;

/// Times as they count from the question.
#[derive(Clone, Copy)]
pub(super) struct Clock {
    pub(super) accepted_ms: u64,
}

impl Clock {
    pub(super) fn ms(self, ms: u64) -> i64 {
        let since = i128::from(ms) - i128::from(self.accepted_ms);
        i64::try_from(since).unwrap_or(0)
    }

    pub(super) fn at(self, time: Timestamp) -> i64 {
        self.ms(millis(time))
    }
}

/// Milliseconds since the Unix epoch.
pub(super) fn millis(time: Timestamp) -> u64 {
    u64::try_from(time.as_millisecond()).unwrap_or(0)
}
