use std::time::Duration;

use anyhow::Context as _;
use async_nats::jetstream::stream::{DirectGetErrorKind, Stream};
use hoidap_shared::{
    broker::Broker,
    dead_letter::DeadLetter,
    events::{CHAT, FEEDBACK},
    headers::{REDRIVE, ended_ms},
    job::{Envelope, JobId},
    progress::ProgressLine,
    subjects::ANSWER_RETENTION,
};
use indicatif::ProgressBar;
use jiff::Timestamp;

use super::collected::{Advisory, Collected, Kept, Letter, MOST, Message, Queue, Raw};
use crate::{
    recording::DONE,
    stream_reader::{StreamReader, StreamRecord},
};

/// Messages read at once.
const PAGE: usize = 500;
/// How far the clocks of gateways and brokers may be apart.
const SLACK: Duration = Duration::from_secs(30);
/// How long after its time a job's first message may be stored.
const FIRST: Duration = Duration::from_mins(5);
/// How long after an answer's record what belongs to it is looked for.
const AFTER: Duration = Duration::from_mins(1);

/// Reads what NATS holds of one job.
pub(super) struct Reader<'a> {
    pub(super) broker: &'a Broker,
    pub(super) job: &'a JobId,
    pub(super) bar: &'a ProgressBar,
    read: u64,
}

/// When the job was named, if its name tells.
pub(super) fn named(job: &JobId) -> Option<Timestamp> {
    let id = uuid::Uuid::try_parse(job.as_str()).ok()?;
    let (seconds, nanoseconds) = (id.get_version_num() == 7).then(|| id.get_timestamp())??.to_unix();
    Timestamp::new(i64::try_from(seconds).ok()?, i32::try_from(nanoseconds).ok()?).ok()
}

impl<'a> Reader<'a> {
    pub(super) fn new(broker: &'a Broker, job: &'a JobId, bar: &'a ProgressBar) -> Self {
        Self { broker, job, bar, read: 0 }
    }

    /// Everything there is of the job.
    pub(super) async fn collect(mut self) -> anyhow::Result<Collected> {
        let mut found = Collected::new(self.job, "NATS".into(), true);
        let asked = self.answer(&mut found).await?;
        let known = named(self.job).or(asked);
        // The name of a job that its client named tells no time: all there is is read.
        let since = known.map_or(Timestamp::UNIX_EPOCH, |time| time.checked_sub(SLACK).unwrap_or(time));
        self.letters(&mut found, since).await?;
        self.messages(&mut found, since, known).await?;
        self.advisories(&mut found, since).await?;
        self.events(&mut found, since).await?;
        self.lines(&mut found).await?;
        self.queue(&mut found).await?;
        Ok(found)
    }

    async fn stream(&self, name: &str) -> anyhow::Result<Stream> {
        let name = self.broker.subjects.stream(name);
        let stream = self.broker.jetstream.get_stream(&name).await;
        stream.with_context(|| {
            format!("the stream {name} cannot be read: `hoidap-worker setup` makes it, and the operator may read it")
        })
    }

    /// Calls for each message in order until there is no more, or `what` says that it is enough.
    async fn each(
        &mut self,
        mut log: StreamReader,
        mut what: impl FnMut(StreamRecord) -> bool,
    ) -> anyhow::Result<()> {
        loop {
            let page = log.read(PAGE).await?;
            if page.is_empty() {
                return Ok(());
            }
            self.read += page.len() as u64;
            self.bar.set_message(format!("{} messages read", self.read));
            for record in page {
                if !what(record) {
                    return Ok(());
                }
            }
        }
    }

    /// The answer that gateways read; and when the question was told, for a job that has none yet.
    async fn answer(&self, found: &mut Collected) -> anyhow::Result<Option<Timestamp>> {
        let stream = self.stream("ANSWERS").await?;
        let subjects = &self.broker.subjects;
        let time =
            |time: async_nats::datetime::DateTime| Timestamp::from_nanosecond(time.unix_timestamp_nanos());
        match stream.direct_get_last_for_subject(subjects.answer(self.job)).await {
            Ok(message) => match Envelope::decode(&message.payload) {
                Ok(answer) => {
                    let (stored, ended_ms) = (time(message.time)?, ended_ms(&message.headers));
                    found.kept = Some(Kept { stored, ended_ms, answer });
                }
                Err(error) => found.notes.push(format!("The stored answer cannot be read: {error}.")),
            },
            Err(error) if error.kind() == DirectGetErrorKind::NotFound => {}
            Err(error) => return Err(error).context("the stored answers cannot be read"),
        }
        match stream.direct_get_last_for_subject(subjects.job_record(self.job)).await {
            Ok(message) => Ok(time(message.time).ok()),
            Err(error) if error.kind() == DirectGetErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).context("the stored answers cannot be read"),
        }
    }

    async fn letters(&mut self, found: &mut Collected, since: Timestamp) -> anyhow::Result<()> {
        let log = StreamReader::since(&self.stream("DEAD").await?, since, None).await?;
        let job = self.job.as_str();
        self.each(log, |record| {
            let DeadLetter { stage, reason, detail, job_id, deliveries, stream_sequence, .. } =
                DeadLetter::from_message(&record.headers, record.payload.clone());
            if job_id != job {
                return true;
            }
            let letter = Letter {
                seq: record.sequence,
                stored: record.stored,
                reason,
                detail,
                deliveries,
                message: stream_sequence,
                read: Raw::Packed(&record.payload).read(&stage).ok(),
                stage,
            };
            add(&mut found.letters, letter);
            true
        })
        .await
    }

    async fn messages(
        &mut self,
        found: &mut Collected,
        since: Timestamp,
        known: Option<Timestamp>,
    ) -> anyhow::Result<()> {
        let log = StreamReader::since(&self.stream("JOBS").await?, since, None).await?;
        let job = self.job;
        self.each(log, |record| {
            let is_named = found.letters.iter().any(|letter| letter.message >= Some(record.sequence));
            if !is_named && is_enough(found, &record, known) {
                return false;
            }
            let raw = Raw::Packed(&record.payload);
            if let Some(header) = raw.header().filter(|header| header.job_id == *job) {
                let stage = record.subject.rsplit('.').next().unwrap_or_default().to_string();
                found.add(Message {
                    seq: record.sequence,
                    stored: record.stored,
                    redrive: record.headers.get(REDRIVE).map(|token| token.as_str().to_string()),
                    ended_ms: ended_ms(&record.headers),
                    header,
                    read: raw.read(&stage),
                    stage,
                });
            }
            true
        })
        .await
    }

    async fn advisories(&mut self, found: &mut Collected, since: Timestamp) -> anyhow::Result<()> {
        let log = StreamReader::since(&self.stream("ADVISORIES").await?, since, None).await?;
        self.each(log, |record| {
            let advisory = serde_json::from_slice::<Advisory>(&record.payload).ok();
            let is_ours =
                |advisory: &Advisory| found.messages.iter().any(|message| message.seq == advisory.stream_seq);
            if let Some(advisory) = advisory.filter(is_ours) {
                add(&mut found.advisories, advisory);
            }
            true
        })
        .await
    }

    async fn events(&mut self, found: &mut Collected, since: Timestamp) -> anyhow::Result<()> {
        let stream = self.stream("EVENTS").await?;
        let job = self.job;
        let subjects = &self.broker.subjects;
        // Those of jobs have subjects of their own; those of a gateway, and of older releases, have one.
        for own in [subjects.chat_event(job, None), subjects.chat_event(job, Some("*"))] {
            let chats = StreamReader::since(&stream, since, Some(own)).await?;
            self.each(chats, |record| {
                if let Some(event) = event(&record, job) {
                    add(&mut found.chats, (record.sequence, event));
                }
                true
            })
            .await?;
        }
        let chats = StreamReader::since(&stream, since, Some(self.broker.subjects.events(CHAT))).await?;
        self.each(chats, |record| {
            if is_enough(found, &record, None) {
                return false;
            }
            if let Some(event) = event(&record, job) {
                add(&mut found.chats, (record.sequence, event));
            }
            true
        })
        .await?;
        // A visitor can say something at any time.
        let feedback =
            StreamReader::since(&stream, since, Some(self.broker.subjects.events(FEEDBACK))).await?;
        self.each(feedback, |record| {
            if let Some(said) = event(&record, job) {
                add(&mut found.feedback, said);
            }
            true
        })
        .await
    }

    /// What was told on the way.
    async fn lines(&mut self, found: &mut Collected) -> anyhow::Result<()> {
        let subject = self.broker.subjects.tokens(self.job);
        let log = StreamReader::open(&self.stream("TOKENS").await?, 1, Some(subject)).await?;
        self.each(log, |record| {
            let line = rmp_serde::from_slice(&record.payload).ok();
            // Of the words, only when the first of them came.
            let counts = |line: &ProgressLine| match line {
                ProgressLine::Delta { .. } => {
                    !found.lines.iter().any(|(_, told)| matches!(told, ProgressLine::Delta { .. }))
                }
                ProgressLine::Sources { .. } | ProgressLine::Cite { .. } => false,
                ProgressLine::Stage { .. }
                | ProgressLine::Draft { .. }
                | ProgressLine::Void { .. }
                | ProgressLine::End => true,
            };
            if let Some(line) = line.filter(counts) {
                add(&mut found.lines, (record.stored, line));
            }
            true
        })
        .await
    }

    /// How the stage is doing that the last message waits for.
    async fn queue(&self, found: &mut Collected) -> anyhow::Result<()> {
        let Some(last) = found.messages.last().filter(|last| last.stage != DONE) else { return Ok(()) };
        let consumer = self.broker.subjects.consumer(&last.stage);
        // A stage that never ran has none.
        if let Ok(info) = self.stream("JOBS").await?.consumer_info(consumer).await {
            found.queue = Some(Queue {
                delivered: info.delivered.stream_sequence,
                undelivered: info.num_pending,
                asking: info.num_waiting,
            });
        }
        Ok(())
    }
}

/// Holds what was found, as long as there is not too much of it.
fn add<T>(held: &mut Vec<T>, found: T) {
    if held.len() < MOST {
        held.push(found);
    }
}

/// An event of the job. Looked for as bytes first: most events are of other jobs.
fn event<T: serde::de::DeserializeOwned>(record: &StreamRecord, job: &JobId) -> Option<T> {
    #[derive(serde::Deserialize)]
    struct Named {
        job_id: JobId,
    }
    let is_near = record.payload.windows(job.as_str().len()).any(|bytes| bytes == job.as_str().as_bytes());
    let named = is_near.then(|| rmp_serde::from_slice::<Named>(&record.payload).ok()).flatten()?;
    (named.job_id == *job).then(|| rmp_serde::from_slice(&record.payload).ok()).flatten()
}

/// Whether nothing of the job can follow behind this message: its answer has been recorded a while ago, or nobody can
/// give it one any more.
fn is_enough(found: &Collected, record: &StreamRecord, known: Option<Timestamp>) -> bool {
    let behind = |time: Timestamp, by: Duration| time.checked_add(by).is_ok_and(|end| record.stored > end);
    match (found.last(), known) {
        // A letter that is gone was sent again, at any time since.
        (Some(_), _) if found.is_done() && found.failed() && found.letters.is_empty() => false,
        (Some(last), _) if found.is_done() => behind(last, AFTER),
        // A worker takes up nothing that is older.
        (Some(last), _) => behind(last, ANSWER_RETENTION + AFTER),
        (None, Some(known)) => behind(known, FIRST),
        (None, None) => false,
    }
}
