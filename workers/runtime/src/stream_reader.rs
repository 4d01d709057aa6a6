//! Reads the messages of a stream in order, page by page, without acknowledging them.

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

/// Most bytes of one page, which is held in memory.
const MAX_PAGE_BYTES: usize = 16 * 1024 * 1024;
/// Longest wait for the next message of a page; the server answers at once, so silence means that it is gone.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(5);

/// One message of a stream.
pub struct StreamRecord {
    /// Its sequence in the stream.
    pub sequence: u64,
    /// Its subject.
    pub subject: String,
    /// When it was stored.
    pub stored: jiff::Timestamp,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub payload: Bytes,
}

impl StreamRecord {
    /// The message of a delivery.
    ///
    /// # Errors
    /// When the message has no delivery information, as one that no consumer delivered.
    pub fn from_delivery(message: Message) -> anyhow::Result<Self> {
        let (sequence, stored) = match message.info() {
            Ok(info) => (info.stream_sequence, info.published),
            Err(error) => bail!("a message came without its sequence: {error}"),
        };
        let stored = jiff::Timestamp::from_nanosecond(stored.unix_timestamp_nanos());
        let message = message.message;
        Ok(Self {
            sequence,
            subject: message.subject.to_string(),
            stored: stored.context("the time of a message is out of range")?,
            headers: message.headers.unwrap_or_default(),
            payload: message.payload,
        })
    }
}

/// Reads a stream from a position on.
pub struct StreamReader {
    consumer: Consumer<pull::Config>,
    /// Deliveries so far. A gap in their numbers is a lost message.
    delivered: u64,
}

impl StreamReader {
    /// Starts at a sequence, or at the next one that still exists. Reads only the given subject, when there is one.
    ///
    /// # Errors
    /// When NATS cannot be reached or does not allow it.
    pub async fn open(stream: &Stream, start: u64, subject: Option<String>) -> anyhow::Result<Self> {
        Self::start(stream, DeliverPolicy::ByStartSequence { start_sequence: start.max(1) }, subject).await
    }

    /// Starts at the first message stored at that time or later. Reads only the given subject, when there is one.
    ///
    /// # Errors
    /// When NATS cannot be reached or does not allow it.
    pub async fn since(
        stream: &Stream,
        time: jiff::Timestamp,
        subject: Option<String>,
    ) -> anyhow::Result<Self> {
        let start_time = async_nats::datetime::from_nanos(time.as_nanosecond());
        let start_time =
            start_time.map_err(|error| anyhow::anyhow!("reading cannot start at {time}: {error}"))?;
        Self::start(stream, DeliverPolicy::ByStartTime { start_time }, subject).await
    }

    async fn start(
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

    /// The next messages, without waiting for more: at most `max_messages`, and at most `MAX_PAGE_BYTES`. Empty when the
    /// stream has no more.
    ///
    /// # Errors
    /// When NATS cannot be reached, or a message was lost on the way: then the reading must begin anew.
    pub async fn read(&mut self, max_messages: usize) -> anyhow::Result<Vec<StreamRecord>> {
        let page =
            self.consumer.fetch().max_messages(max_messages).max_bytes(MAX_PAGE_BYTES).messages().await;
        let mut page = page.context("the stream cannot be read")?;
        let mut records = Vec::new();
        loop {
            let next = tokio::time::timeout(SILENCE_TIMEOUT, page.next()).await;
            let message = match next.context("NATS stopped answering during a read")? {
                None => return Ok(records),
                Some(Ok(message)) => message,
                // The server reports a full page as an error; a real one is reported again by the next request.
                Some(Err(_)) if !records.is_empty() => return Ok(records),
                Some(Err(error)) => bail!("the stream cannot be read: {error}"),
            };
            let delivery = match message.info() {
                Ok(info) => info.consumer_sequence,
                Err(error) => bail!("a message came without its sequence: {error}"),
            };
            self.delivered += 1;
            if delivery != self.delivered {
                bail!("a message from NATS was lost: run the command again");
            }
            records.push(StreamRecord::from_delivery(message)?);
        }
    }
}
