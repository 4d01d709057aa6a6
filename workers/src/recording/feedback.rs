use std::{
    collections::{BTreeMap, HashSet},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use hoidap_indices::store::replace;
use hoidap_shared::{
    broker::Broker,
    events::{FEEDBACK, FeedbackEvent, Rating},
    job::JobId,
};
use serde::Serialize;

use crate::{part::beside, stream_reader::StreamReader};

/// How the name of a file with feedback ends.
pub(super) const ENDING: &str = ".feedback.jsonl";
/// Events read at once.
const PAGE: usize = 1_000;

/// What a visitor said of an answer, without their own words.
#[derive(Serialize)]
struct Word {
    job_id: JobId,
    rating: Rating,
    reason: Option<String>,
}

/// Where the feedback on a recording's answers stands.
pub(crate) fn feedback_of(recording: &Path) -> PathBuf {
    beside(recording, ENDING)
}

/// Writes what visitors said of the jobs, as far as the events stream still has it: the last word on each. How many.
pub(super) async fn export(
    broker: &Broker,
    jobs: Option<&HashSet<JobId>>,
    recording: &Path,
) -> anyhow::Result<usize> {
    let name = broker.subjects.stream("EVENTS");
    let stream = broker.jetstream.get_stream(&name).await;
    let stream = stream.with_context(|| format!("the stream {name} cannot be read"))?;
    let last = stream.cached_info().state.last_sequence;
    let mut log = StreamReader::open(&stream, 1, Some(broker.subjects.events(FEEDBACK))).await?;
    let mut words = BTreeMap::new();
    'all: loop {
        let page = log.read(PAGE).await?;
        if page.is_empty() {
            break;
        }
        for record in page {
            if record.sequence > last {
                break 'all;
            }
            // What is none is the analytics sink's to complain of.
            let Ok(event) = rmp_serde::from_slice::<FeedbackEvent>(&record.payload) else { continue };
            if jobs.is_none_or(|jobs| jobs.contains(&event.job_id)) {
                let FeedbackEvent { job_id, rating, reason, .. } = event;
                words.insert(job_id.clone(), Word { job_id, rating, reason });
            }
        }
    }
    if words.is_empty() {
        return Ok(0);
    }
    let lines: Vec<String> = words.values().map(serde_json::to_string).collect::<Result<_, _>>()?;
    let path = feedback_of(recording);
    let written = replace(&path, &(lines.join("\n") + "\n"));
    written.with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(words.len())
}
