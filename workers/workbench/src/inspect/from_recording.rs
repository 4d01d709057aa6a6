use std::{
    fs::File,
    io::{BufRead as _, BufReader},
    path::Path,
    sync::Arc,
};

use anyhow::Context as _;
use hoidap_shared::{
    headers::{ENDED, REDRIVE},
    job::JobId,
};
use indicatif::ProgressBar;

use super::records::{CollectedRecords, FeedbackRecord, StreamMessage};
use crate::recording::{RawMessage, RecordingError, RecordingReader, feedback_path};

/// Messages between two updates of the progress display.
const PROGRESS_INTERVAL: u64 = 256;

/// Collects the records of a job, and the error that ended the recording early. The recording is read to its end: a
/// job can be redriven days later.
pub(super) fn collect(
    recording: &Path,
    job: &JobId,
    redact: &[String],
    bar: &ProgressBar,
) -> anyhow::Result<(CollectedRecords, Option<RecordingError>)> {
    let source =
        if recording == Path::new("-") { "standard input".into() } else { recording.display().to_string() };
    let mut found = CollectedRecords::new(job, source, false);
    let mut read = 0_u64;
    let mut files: Vec<Arc<str>> = Vec::new();
    for line in RecordingReader::open(recording)? {
        let line = match line {
            Ok(line) => line,
            Err(error) => {
                found.notes.push(format!("The recording was not read to its end: {error}."));
                return Ok((found, Some(error)));
            }
        };
        read += 1;
        if read.is_multiple_of(PROGRESS_INTERVAL) {
            bar.set_message(format!("{read} messages read"));
        }
        // The text is searched first: most lines are of other jobs.
        let is_near = line.body.as_ref().is_some_and(|body| body.get().contains(job.as_str()));
        let raw = RawMessage::Recorded(&line, redact);
        let Some(header) = is_near.then(|| raw.header()).flatten().filter(|header| header.job_id == *job)
        else {
            continue;
        };
        if files.last() != Some(&line.position.file) {
            files.push(Arc::clone(&line.position.file));
        }
        let named = |name: &str| line.headers.get(name).and_then(|values| values.first());
        found.add_message(StreamMessage {
            seq: line.seq,
            stage: line.stage().into(),
            stored: line.time,
            redrive: named(REDRIVE).cloned(),
            ended_ms: named(ENDED).and_then(|ended| ended.parse().ok()),
            header,
            read: raw.decode(line.stage()),
        });
    }
    for file in files {
        found.feedback.extend(read_rating(&file, job)?);
    }
    Ok((found, None))
}

/// The visitor's rating, from the recording's feedback file.
fn read_rating(recording: &str, job: &JobId) -> anyhow::Result<Option<FeedbackRecord>> {
    let path = feedback_path(Path::new(recording));
    // A recording without feedback has no such file.
    let Ok(file) = File::open(&path) else { return Ok(None) };
    for line in BufReader::new(file).lines() {
        let line = line.with_context(|| format!("{} cannot be read", path.display()))?;
        if line.contains(job.as_str()) {
            let said: FeedbackRecord = serde_json::from_str(&line)
                .with_context(|| format!("{} is damaged: export the recording again", path.display()))?;
            if said.job_id == *job {
                return Ok(Some(said));
            }
        }
    }
    Ok(None)
}
