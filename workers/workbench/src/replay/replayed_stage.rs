use hoidap_shared::job::MessageBody;

use super::comparison::job_report::ReplayFailure;

/// One replayed stage: the recorded output before, the replayed output after.
#[derive(Debug)]
pub(super) struct ReplayedStage {
    pub(super) stage: &'static str,
    pub(super) before: MessageBody,
    pub(super) after: Result<MessageBody, ReplayFailure>,
    /// Milliseconds of work in the replay.
    pub(super) worked_ms: u64,
}
