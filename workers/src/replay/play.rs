use std::collections::BTreeMap;

use hoidap_shared::job;
use serde::{Deserialize, Serialize};

use super::{
    baseline::{self, Sameness},
    difference::JobReport,
    labels::{Label, Labels},
    meaning::Meaning,
    messages::Messages,
    stages::Stages,
};

/// What came of one job.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// The visitor stopped it: what they had read depends on the moment.
    Stopped,
    /// It had failed: there is nothing to compare with.
    Failed,
    /// A canary made what would be compared: its settings are not those of the stage.
    Canary,
    /// No message of the stages that are replayed was recorded.
    Outside,
    /// It was replayed.
    Compared(Box<Compared>),
}

/// A job that was replayed.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Compared {
    /// When its last message was stored.
    pub(super) last: jiff::Timestamp,
    /// What each stage's recorded result depends on.
    pub(super) versions: BTreeMap<String, String>,
    pub(super) report: JobReport,
    #[serde(skip)]
    pub(super) label: Option<Label>,
}

/// Replays a job and compares what the reader of an answer would.
pub(crate) async fn compared(
    stages: &Stages,
    labels: &Labels,
    meaning: &Meaning,
    messages: Messages,
) -> Outcome {
    match messages.answer.body.outcome {
        job::Outcome::Stopped => return Outcome::Stopped,
        job::Outcome::Failed => return Outcome::Failed,
        _ if stages.by_canary(&messages) => return Outcome::Canary,
        _ => {}
    }
    let steps = stages.play(&messages).await;
    if steps.is_empty() {
        return Outcome::Outside;
    }
    let label = labels.of(&messages).cloned();
    let mut report = JobReport::of(&messages, &steps, label.as_ref());
    if let (false, Some(before), Some(after)) =
        (report.text.is_empty(), &report.before.answer, &report.after.answer)
    {
        report.meaning = meaning.alike(&before.text, &after.text).await;
    }
    report.distance = report.far();
    report.gone = stages.gone(&messages);
    let versions = messages.answer.body.versions;
    Outcome::Compared(Box::new(Compared { last: messages.last, versions, report, label }))
}

/// Replays a job and compares byte for byte; nothing where there is nothing to compare with.
pub(super) async fn checked(stages: &Stages, messages: &Messages) -> anyhow::Result<Option<Sameness>> {
    let ended = messages.answer.body.outcome;
    if matches!(ended, job::Outcome::Stopped | job::Outcome::Failed) || stages.by_canary(messages) {
        return Ok(None);
    }
    let steps = stages.play(messages).await;
    if steps.is_empty() {
        return Ok(None);
    }
    baseline::check(messages.answer.job_id.as_str(), &steps).map(Some)
}
