use std::sync::atomic::AtomicU32;
use std::time::Duration;

use async_nats::jetstream::{Message, message::StreamMessage};
use bytes::Bytes;
use hoidap_shared::{
    headers::redrive_token,
    job::{EnvelopeHeader, JobId},
};
use tracing::Span;

/// One delivery of a message of the jobs stream.
pub(super) struct Delivery {
    /// The message's sequence in the stream.
    pub(super) sequence: u64,
    /// Which delivery of the message this is, from 1.
    pub(super) number: u32,
    /// When the message was stored, in nanoseconds since the Unix epoch.
    pub(super) stored_ns: i128,
    pub(super) subject: String,
    pub(super) payload: Bytes,
    /// The token of a message that an operator sent again.
    pub(super) redrive: Option<String>,
    /// Which attempt this delivery counts as; 0 before it is counted.
    pub(super) attempt: AtomicU32,
}

pub(super) enum DeliveryEnd {
    /// The result is stored: the message is acknowledged.
    Done,
    /// The attempt failed: the message is redelivered after this long.
    Retry(Duration),
    /// It was no attempt: the message is redelivered after this long.
    Returned(Duration),
}

impl Delivery {
    /// `None` where the message carries no delivery information.
    pub(super) fn new(message: &Message) -> Option<Self> {
        let info = message.info().ok()?;
        let number = u32::try_from(info.delivered).unwrap_or(u32::MAX);
        Some(Self {
            sequence: info.stream_sequence,
            number,
            stored_ns: info.published.unix_timestamp_nanos(),
            subject: message.subject.to_string(),
            payload: message.payload.clone(),
            redrive: message.headers.as_ref().and_then(redrive_token),
            attempt: AtomicU32::new(u32::from(number <= 1)),
        })
    }

    /// A message that is read from the stream after the broker gave up its delivery.
    pub(super) fn given_up(message: StreamMessage, deliveries: u32) -> Self {
        Self {
            sequence: message.sequence,
            number: deliveries,
            stored_ns: message.time.unix_timestamp_nanos(),
            subject: message.subject.to_string(),
            redrive: redrive_token(&message.headers),
            payload: message.payload,
            attempt: AtomicU32::new(0),
        }
    }

    /// What can be read of the message whatever its body is. Adds the job and its trace to the log's span.
    pub(super) fn header(&self) -> Option<EnvelopeHeader> {
        let header: EnvelopeHeader = rmp_serde::from_slice(&self.payload).ok()?;
        let span = Span::current();
        span.record("job", header.job_id.as_str());
        if let Some(trace) = header.trace.as_deref() {
            // The second field of a `traceparent` is the trace's id.
            span.record("trace", trace.split('-').nth(1).unwrap_or(trace));
        }
        Some(header)
    }

    /// When the message was stored, in milliseconds since the Unix epoch.
    pub(super) fn stored_ms(&self) -> u64 {
        u64::try_from(self.stored_ns / 1_000_000).unwrap_or(0)
    }

    /// The deduplication id of a message that results from a job: doing the work twice stores it once.
    pub(super) fn message_id(&self, job: &JobId, kind: &str) -> String {
        match &self.redrive {
            Some(token) => format!("{job}.{kind}.{token}"),
            None => format!("{job}.{kind}"),
        }
    }
}
