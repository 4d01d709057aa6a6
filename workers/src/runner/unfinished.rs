use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use async_nats::jetstream::message::StreamMessage;
use hoidap_shared::{
    broker::{Broker, Clock},
    job::{Header, JobId},
    subjects::ANSWERS_KEPT,
};
use tokio::{sync::Mutex, time::Instant};

use super::delivery::redrive_of;
use crate::direct;

/// How long what was read counts. A job that another process finishes meanwhile has its answer, which is looked for first.
const FRESH: Duration = Duration::from_mins(10);

/// A job, and which sending of it.
type Key = (JobId, Option<String>);

/// What the jobs stream holds of a stage's messages that nothing follows from yet: neither a message for the next stage
/// nor the record of the job's end. The log knows it for as long as it has the job itself, longer than any answer is kept.
pub(super) struct Unfinished {
    from: u64,
    /// Where reading ended.
    until: u64,
    read: Instant,
    /// By sequence; with the time it was stored, in milliseconds since the Unix epoch, where it is no job that can be told.
    open: BTreeMap<u64, Option<u64>>,
}

impl Unfinished {
    /// Reads the log from a sequence to its end.
    pub(super) async fn read(
        broker: &Broker,
        stage: &str,
        next: Option<&str>,
        from: u64,
    ) -> anyhow::Result<Self> {
        let subjects = &broker.subjects;
        let (waiting, all) = (subjects.jobs(stage), subjects.jobs("*"));
        let followed: Vec<String> =
            next.map(|next| subjects.jobs(next)).into_iter().chain([subjects.done()]).collect();
        let (mut open, mut known) = (BTreeMap::new(), HashMap::<Key, Vec<u64>>::new());
        let mut until = from.saturating_sub(1);
        loop {
            let page = direct::page(broker, "JOBS", until + 1, &all).await?;
            let Some(last) = page.last() else { break };
            until = last.sequence;
            for message in page {
                let subject = message.subject.as_str();
                if subject == waiting {
                    match key(&message) {
                        Some(key) => {
                            open.insert(message.sequence, None);
                            known.entry(key).or_default().push(message.sequence);
                        }
                        None => {
                            open.insert(message.sequence, Some(stored_ms(&message)));
                        }
                    }
                } else if followed.iter().any(|follows| follows == subject)
                    && let Some(sequences) = key(&message).and_then(|key| known.remove(&key))
                {
                    open.retain(|sequence, _| !sequences.contains(sequence));
                }
            }
        }
        Ok(Self { from, until, read: Instant::now(), open })
    }

    /// The sequence to begin with, so that nothing is missed. What is no job has no end to be known by: an hour later it
    /// counts as dealt with.
    pub(super) fn first(&self, clock: &Clock) -> u64 {
        let kept = u64::try_from(ANSWERS_KEPT.as_millis()).unwrap_or(u64::MAX);
        let since = clock.now_ms().saturating_sub(kept);
        let counts = |stored: &Option<u64>| stored.is_none_or(|stored| stored >= since);
        let first = self.open.iter().find(|(_, stored)| counts(stored));
        first.map_or(self.until + 1, |(sequence, _)| *sequence)
    }

    /// Whether what was read tells of a message.
    fn knows(&self, sequence: u64) -> bool {
        (self.from..=self.until).contains(&sequence) && self.read.elapsed() < FRESH
    }
}

/// What was last read of a stage's log.
#[derive(Default)]
pub(super) struct Log {
    read: Mutex<Option<Unfinished>>,
}

impl Log {
    /// Whether nothing follows from a message of the stage yet.
    pub(super) async fn is_open(
        &self,
        broker: &Broker,
        stage: &str,
        next: Option<&str>,
        sequence: u64,
    ) -> anyhow::Result<bool> {
        let mut read = self.read.lock().await;
        let unfinished = match read.take() {
            Some(known) if known.knows(sequence) => known,
            _ => Unfinished::read(broker, stage, next, sequence).await?,
        };
        let is_open = unfinished.open.contains_key(&sequence);
        *read = Some(unfinished);
        Ok(is_open)
    }
}

fn key(message: &StreamMessage) -> Option<Key> {
    let header: Header = rmp_serde::from_slice(&message.payload).ok()?;
    Some((header.job_id, redrive_of(&message.headers)))
}

fn stored_ms(message: &StreamMessage) -> u64 {
    u64::try_from(message.time.unix_timestamp_nanos() / 1_000_000).unwrap_or(0)
}
