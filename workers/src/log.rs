//! Reads what a stream holds, in order, page by page, without acknowledging anything.

use std::time::Duration;

use anyhow::{Context as _, bail};
use async_nats::{
    HeaderMap,
    jetstream::{
        Message,
        consumer::{AckPolicy, Consumer, DeliverPolicy, pull},
        stream::Stream,
    },
};
use bytes::Bytes;
use futures::StreamExt as _;

/// Most bytes of one page: what the reader's owner holds in memory.
const PAGE_BYTES: usize = 16 * 1024 * 1024;
/// Longest wait for the next message of a page; the server answers at once, so silence means that it is gone.
const SILENCE: Duration = Duration::from_secs(5);

/// One message of a stream.
pub(crate) struct Record {
    pub(crate) sequence: u64,
    pub(crate) subject: String,
    /// When it was stored.
    pub(crate) stored: jiff::Timestamp,
    pub(crate) headers: HeaderMap,
    pub(crate) payload: Bytes,
}

impl Record {
    /// What a delivery holds.
    pub(crate) fn of(message: Message) -> anyhow::Result<Self> {
        let (sequence, stored) = match message.info() {
            Ok(info) => (info.stream_sequence, info.published),
            Err(error) => bail!("a message came without its sequence: {error}"),
        };
        let stored = jiff::Timestamp::from_nanosecond(stored.unix_timestamp_nanos());
        let message = message.message;
        Ok(Self {
            sequence,
            subject: message.subject.to_string(),
            stored: stored.context("a message has a time that no calendar knows")?,
            headers: message.headers.unwrap_or_default(),
            payload: message.payload,
        })
    }
}

/// A place in a stream.
pub(crate) struct Log {
    consumer: Consumer<pull::Config>,
    /// Deliveries so far: a number that is left out is a message lost on its way.
    delivered: u64,
}

impl Log {
    /// Starts to read at a sequence, or behind it where it is gone; only the given subject, when there is one.
    pub(crate) async fn open(stream: &Stream, start: u64, subject: Option<String>) -> anyhow::Result<Self> {
        Self::at(stream, DeliverPolicy::ByStartSequence { start_sequence: start.max(1) }, subject).await
    }

    /// Starts to read at the first message that was stored then or later; only the given subject, when there is one.
    pub(crate) async fn since(
        stream: &Stream,
        time: jiff::Timestamp,
        subject: Option<String>,
    ) -> anyhow::Result<Self> {
        let start_time = async_nats::datetime::from_nanos(time.as_nanosecond());
        let start_time =
            start_time.map_err(|error| anyhow::anyhow!("{time} is no time to read from: {error}"))?;
        Self::at(stream, DeliverPolicy::ByStartTime { start_time }, subject).await
    }

    async fn at(
        stream: &Stream,
        deliver_policy: DeliverPolicy,
        subject: Option<String>,
    ) -> anyhow::Result<Self> {
        let config = pull::Config {
            deliver_policy,
            filter_subject: subject.unwrap_or_default(),
            ack_policy: AckPolicy::None,
            inactive_threshold: Duration::from_mins(1),
            memory_storage: true,
            num_replicas: 1,
            ..pull::Config::default()
        };
        let name = &stream.cached_info().config.name;
        let consumer = stream.create_consumer(config).await;
        Ok(Self { consumer: consumer.with_context(|| format!("{name} cannot be read"))?, delivered: 0 })
    }

    /// What the stream has next, without waiting for more: at most `most` messages, and as many as fit in memory. Nothing
    /// when it has no more.
    pub(crate) async fn read(&mut self, most: usize) -> anyhow::Result<Vec<Record>> {
        let page = self.consumer.fetch().max_messages(most).max_bytes(PAGE_BYTES).messages().await;
        let mut page = page.context("the stream cannot be read")?;
        let mut records = Vec::new();
        loop {
            let next = tokio::time::timeout(SILENCE, page.next()).await;
            let message = match next.context("NATS fell silent while it was read from")? {
                None => return Ok(records),
                Some(Ok(message)) => message,
                // The server says so when the bytes are used up; anything worse is met again by the next request.
                Some(Err(_)) if !records.is_empty() => return Ok(records),
                Some(Err(error)) => bail!("the stream cannot be read: {error}"),
            };
            let delivery = match message.info() {
                Ok(info) => info.consumer_sequence,
                Err(error) => bail!("a message came without its sequence: {error}"),
            };
            self.delivered += 1;
            if delivery != self.delivered {
                bail!("a message was lost on its way from NATS: read again");
            }
            records.push(Record::of(message)?);
        }
    }
}
