//! Reads messages of a stream by their sequence, without a consumer.

use std::time::Duration;

use anyhow::{Context as _, bail};
use async_nats::{
    StatusCode,
    jetstream::{
        message::StreamMessage,
        stream::{DirectGetErrorKind, Stream},
    },
};
use futures::StreamExt as _;
use hoidap_shared::broker::Broker;
use serde::Serialize;
use tokio::time::timeout;

/// Most messages, and most bytes, of one page.
const PAGE_SIZE: usize = 500;
const MAX_PAGE_BYTES: usize = 4 * 1024 * 1024;
/// Longest wait for the next message of a page; the server answers at once, so silence means that it is gone.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(5);

/// The request for the messages of a stream from a sequence on.
#[derive(Serialize)]
struct PageRequest<'a> {
    seq: u64,
    next_by_subj: &'a str,
    batch: usize,
    max_bytes: usize,
}

/// One message of a stream; `None` when it is gone.
///
/// # Errors
/// When NATS cannot be reached or does not allow it.
pub async fn message(broker: &Broker, stream: &str, sequence: u64) -> anyhow::Result<Option<StreamMessage>> {
    let stream: Stream<()> = broker.jetstream.get_stream_no_info(broker.subjects.stream(stream)).await?;
    match stream.direct_get(sequence).await {
        Ok(message) => Ok(Some(message)),
        Err(error) if error.kind() == DirectGetErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("message {sequence} cannot be read")),
    }
}

/// The last message of a subject; `None` when there is none.
pub(crate) async fn last(
    broker: &Broker,
    stream: &str,
    subject: String,
) -> anyhow::Result<Option<StreamMessage>> {
    let stream: Stream<()> = broker.jetstream.get_stream_no_info(broker.subjects.stream(stream)).await?;
    match stream.direct_get_last_for_subject(subject.clone()).await {
        Ok(message) => Ok(Some(message)),
        Err(error) if error.kind() == DirectGetErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("{subject} cannot be read")),
    }
}

/// The next messages of a stream on matching subjects, from a sequence on; none when it has no more.
pub(crate) async fn page(
    broker: &Broker,
    stream: &str,
    sequence: u64,
    subject: &str,
) -> anyhow::Result<Vec<StreamMessage>> {
    let stream = broker.subjects.stream(stream);
    let client = &broker.client;
    let reply_to = client.new_inbox();
    let mut replies = client.subscribe(reply_to.clone()).await?;
    let request = PageRequest {
        seq: sequence.max(1),
        next_by_subj: subject,
        batch: PAGE_SIZE,
        max_bytes: MAX_PAGE_BYTES,
    };
    let api = format!("$JS.API.DIRECT.GET.{stream}");
    client.publish_with_reply(api, reply_to, serde_json::to_vec(&request)?.into()).await?;
    let mut page = Vec::new();
    loop {
        let reply =
            timeout(SILENCE_TIMEOUT, replies.next()).await.context("NATS stopped answering during a read")?;
        let reply = reply.context("the connection to NATS was closed")?;
        match reply.status {
            None => page.push(StreamMessage::try_from(reply)?),
            // 204 ends a page, 404 says that there is nothing.
            Some(status) if [204, 404].contains(&status.as_u16()) => return Ok(page),
            Some(StatusCode::NO_RESPONDERS) => bail!("{stream} cannot be read: no server answers for it"),
            Some(status) => {
                bail!("{stream} cannot be read: {status} {}", reply.description.unwrap_or_default())
            }
        }
    }
}
