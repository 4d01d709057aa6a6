use std::{sync::Arc, time::Duration};

use async_nats::jetstream::stream::ConsumerErrorKind;
use futures::Stream;
use hoidap_shared::{job::JobId, progress::ProgressLine};
use tracing::debug;

use super::{BrokerClient, Connected, LATECOMER_WINDOW, Unavailable, shared_logs};

/// How long to wait for a gateway to report a reader.
const READER_REPLY_TIMEOUT: Duration = LATECOMER_WINDOW.saturating_add(Duration::from_millis(250));

/// How often a consumer is to be deleted, and the delay between attempts. Together longer than the broker keeps one whose
/// gateway is not connected.
const DELETE_ATTEMPTS: usize = 20;
const DELETE_DELAY: Duration = Duration::from_secs(3);

impl BrokerClient {
    /// The lines of a job's progress log from its beginning, including new ones. Ends when the connection is lost.
    ///
    /// # Errors
    /// [`Unavailable`] when the broker cannot be reached.
    pub fn log(&self, job: &JobId) -> Result<impl Stream<Item = ProgressLine> + Send + use<>, Unavailable> {
        self.connected()?;
        let (log, is_new) = self.logs.join(job);
        if is_new {
            let (broker_client, job, number) = (self.clone(), job.clone(), log.number());
            let log = Arc::downgrade(&log);
            tokio::spawn(async move {
                let opened = broker_client.open_log(&job, number).await;
                // Readers may have left meanwhile: then the consumer is given back.
                let Some(log) = log.upgrade() else { return };
                match opened {
                    Ok(consumer) => log.hold(consumer),
                    Err(error) => {
                        debug!(%job, %error, "a job's progress log cannot be read");
                        log.end();
                    }
                }
            });
        }
        Ok(shared_logs::lines(log))
    }

    /// Creates the consumer of a job's progress log, which is deleted when the result is dropped.
    async fn open_log(&self, job: &JobId, number: u64) -> Result<Consumer, Unavailable> {
        let consumer = Consumer { broker_client: self.clone(), number };
        self.create_consumer(job, number).await.map(|_| consumer)
    }

    /// Creates the consumer of a log where it is not there; returns how many deliveries it has made.
    pub(super) async fn create_consumer(&self, job: &JobId, number: u64) -> Result<u64, Unavailable> {
        let Connected { broker, tokens, inbox, .. } = self.connected()?;
        let created = tokens.create_consumer(inbox.settings(broker, job, number)).await;
        let consumer = created.map_err(|error| Unavailable(error.to_string()))?;
        Ok(consumer.cached_info().delivered.consumer_sequence)
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

/// A consumer on the broker, deleted when dropped.
pub(super) struct Consumer {
    broker_client: BrokerClient,
    number: u64,
}

impl Drop for Consumer {
    fn drop(&mut self) {
        let (broker_client, number) = (self.broker_client.clone(), self.number);
        // As long as this gateway listens to its deliveries, the broker keeps it.
        tokio::spawn(async move {
            for _ in 0..DELETE_ATTEMPTS {
                if let Ok(Connected { tokens, inbox, .. }) = broker_client.connected() {
                    match tokens.delete_consumer(&inbox.consumer(number)).await {
                        Ok(_) => return,
                        // It is not there any more.
                        Err(error) if matches!(error.kind(), ConsumerErrorKind::JetStream(_)) => return,
                        Err(error) => debug!(number, %error, "a consumer could not be deleted"),
                    }
                }
                tokio::time::sleep(DELETE_DELAY).await;
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
