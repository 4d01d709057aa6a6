use std::time::Duration;

use async_nats::jetstream::consumer::{DeliverPolicy, ReplayPolicy, push::OrderedConfig};
use futures::{Stream, StreamExt as _, future};
use hoidap_shared::{job::JobId, progress::ProgressLine};
use tracing::debug;

use super::{BrokerClient, LATECOMER_WINDOW, Unavailable};

/// How long to wait for a gateway to report a reader.
const READER_REPLY_TIMEOUT: Duration = LATECOMER_WINDOW.saturating_add(Duration::from_millis(250));

impl BrokerClient {
    /// The lines of a job's progress log from its beginning, including new ones. Ends when the connection is lost.
    ///
    /// # Errors
    /// [`Unavailable`] when the broker cannot be reached.
    pub fn log(&self, job: &JobId) -> Result<impl Stream<Item = ProgressLine> + Send + use<>, Unavailable> {
        self.connected()?;
        let (broker_client, of) = (self.clone(), job.clone());
        Ok(self.logs.read(job, async move {
            let opened = broker_client.open_log(&of).await;
            opened.inspect_err(|error| debug!(job = %of, %error, "a job's progress log cannot be read")).ok()
        }))
    }

    /// Opens a consumer on a job's progress log.
    async fn open_log(
        &self,
        job: &JobId,
    ) -> Result<impl Stream<Item = ProgressLine> + Send + Unpin + use<>, Unavailable> {
        let connected = self.connected()?;
        let broker = &connected.broker;
        let settings = OrderedConfig {
            deliver_subject: broker.client.new_inbox(),
            description: Some("somebody reads along".into()),
            filter_subject: broker.subjects.tokens(job),
            replay_policy: ReplayPolicy::Instant,
            deliver_policy: DeliverPolicy::All,
            ..OrderedConfig::default()
        };
        let consumer = connected.tokens.create_consumer(settings).await;
        let consumer = consumer.map_err(|error| Unavailable(error.to_string()))?;
        let held = Consumer { broker_client: self.clone(), name: consumer.cached_info().name.clone() };
        let messages = consumer.messages().await.map_err(|error| Unavailable(error.to_string()))?;
        let good = messages.take_while(|message| future::ready(message.is_ok()));
        Ok(Box::pin(good.filter_map(move |message| {
            let _held = &held;
            // Lines of newer workers that this gateway cannot decode are skipped: the final answer fills the gap.
            let line = message.ok().and_then(|message| rmp_serde::from_slice(&message.payload).ok());
            future::ready(line)
        })))
    }

    /// Counts a reader of a job until the guard is dropped. If the guard was not marked as done by then, and no gateway has a
    /// reader within `grace`, the job is stopped.
    pub fn reader_guard(&self, job: JobId, grace: Duration) -> ReaderGuard {
        self.readers.add(&job);
        ReaderGuard { broker_client: self.clone(), job, grace, done: false }
    }

    async fn stop_if_unread(&self, job: &JobId) {
        // A reader may have come while the other gateways were asked.
        if self.readers.has_reader(job) || self.is_read_anywhere(job).await || self.readers.has_reader(job) {
            return;
        }
        debug!(%job, "the job has no readers any more: it is stopped");
        if let Err(error) = self.stop(job).await {
            debug!(%job, %error, "a job that nobody reads could not be stopped");
        }
    }

    /// Asks every gateway, including this one, whether it has a reader of the job.
    async fn is_read_anywhere(&self, job: &JobId) -> bool {
        let Ok(connected) = self.connected() else { return false };
        let broker = &connected.broker;
        let question = broker.client.request(broker.subjects.listener_queries(), job.to_string().into());
        matches!(tokio::time::timeout(READER_REPLY_TIMEOUT, question).await, Ok(Ok(_)))
    }
}

/// A consumer on the broker, deleted when dropped: otherwise the broker keeps it for half a minute.
struct Consumer {
    broker_client: BrokerClient,
    name: String,
}

impl Drop for Consumer {
    fn drop(&mut self) {
        let (broker_client, name) = (self.broker_client.clone(), std::mem::take(&mut self.name));
        tokio::spawn(async move {
            let Ok(connected) = broker_client.connected() else { return };
            if let Err(error) = connected.tokens.delete_consumer(&name).await {
                debug!(name, %error, "a consumer could not be deleted: it expires by itself");
            }
        });
    }
}

/// A reader of a job's progress.
pub struct ReaderGuard {
    broker_client: BrokerClient,
    job: JobId,
    grace: Duration,
    done: bool,
}

impl ReaderGuard {
    /// Marks the reader as done: the job need not be stopped for its sake.
    pub fn done(&mut self) {
        self.done = true;
    }
}

impl Drop for ReaderGuard {
    fn drop(&mut self) {
        self.broker_client.readers.remove(&self.job);
        if !self.done {
            let (broker_client, job, grace) = (self.broker_client.clone(), self.job.clone(), self.grace);
            tokio::spawn(async move {
                tokio::time::sleep(grace).await;
                broker_client.stop_if_unread(&job).await;
            });
        }
    }
}
