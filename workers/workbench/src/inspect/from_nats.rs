use std::time::Duration;

use anyhow::Context as _;
use async_nats::jetstream::stream::{DirectGetErrorKind, Stream};
use hoidap_runtime::stream_reader::{StreamReader, StreamRecord};
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

use super::records::{
    AnswerRecord, CollectedRecords, ConsumerState, DeadLetterRecord, DeliveryAdvisory, MAX_RECORDS,
    StreamMessage,
};
use crate::recording::{DONE, RawMessage};

/// Messages per read.
const PAGE_SIZE: usize = 500;
/// Maximum clock skew between gateways and brokers.
const MAX_CLOCK_SKEW: Duration = Duration::from_secs(30);
/// Maximum delay between a job's id and its first message.
const MAX_FIRST_MESSAGE_DELAY: Duration = Duration::from_mins(5);
/// How long after an answer its records are looked for.
const MAX_RECORD_DELAY: Duration = Duration::from_mins(1);

/// Reads the records of one job from NATS.
struct NatsReader<'a> {
    broker: &'a Broker,
    job: &'a JobId,
    bar: &'a ProgressBar,
    /// The time in the job's id, or else of its question.
    known: Option<Timestamp>,
}

/// The time in the job's id, if it is a UUIDv7.
pub(super) fn id_time(job: &JobId) -> Option<Timestamp> {
    let id = uuid::Uuid::try_parse(job.as_str()).ok()?;
    let (seconds, nanoseconds) = (id.get_version_num() == 7).then(|| id.get_timestamp())??.to_unix();
    Timestamp::new(i64::try_from(seconds).ok()?, i32::try_from(nanoseconds).ok()?).ok()
}

/// Collects all records of the job.
pub(super) async fn collect(
    broker: &Broker,
    job: &JobId,
    bar: &ProgressBar,
) -> anyhow::Result<CollectedRecords> {
    let mut found = CollectedRecords::new(job, "NATS".into(), true);
    let mut reader = NatsReader { broker, job, bar, known: id_time(job) };
    let asked = reader.read_answer(&mut found).await?;
    reader.known = reader.known.or(asked);
    reader.read_dead_letters(&mut found).await?;
    reader.read_messages(&mut found).await?;
    reader.read_advisories(&mut found).await?;
    reader.read_events(&mut found).await?;
    reader.read_live_lines(&mut found).await?;
    reader.read_consumer(&mut found).await?;
    Ok(found)
}

impl NatsReader<'_> {
    async fn stream(&self, name: &str) -> anyhow::Result<Stream> {
        let name = self.broker.subjects.stream(name);
        let stream = self.broker.jetstream.get_stream(&name).await;
        stream.with_context(|| {
            format!("the stream {name} cannot be read: `hoidap-worker setup` makes it, and the operator may read it")
        })
    }

    /// Reads a stream, or one subject of it, from the job's beginning on. Calls `take` for each message in order, until
    /// the end or until it returns false.
    async fn read(
        &self,
        stream: &str,
        subject: Option<String>,
        mut take: impl FnMut(StreamRecord) -> bool,
    ) -> anyhow::Result<()> {
        // An id chosen by the client holds no time, so the whole stream is read.
        let since = self.known.map(|time| time.checked_sub(MAX_CLOCK_SKEW).unwrap_or(time));
        let since = since.unwrap_or(Timestamp::UNIX_EPOCH);
        let mut log = StreamReader::since(&self.stream(stream).await?, since, subject).await?;
        loop {
            let page = log.read(PAGE_SIZE).await?;
            if page.is_empty() {
                return Ok(());
            }
            self.bar.inc(page.len() as u64);
            self.bar.set_message(format!("{} messages read", self.bar.position()));
            for record in page {
                if !take(record) {
                    return Ok(());
                }
            }
        }
    }

    /// Like [`Self::read`], to the end. Keeps what `record` makes of the messages.
    async fn read_into<T>(
        &self,
        held: &mut Vec<T>,
        stream: &str,
        subject: Option<String>,
        record: impl Fn(StreamRecord) -> Option<T>,
    ) -> anyhow::Result<()> {
        self.read(stream, subject, |message| {
            push_bounded(held, record(message));
            true
        })
        .await
    }

    /// Reads the stored answer. Returns when the question was stored, for a job without an answer.
    async fn read_answer(&self, found: &mut CollectedRecords) -> anyhow::Result<Option<Timestamp>> {
        let stream = self.stream("ANSWERS").await?;
        let last = async |subject: String| match stream.direct_get_last_for_subject(subject).await {
            Ok(message) => Ok(Some(message)),
            Err(error) if error.kind() == DirectGetErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).context("the stored answers cannot be read"),
        };
        let time =
            |time: async_nats::datetime::DateTime| Timestamp::from_nanosecond(time.unix_timestamp_nanos());
        if let Some(message) = last(self.broker.subjects.answer(self.job)).await? {
            match Envelope::decode(&message.payload) {
                Ok(answer) => {
                    let (stored, ended_ms) = (time(message.time)?, ended_ms(&message.headers));
                    found.stored_answer = Some(AnswerRecord { stored, ended_ms, answer });
                }
                Err(error) => found.notes.push(format!("The stored answer cannot be read: {error}.")),
            }
        }
        let question = last(self.broker.subjects.job_record(self.job)).await?;
        Ok(question.and_then(|message| time(message.time).ok()))
    }

    async fn read_dead_letters(&self, found: &mut CollectedRecords) -> anyhow::Result<()> {
        self.read_into(&mut found.dead_letters, "DEAD", None, |record| {
            let DeadLetter { stage, reason, detail, job_id, deliveries, stream_sequence, .. } =
                DeadLetter::from_message(&record.headers, record.payload.clone());
            (job_id == self.job.as_str()).then(|| DeadLetterRecord {
                seq: record.sequence,
                stored: record.stored,
                reason,
                detail,
                deliveries,
                message: stream_sequence,
                read: RawMessage::Packed(&record.payload).decode(&stage).ok(),
                stage,
            })
        })
        .await
    }

    async fn read_messages(&self, found: &mut CollectedRecords) -> anyhow::Result<()> {
        self.read("JOBS", None, |record| {
            let is_named = found.dead_letters.iter().any(|letter| letter.message >= Some(record.sequence));
            if !is_named && is_past_job(found, &record, self.known) {
                return false;
            }
            let raw = RawMessage::Packed(&record.payload);
            if let Some(header) = raw.header().filter(|header| header.job_id == *self.job) {
                let stage = record.subject.rsplit('.').next().unwrap_or_default().to_string();
                found.add_message(StreamMessage {
                    seq: record.sequence,
                    stored: record.stored,
                    redrive: record.headers.get(REDRIVE).map(|token| token.as_str().to_string()),
                    ended_ms: ended_ms(&record.headers),
                    header,
                    read: raw.decode(&stage),
                    stage,
                });
            }
            true
        })
        .await
    }

    async fn read_advisories(&self, found: &mut CollectedRecords) -> anyhow::Result<()> {
        self.read_into(&mut found.advisories, "ADVISORIES", None, |record| {
            let advisory: DeliveryAdvisory = serde_json::from_slice(&record.payload).ok()?;
            found.messages.iter().any(|message| message.seq == advisory.stream_seq).then_some(advisory)
        })
        .await
    }

    async fn read_events(&self, found: &mut CollectedRecords) -> anyhow::Result<()> {
        let subjects = &self.broker.subjects;
        let chat_event = |record: &StreamRecord| Some((record.sequence, event_of_job(record, self.job)?));
        // Events of jobs have subjects of their own; events of gateways, and of older releases, share one.
        for own in [subjects.chat_event(self.job, None), subjects.chat_event(self.job, Some("*"))] {
            let events = &mut found.chat_events;
            self.read_into(events, "EVENTS", Some(own), |record| chat_event(&record)).await?;
        }
        self.read("EVENTS", Some(subjects.events(CHAT)), |record| {
            let is_past = is_past_job(found, &record, None);
            push_bounded(&mut found.chat_events, chat_event(&record).filter(|_| !is_past));
            !is_past
        })
        .await?;
        // Feedback can come at any time.
        let subject = Some(subjects.events(FEEDBACK));
        self.read_into(&mut found.feedback, "EVENTS", subject, |record| event_of_job(&record, self.job)).await
    }

    /// Reads the live output. Of the text only the time of the first delta matters.
    async fn read_live_lines(&self, found: &mut CollectedRecords) -> anyhow::Result<()> {
        let is_delta = |line: &ProgressLine| matches!(line, ProgressLine::Delta { .. });
        let lines = &mut found.live_lines;
        self.read("TOKENS", Some(self.broker.subjects.tokens(self.job)), |record| {
            let counts = |line: &ProgressLine| match line {
                ProgressLine::Delta { .. } => !lines.iter().any(|(_, told)| is_delta(told)),
                ProgressLine::Sources { .. } | ProgressLine::Cite { .. } => false,
                _ => true,
            };
            let line = rmp_serde::from_slice(&record.payload).ok().filter(counts);
            push_bounded(lines, line.map(|line| (record.stored, line)));
            true
        })
        .await
    }

    /// Reads the state of the consumer that the last message waits for.
    async fn read_consumer(&self, found: &mut CollectedRecords) -> anyhow::Result<()> {
        let Some(last) = found.messages.last().filter(|last| last.stage != DONE) else { return Ok(()) };
        let consumer = self.broker.subjects.consumer(&last.stage);
        // A stage that never ran has no consumer.
        let info = self.stream("JOBS").await?.consumer_info(consumer).await.ok();
        found.consumer = info.map(|info| ConsumerState {
            delivered: info.delivered.stream_sequence,
            undelivered: info.num_pending,
            open_pulls: info.num_waiting,
        });
        Ok(())
    }
}

/// Adds a record unless there are too many.
fn push_bounded<T>(held: &mut Vec<T>, found: Option<T>) {
    if held.len() < MAX_RECORDS {
        held.extend(found);
    }
}

/// Decodes an event of the job. The bytes are searched first: most events are of other jobs.
fn event_of_job<T: serde::de::DeserializeOwned>(record: &StreamRecord, job: &JobId) -> Option<T> {
    #[derive(serde::Deserialize)]
    struct EventJobId {
        job_id: JobId,
    }
    let is_near = record.payload.windows(job.as_str().len()).any(|bytes| bytes == job.as_str().as_bytes());
    let named = is_near.then(|| rmp_serde::from_slice::<EventJobId>(&record.payload).ok()).flatten()?;
    (named.job_id == *job).then(|| rmp_serde::from_slice(&record.payload).ok()).flatten()
}

/// Whether no record of the job can follow this message: it was answered a while ago, or is too old to be answered.
fn is_past_job(found: &CollectedRecords, record: &StreamRecord, known: Option<Timestamp>) -> bool {
    let behind = |time: Timestamp, by: Duration| time.checked_add(by).is_ok_and(|end| record.stored > end);
    match (found.last_stored(), known) {
        // A removed dead letter was redriven, at any time since.
        (Some(_), _) if found.is_done() && found.failed() && found.dead_letters.is_empty() => false,
        (Some(last), _) if found.is_done() => behind(last, MAX_RECORD_DELAY),
        // Workers ignore older messages.
        (Some(last), _) => behind(last, ANSWER_RETENTION + MAX_RECORD_DELAY),
        (None, Some(known)) => behind(known, MAX_FIRST_MESSAGE_DELAY),
        (None, None) => false,
    }
}
