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

use super::collected::{Collected, Message, Raw, Said};
use crate::recording::{Fault, Lines, feedback_of};

/// Lines between two signs of life.
const SIGN: u64 = 256;

/// What a recording holds of a job, and what is wrong with the recording, if anything is. It is read to its end: a job can
/// be sent again days later.
pub(super) fn collect(
    recording: &Path,
    job: &JobId,
    redact: &[String],
    bar: &ProgressBar,
) -> anyhow::Result<(Collected, Option<Fault>)> {
    let source =
        if recording == Path::new("-") { "standard input".into() } else { recording.display().to_string() };
    let mut found = Collected::new(job, source, false);
    let mut read = 0_u64;
    let mut files: Vec<Arc<str>> = Vec::new();
    for line in Lines::open(recording)? {
        let line = match line {
            Ok(line) => line,
            Err(fault) => {
                found.notes.push(format!("The recording was not read to its end: {fault}."));
                return Ok((found, Some(fault)));
            }
        };
        read += 1;
        if read.is_multiple_of(SIGN) {
            bar.set_message(format!("{read} messages read"));
        }
        // Looked for as text first: most lines are of other jobs.
        let is_near = line.body.as_ref().is_some_and(|body| body.get().contains(job.as_str()));
        let raw = Raw::Line(&line, redact);
        let Some(header) = is_near.then(|| raw.header()).flatten().filter(|header| header.job_id == *job)
        else {
            continue;
        };
        if files.last() != Some(&line.place.file) {
            files.push(Arc::clone(&line.place.file));
        }
        let named = |name: &str| line.headers.get(name).and_then(|values| values.first());
        found.add(Message {
            seq: line.seq,
            stage: line.stage().into(),
            stored: line.time,
            redrive: named(REDRIVE).cloned(),
            ended_ms: named(ENDED).and_then(|ended| ended.parse().ok()),
            header,
            read: raw.read(line.stage()),
        });
    }
    for file in files {
        found.feedback.extend(rating(&file, job)?);
    }
    Ok((found, None))
}

/// What the visitor said of the job's answer, from the file beside a recording.
fn rating(recording: &str, job: &JobId) -> anyhow::Result<Option<Said>> {
    let path = feedback_of(Path::new(recording));
    // A recording without feedback has no such file.
    let Ok(file) = File::open(&path) else { return Ok(None) };
    for line in BufReader::new(file).lines() {
        let line = line.with_context(|| format!("{} cannot be read", path.display()))?;
        if line.contains(job.as_str()) {
            let said: Said = serde_json::from_str(&line)
                .with_context(|| format!("{} is damaged: export the recording again", path.display()))?;
            if said.job_id == *job {
                return Ok(Some(said));
            }
        }
    }
    Ok(None)
}
