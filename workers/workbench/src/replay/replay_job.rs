use std::collections::BTreeMap;

use hoidap_shared::job;
use serde::{Deserialize, Serialize};

use super::{
    comparison::{
        baseline::{self, BaselineMatch},
        job_report::JobReport,
        labels::{Label, Labels},
        similarity::AnswerSimilarity,
    },
    stages::ReplayStages,
};
use crate::recording::JobMessages;

/// The outcome of replaying one job.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ReplayOutcome {
    /// Not replayed: the visitor stopped it, so its text depends on timing.
    Stopped,
    /// Not replayed: the recorded job failed, so there is nothing to compare with.
    Failed,
    /// Not replayed: a canary, with other settings, worked on one of the stages.
    Canary,
    /// Not replayed: no input of the replayed stages was recorded.
    Outside,
    /// Replayed and compared.
    Compared(Box<ComparedJob>),
}

/// A replayed job.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ComparedJob {
    /// When its last message was stored.
    pub(super) last: jiff::Timestamp,
    /// The recorded version of each stage.
    pub(super) versions: BTreeMap<String, String>,
    pub(super) report: JobReport,
    #[serde(skip)]
    pub(super) label: Option<Label>,
}

/// Replays a job and compares what the visitor would see.
pub(crate) async fn replay_and_compare(
    stages: &ReplayStages,
    labels: &Labels,
    meaning: &AnswerSimilarity,
    messages: JobMessages,
) -> ReplayOutcome {
    match messages.answer.body.outcome {
        job::Outcome::Stopped => return ReplayOutcome::Stopped,
        job::Outcome::Failed => return ReplayOutcome::Failed,
        _ if stages.worked_by_canary(&messages) => return ReplayOutcome::Canary,
        _ => {}
    }
    let steps = stages.replay(&messages).await;
    if steps.is_empty() {
        return ReplayOutcome::Outside;
    }
    let label = labels.find(&messages);
    let mut report = JobReport::of(&messages, &steps, label.as_ref());
    if let (false, Some(before), Some(after)) =
        (report.text.is_empty(), &report.before.answer, &report.after.answer)
    {
        report.meaning = meaning.cosine(&before.text, &after.text).await;
    }
    report.distance = report.compute_distance();
    report.gone = stages.removed_documents(&messages);
    let versions = messages.answer.body.versions;
    ReplayOutcome::Compared(Box::new(ComparedJob { last: messages.last, versions, report, label }))
}

/// Replays a job and compares byte for byte; `None` if there is nothing to compare with.
pub(super) async fn replay_and_check(
    stages: &ReplayStages,
    messages: &JobMessages,
) -> anyhow::Result<Option<BaselineMatch>> {
    let ended = messages.answer.body.outcome;
    if matches!(ended, job::Outcome::Stopped | job::Outcome::Failed) || stages.worked_by_canary(messages) {
        return Ok(None);
    }
    let steps = stages.replay(messages).await;
    if steps.is_empty() {
        return Ok(None);
    }
    baseline::compare_bytes(messages.answer.job_id.as_str(), &steps).map(Some)
}
