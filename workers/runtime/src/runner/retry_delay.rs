use std::time::Duration;

/// The delay where `worker.backoff_ms` is empty, which the configuration refuses.
const DEFAULT_DELAY: Duration = Duration::from_secs(1);

/// How long the broker waits before it delivers a job again, after attempt number `attempt`, counting from 1. The last
/// value of `worker.backoff_ms` holds for all later attempts.
pub(super) fn retry_delay(backoff_ms: &[u64], attempt: u32) -> Duration {
    let index = attempt.max(1) as usize - 1;
    let delay_ms = backoff_ms.get(index).or(backoff_ms.last());
    delay_ms.map_or(DEFAULT_DELAY, |ms| Duration::from_millis(*ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_attempts_wait_as_long_as_the_last_value_says() {
        let delays: Vec<_> = (0..5).map(|attempt| retry_delay(&[10, 20], attempt).as_millis()).collect();
        assert_eq!(delays, [10, 10, 20, 20, 20]);
        assert_eq!(retry_delay(&[], 3), DEFAULT_DELAY);
    }
}
