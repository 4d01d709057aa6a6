use std::time::Duration;

use hoidap_shared::job::DecodeError;

/// Why a job cannot be processed.
pub(super) struct DeadLetterReason {
    /// A stable code.
    pub(super) code: &'static str,
    /// What went wrong, for the operator.
    pub(super) detail: String,
}

impl DeadLetterReason {
    pub(super) fn new(code: &'static str, detail: String) -> Self {
        Self { code, detail }
    }

    pub(super) fn unreadable(error: &DecodeError) -> Self {
        let code =
            if matches!(error, DecodeError::Schema { .. }) { "unknown_schema" } else { "malformed_message" };
        Self::new(code, error.to_string())
    }

    pub(super) fn deadline_exceeded() -> Self {
        Self::new("deadline_exceeded", "the deadline had passed before the work began".into())
    }

    pub(super) fn too_many_attempts(attempt: u32) -> Self {
        Self::new(
            "too_many_deliveries",
            format!("this was attempt {attempt}: the workers before did not survive the job"),
        )
    }

    pub(super) fn given_up_by_broker(deliveries: u32) -> Self {
        Self::new("too_many_deliveries", format!("the broker gave it up after {deliveries} deliveries"))
    }

    pub(super) fn expired(age: Duration) -> Self {
        let minutes = age.as_secs() / 60;
        Self::new("expired", format!("it was stored {minutes} minutes ago, and no worker had finished it"))
    }
}
