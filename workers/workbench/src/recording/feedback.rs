use std::{
    collections::{BTreeMap, HashSet},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use hoidap_indices::store::replace;
use hoidap_runtime::stream_reader::StreamReader;
use hoidap_shared::{
    broker::Broker,
    events::{FEEDBACK, FeedbackEvent, Rating},
    job::JobId,
};
use serde::Serialize;

use super::{export_file::ExportProgress, redaction::REDACTED};
use crate::resumable_file::with_suffix;

/// File name suffix of a feedback file.
pub(super) const FEEDBACK_SUFFIX: &str = ".feedback.jsonl";
/// The field with the reason that a visitor chose.
const REASON: &str = "reason";
/// Events per read.
const PAGE_SIZE: usize = 1_000;

/// A visitor's rating of an answer, without their free-text comment.
#[derive(Serialize)]
struct RatingLine {
    job_id: JobId,
    rating: Rating,
    reason: Option<String>,
}

/// The path of a recording's feedback file.
pub(crate) fn feedback_path(recording: &Path) -> PathBuf {
    with_suffix(recording, FEEDBACK_SUFFIX)
}

/// Writes the last rating of each job that the events stream still holds, its reason redacted if that is asked for.
/// Returns how many.
pub(super) async fn export_feedback(
    broker: &Broker,
    jobs: Option<&HashSet<JobId>>,
    progress: &mut ExportProgress,
    recording: &Path,
) -> anyhow::Result<usize> {
    let name = broker.subjects.stream("EVENTS");
    let stream = broker.jetstream.get_stream(&name).await;
    let stream = stream.with_context(|| format!("the stream {name} cannot be read"))?;
    let last = stream.cached_info().state.last_sequence;
    let mut log = StreamReader::open(&stream, 1, Some(broker.subjects.events(FEEDBACK))).await?;
    let hides_reason = progress.redact.iter().any(|field| field == REASON);
    let mut ratings = BTreeMap::new();
    'all: loop {
        let page = log.read(PAGE_SIZE).await?;
        if page.is_empty() {
            break;
        }
        for record in page {
            if record.sequence > last {
                break 'all;
            }
            // The analytics sink reports events that cannot be decoded.
            let Ok(event) = rmp_serde::from_slice::<FeedbackEvent>(&record.payload) else { continue };
            if jobs.is_none_or(|jobs| jobs.contains(&event.job_id)) {
                let FeedbackEvent { job_id, rating, mut reason, .. } = event;
                if let Some(reason) = reason.as_mut().filter(|_| hides_reason) {
                    *reason = REDACTED.into();
                    progress.redacted.insert(REASON.into());
                }
                ratings.insert(job_id.clone(), RatingLine { job_id, rating, reason });
            }
        }
    }
    if ratings.is_empty() {
        return Ok(0);
    }
    let lines: Vec<String> = ratings.values().map(serde_json::to_string).collect::<Result<_, _>>()?;
    let path = feedback_path(recording);
    let written = replace(&path, &(lines.join("\n") + "\n"));
    written.with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(ratings.len())
}
