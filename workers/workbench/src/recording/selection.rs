use std::collections::HashSet;

use clap::Args;
use hoidap_runtime::stream_reader::StreamRecord;
use hoidap_shared::job::{Answer, Envelope, JobId};
use serde::{Deserialize, Serialize};

/// Which messages to export.
#[derive(Args, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ExportSelection {
    /// Stored at this time or later, such as `2026-11-01T00:00:00Z`.
    #[arg(long, value_name = "TIME")]
    pub from: Option<jiff::Timestamp>,
    /// Stored before this time.
    #[arg(long, value_name = "TIME")]
    pub to: Option<jiff::Timestamp>,
    /// Of this job; can be given more than once.
    #[arg(long = "job", value_name = "ID")]
    pub jobs: Vec<JobId>,
    /// Of finished jobs of this session.
    #[arg(long)]
    pub session: Option<String>,
    /// Of finished jobs with this intent.
    #[arg(long)]
    pub intent: Option<String>,
    /// Of finished jobs about this product.
    #[arg(long)]
    pub product: Option<String>,
    /// Of finished jobs with this outcome, such as `unanswered`.
    #[arg(long)]
    pub outcome: Option<String>,
}

impl ExportSelection {
    /// Whether a message stored at this time is selected.
    pub(super) fn includes_time(&self, stored: jiff::Timestamp) -> bool {
        self.from.is_none_or(|from| stored >= from) && self.to.is_none_or(|to| stored < to)
    }

    /// Whether selecting a job requires its answer.
    pub(super) fn needs_answers(&self) -> bool {
        [&self.session, &self.intent, &self.product, &self.outcome].iter().any(|wish| wish.is_some())
    }

    /// The job of a finished-job message, if it is selected.
    pub(super) fn selected_job(&self, record: &StreamRecord) -> Option<JobId> {
        let answer = Envelope::<Answer>::decode(&record.payload).ok()?;
        let body = &answer.body;
        let is = |wish: &Option<String>, value: Option<&str>| {
            wish.as_deref().is_none_or(|wish| value == Some(wish))
        };
        let is_match = is(&self.session, Some(&body.session_id))
            && is(&self.intent, Some(&body.intent.name))
            && is(&self.product, body.product.as_deref())
            && is(&self.outcome, Some(body.outcome.name()))
            && (self.jobs.is_empty() || self.jobs.contains(&answer.job_id));
        is_match.then_some(answer.job_id)
    }
}

/// Whether a message belongs to one of the jobs; all do if there is no set.
pub(super) fn is_selected(jobs: Option<&HashSet<JobId>>, record: &StreamRecord) -> bool {
    let Some(jobs) = jobs else { return true };
    rmp_serde::from_slice::<hoidap_shared::job::EnvelopeHeader>(&record.payload)
        .is_ok_and(|header| jobs.contains(&header.job_id))
}
