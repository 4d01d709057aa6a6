use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use async_nats::jetstream::message::StreamMessage;
use hoidap_shared::{
    broker::{Broker, BrokerClock},
    headers::redrive_token,
    job::{EnvelopeHeader, JobId},
    subjects::ANSWER_RETENTION,
};
use tokio::{sync::Mutex, time::Instant};

use crate::direct_get;

/// How long a scan of the stream is used. A job that another process finishes meanwhile has its answer, which is checked
/// first.
const MAX_SCAN_AGE: Duration = Duration::from_mins(10);

/// A job, and the redrive token of the sending.
type JobKey = (JobId, Option<String>);

/// The messages of a stage without a result: neither a message for the next stage nor the record of the job's end follows
/// in the jobs stream. The stream tells it for as long as it keeps the message, which is longer than answers are kept.
pub(super) struct OpenJobs {
    first_sequence: u64,
    last_sequence: u64,
    scanned: Instant,
    /// By sequence. For a message that cannot be read, the time it was stored, in milliseconds since the Unix epoch.
    open: BTreeMap<u64, Option<u64>>,
}

impl OpenJobs {
    /// Scans the jobs stream from a sequence to its end.
    pub(super) async fn scan(
        broker: &Broker,
        stage: &str,
        next: Option<&str>,
        first_sequence: u64,
    ) -> anyhow::Result<Self> {
        let subjects = &broker.subjects;
        let (stage_subject, all_subjects) = (subjects.jobs(stage), subjects.jobs("*"));
        let result_subjects: Vec<String> =
            next.map(|next| subjects.jobs(next)).into_iter().chain([subjects.done()]).collect();
        let (mut open, mut sequences_of) = (BTreeMap::new(), HashMap::<JobKey, Vec<u64>>::new());
        let mut last_sequence = first_sequence.saturating_sub(1);
        loop {
            let page = direct_get::page(broker, "JOBS", last_sequence + 1, &all_subjects).await?;
            let Some(last) = page.last() else { break };
            last_sequence = last.sequence;
            for message in page {
                let subject = message.subject.as_str();
                if subject == stage_subject {
                    match job_key(&message) {
                        Some(key) => {
                            open.insert(message.sequence, None);
                            sequences_of.entry(key).or_default().push(message.sequence);
                        }
                        None => {
                            open.insert(message.sequence, Some(stored_ms(&message)));
                        }
                    }
                } else if result_subjects.iter().any(|result| result == subject)
                    && let Some(sequences) = job_key(&message).and_then(|key| sequences_of.remove(&key))
                {
                    for sequence in sequences {
                        open.remove(&sequence);
                    }
                }
            }
        }
        Ok(Self { first_sequence, last_sequence, scanned: Instant::now(), open })
    }

    /// The sequence at which a new consumer begins, so that no open job is missed. A message that cannot be read has no
    /// result to recognise: after an hour it counts as done.
    pub(super) fn start_sequence(&self, clock: &BrokerClock) -> u64 {
        let kept = u64::try_from(ANSWER_RETENTION.as_millis()).unwrap_or(u64::MAX);
        let since = clock.now_ms().saturating_sub(kept);
        let counts = |stored: &Option<u64>| stored.is_none_or(|stored| stored >= since);
        let first = self.open.iter().find(|(_, stored)| counts(stored));
        first.map_or(self.last_sequence + 1, |(sequence, _)| *sequence)
    }

    /// Whether the scan covers a message and is fresh.
    fn covers(&self, sequence: u64) -> bool {
        (self.first_sequence..=self.last_sequence).contains(&sequence)
            && self.scanned.elapsed() < MAX_SCAN_AGE
    }
}

/// The last scan of a stage's messages.
#[derive(Default)]
pub(super) struct OpenJobsCache {
    last_scan: Mutex<Option<OpenJobs>>,
}

impl OpenJobsCache {
    /// Whether a message of the stage has no result yet.
    pub(super) async fn is_open(
        &self,
        broker: &Broker,
        stage: &str,
        next: Option<&str>,
        sequence: u64,
    ) -> anyhow::Result<bool> {
        let mut last_scan = self.last_scan.lock().await;
        let jobs = match last_scan.take() {
            Some(jobs) if jobs.covers(sequence) => jobs,
            _ => OpenJobs::scan(broker, stage, next, sequence).await?,
        };
        let is_open = jobs.open.contains_key(&sequence);
        *last_scan = Some(jobs);
        Ok(is_open)
    }
}

fn job_key(message: &StreamMessage) -> Option<JobKey> {
    let header: EnvelopeHeader = rmp_serde::from_slice(&message.payload).ok()?;
    Some((header.job_id, redrive_token(&message.headers)))
}

fn stored_ms(message: &StreamMessage) -> u64 {
    u64::try_from(message.time.unix_timestamp_nanos() / 1_000_000).unwrap_or(0)
}
