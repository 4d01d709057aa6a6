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

use crate::{
    inspect::collect::collected_records::{
        AnswerRecord, CollectedRecords, ConsumerState, DeadLetterRecord, DeliveryAdvisory, MAX_RECORDS,
        StreamMessage,
    },
    recording::{DONE, RawMessage},
};

/// Messages per read.
const PAGE_SIZE: usize = 500;
/// Maximum clock skew between gateways and brokers.
const MAX_CLOCK_SKEW: Duration = Duration::from_secs(30);
/// Maximum delay between a job's id and its first message.
const MAX_FIRST_MESSAGE_DELAY: Duration = Duration::from_mins(5);
/// How long after an answer its records are looked for.
const MAX_RECORD_DELAY: Duration = Duration::from_mins(1);

/// Reads the records of one job from NATS.
pub(in crate::inspect) struct NatsReader<'a> {
    pub(in crate::inspect) broker: &'a Broker,
    pub(in crate::inspect) job: &'a JobId,
    pub(in crate::inspect) bar: &'a ProgressBar,
    read: u64,
}

/// The time in the job's id, if it is a UUIDv7.
pub(in crate::inspect) fn id_time(job: &JobId) -> Option<Timestamp> {
    let id = uuid::Uuid::try_parse(job.as_str()).ok()?;
    let (seconds, nanoseconds) = (id.get_version_num() == 7).then(|| id.get_timestamp())??.to_unix();
    Timestamp::new(i64::try_from(seconds).ok()?, i32::try_from(nanoseconds).ok()?).ok()
}

impl<'a> NatsReader<'a> {
    pub(in crate::inspect) fn new(broker: &'a Broker, job: &'a JobId, bar: &'a ProgressBar) -> Self {
        Self { broker, job, bar, read: 0 }
    }

    /// Collects all records of the job.
    pub(in crate::inspect) async fn collect(mut self) -> anyhow::Result<CollectedRecords> {
        let mut found = CollectedRecords::new(self.job, "NATS".into(), true);
        let asked = self.read_answer(&mut found).await?;
        let known = id_time(self.job).or(asked);
        // An id chosen by the client holds no time, so the whole stream is read.
        let since =
            known.map_or(Timestamp::UNIX_EPOCH, |time| time.checked_sub(MAX_CLOCK_SKEW).unwrap_or(time));
        self.read_dead_letters(&mut found, since).await?;
        self.read_messages(&mut found, since, known).await?;
        self.read_advisories(&mut found, since).await?;
        self.read_events(&mut found, since).await?;
        self.read_live_lines(&mut found).await?;
        self.read_consumer(&mut found).await?;
        Ok(found)
    }

    async fn stream(&self, name: &str) -> anyhow::Result<Stream> {
        let name = self.broker.subjects.stream(name);
        let stream = self.broker.jetstream.get_stream(&name).await;
        stream.with_context(|| {
            format!("the stream {name} cannot be read: `hoidap-worker setup` makes it, and the operator may read it")
        })
    }

    /// Calls `what` for each message in order, until the end or until it returns false.
    async fn for_each_record(
        &mut self,
        mut log: StreamReader,
        mut what: impl FnMut(StreamRecord) -> bool,
    ) -> anyhow::Result<()> {
        loop {
            let page = log.read(PAGE_SIZE).await?;
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

    /// Reads the stored answer. Returns when the question was stored, for a job without an answer.
    async fn read_answer(&self, found: &mut CollectedRecords) -> anyhow::Result<Option<Timestamp>> {
        let stream = self.stream("ANSWERS").await?;
        let subjects = &self.broker.subjects;
        let time =
            |time: async_nats::datetime::DateTime| Timestamp::from_nanosecond(time.unix_timestamp_nanos());
        match stream.direct_get_last_for_subject(subjects.answer(self.job)).await {
            Ok(message) => match Envelope::decode(&message.payload) {
                Ok(answer) => {
                    let (stored, ended_ms) = (time(message.time)?, ended_ms(&message.headers));
                    found.stored_answer = Some(AnswerRecord { stored, ended_ms, answer });
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

    async fn read_dead_letters(
        &mut self,
        found: &mut CollectedRecords,
        since: Timestamp,
    ) -> anyhow::Result<()> {
        let log = StreamReader::since(&self.stream("DEAD").await?, since, None).await?;
        let job = self.job.as_str();
        self.for_each_record(log, |record| {
            let DeadLetter { stage, reason, detail, job_id, deliveries, stream_sequence, .. } =
                DeadLetter::from_message(&record.headers, record.payload.clone());
            if job_id != job {
                return true;
            }
            let letter = DeadLetterRecord {
                seq: record.sequence,
                stored: record.stored,
                reason,
                detail,
                deliveries,
                message: stream_sequence,
                read: RawMessage::Packed(&record.payload).decode(&stage).ok(),
                stage,
            };
            push_bounded(&mut found.dead_letters, letter);
            true
        })
        .await
    }

    async fn read_messages(
        &mut self,
        found: &mut CollectedRecords,
        since: Timestamp,
        known: Option<Timestamp>,
    ) -> anyhow::Result<()> {
        let log = StreamReader::since(&self.stream("JOBS").await?, since, None).await?;
        let job = self.job;
        self.for_each_record(log, |record| {
            let is_named = found.dead_letters.iter().any(|letter| letter.message >= Some(record.sequence));
            if !is_named && is_past_job(found, &record, known) {
                return false;
            }
            let raw = RawMessage::Packed(&record.payload);
            if let Some(header) = raw.header().filter(|header| header.job_id == *job) {
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

    async fn read_advisories(
        &mut self,
        found: &mut CollectedRecords,
        since: Timestamp,
    ) -> anyhow::Result<()> {
        let log = StreamReader::since(&self.stream("ADVISORIES").await?, since, None).await?;
        self.for_each_record(log, |record| {
            let advisory = serde_json::from_slice::<DeliveryAdvisory>(&record.payload).ok();
            let is_ours = |advisory: &DeliveryAdvisory| {
                found.messages.iter().any(|message| message.seq == advisory.stream_seq)
            };
            if let Some(advisory) = advisory.filter(is_ours) {
                push_bounded(&mut found.advisories, advisory);
            }
            true
        })
        .await
    }

    async fn read_events(&mut self, found: &mut CollectedRecords, since: Timestamp) -> anyhow::Result<()> {
        let stream = self.stream("EVENTS").await?;
        let job = self.job;
        let subjects = &self.broker.subjects;
        // Events of jobs have subjects of their own; events of gateways, and of older releases, share one.
        for own in [subjects.chat_event(job, None), subjects.chat_event(job, Some("*"))] {
            let chats = StreamReader::since(&stream, since, Some(own)).await?;
            self.for_each_record(chats, |record| {
                if let Some(event) = event_of_job(&record, job) {
                    push_bounded(&mut found.chat_events, (record.sequence, event));
                }
                true
            })
            .await?;
        }
        let chats = StreamReader::since(&stream, since, Some(self.broker.subjects.events(CHAT))).await?;
        self.for_each_record(chats, |record| {
            if is_past_job(found, &record, None) {
                return false;
            }
            if let Some(event) = event_of_job(&record, job) {
                push_bounded(&mut found.chat_events, (record.sequence, event));
            }
            true
        })
        .await?;
        // Feedback can come at any time.
        let feedback =
            StreamReader::since(&stream, since, Some(self.broker.subjects.events(FEEDBACK))).await?;
        self.for_each_record(feedback, |record| {
            if let Some(said) = event_of_job(&record, job) {
                push_bounded(&mut found.feedback, said);
            }
            true
        })
        .await
    }

    /// Reads the live output.
    async fn read_live_lines(&mut self, found: &mut CollectedRecords) -> anyhow::Result<()> {
        let subject = self.broker.subjects.tokens(self.job);
        let log = StreamReader::open(&self.stream("TOKENS").await?, 1, Some(subject)).await?;
        self.for_each_record(log, |record| {
            let line = rmp_serde::from_slice(&record.payload).ok();
            // Only the time of the first delta matters.
            let counts = |line: &ProgressLine| match line {
                ProgressLine::Delta { .. } => {
                    !found.live_lines.iter().any(|(_, told)| matches!(told, ProgressLine::Delta { .. }))
                }
                ProgressLine::Sources { .. } | ProgressLine::Cite { .. } => false,
                ProgressLine::Stage { .. }
                | ProgressLine::Draft { .. }
                | ProgressLine::Void { .. }
                | ProgressLine::End => true,
            };
            if let Some(line) = line.filter(counts) {
                push_bounded(&mut found.live_lines, (record.stored, line));
            }
            true
        })
        .await
    }

    /// Reads the state of the consumer that the last message waits for.
    async fn read_consumer(&self, found: &mut CollectedRecords) -> anyhow::Result<()> {
        let Some(last) = found.messages.last().filter(|last| last.stage != DONE) else { return Ok(()) };
        let consumer = self.broker.subjects.consumer(&last.stage);
        // A stage that never ran has no consumer.
        if let Ok(info) = self.stream("JOBS").await?.consumer_info(consumer).await {
            found.consumer = Some(ConsumerState {
                delivered: info.delivered.stream_sequence,
                undelivered: info.num_pending,
                open_pulls: info.num_waiting,
            });
        }
        Ok(())
    }
}

/// Adds a record unless there are too many.
fn push_bounded<T>(held: &mut Vec<T>, found: T) {
    if held.len() < MAX_RECORDS {
        held.push(found);
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
