use std::{sync::Arc, time::Duration};

use async_nats::jetstream::{message::PublishMessage, stream::DirectGetErrorKind};
use futures::future::try_join_all;
use hoidap_shared::{
    job::{Envelope, JobId},
    stage::STAGES,
};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout};
use tracing::debug;

use super::{
    AnswerSubscription, BrokerClient, Connected, JobRecord, PUBLISH_ATTEMPTS, PublishError,
    ROUND_TRIP_TIMEOUT, SharedAnswer, Unavailable, publish,
};

/// The stage that a question goes to first.
const FIRST_STAGE: &str = STAGES[0];

/// Waits between reads of the stored answer, in case the reply was lost. The last one repeats.
const POLL_INTERVALS: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];

/// How often a record that is stored already is read until a server has it, and the delay between reads.
const RECORD_READS: usize = 10;
const RECORD_READ_DELAY: Duration = Duration::from_millis(200);

/// The waits between reads of a stored answer, without end.
pub fn poll_intervals() -> impl Iterator<Item = Duration> + Send {
    POLL_INTERVALS.into_iter().chain(std::iter::repeat(POLL_INTERVALS[POLL_INTERVALS.len() - 1]))
}

impl BrokerClient {
    /// Stores a job's record under `name`: the job's id, or the request's. Returns the record that is stored there already,
    /// if it is another job's.
    ///
    /// # Errors
    /// [`Unavailable`] when it is not stored.
    pub async fn store_job_record(
        &self,
        name: &JobId,
        record: &JobRecord,
    ) -> Result<Option<JobRecord>, Unavailable> {
        let broker = &self.connected()?.broker;
        let bytes = rmp_serde::to_vec_named(record).map_err(|error| Unavailable(error.to_string()))?;
        let message = PublishMessage::build().payload(bytes.into()).expected_last_subject_sequence(0);
        match publish(broker, broker.subjects.job_record(name), message, PUBLISH_ATTEMPTS).await? {
            true => Ok(None),
            // It may be this record, whose acknowledgement was lost.
            false => {
                Ok(Some(self.existing_record(name).await?).filter(|before| before.job_id != record.job_id))
            }
        }
    }

    /// The record that is stored under `name`, or is on its way there. A server of a cluster may know it a moment later.
    async fn existing_record(&self, name: &JobId) -> Result<JobRecord, Unavailable> {
        for _ in 0..RECORD_READS {
            if let Some(record) = self.job_record(name).await? {
                return Ok(record);
            }
            tokio::time::sleep(RECORD_READ_DELAY).await;
        }
        Err(Unavailable("a record that is stored cannot be read yet".into()))
    }

    /// Replaces a job's record, under its own id and the request's.
    ///
    /// # Errors
    /// [`Unavailable`] when it is not stored.
    pub async fn replace_job_record(
        &self,
        request: Option<&JobId>,
        record: &JobRecord,
    ) -> Result<(), Unavailable> {
        let broker = &self.connected()?.broker;
        let bytes = rmp_serde::to_vec_named(record).map_err(|error| Unavailable(error.to_string()))?;
        let message = PublishMessage::build().payload(bytes.into());
        let names = [&record.job_id].into_iter().chain(request);
        let store =
            |name| publish(broker, broker.subjects.job_record(name), message.clone(), PUBLISH_ATTEMPTS);
        try_join_all(names.map(store)).await?;
        Ok(())
    }

    /// Claims an idempotency key for a job. Returns the record of the job that has it already. `None` without a key.
    ///
    /// # Errors
    /// [`Unavailable`] when it is not stored.
    pub async fn claim_request(
        &self,
        request: Option<&JobId>,
        record: &JobRecord,
    ) -> Result<Option<JobRecord>, Unavailable> {
        match request {
            Some(request) => self.store_job_record(request, record).await,
            None => Ok(None),
        }
    }

    /// The record under a job's or a request's id; `None` when there is none within the last hour.
    ///
    /// # Errors
    /// [`Unavailable`] when it cannot be read.
    pub async fn job_record(&self, job: &JobId) -> Result<Option<JobRecord>, Unavailable> {
        let connected = self.connected()?;
        connected.read(connected.broker.subjects.job_record(job), decode).await
    }

    /// Subscribes to a job's answer.
    pub fn subscribe(&self, job: JobId) -> AnswerSubscription {
        self.waiters.subscribe(job)
    }

    /// Publishes an encoded question as a job for the first stage.
    ///
    /// # Errors
    /// [`PublishError`] when it is not acknowledged.
    pub async fn publish_job(&self, job: &JobId, bytes: Vec<u8>) -> Result<(), PublishError> {
        let subject = self.connected()?.broker.subjects.jobs(FIRST_STAGE);
        self.store(subject, format!("{job}.{FIRST_STAGE}"), bytes.into(), PUBLISH_ATTEMPTS).await
    }

    /// Stops a job that may have been published although its request failed, and that no client can ask for again.
    pub async fn abandon_job(&self, job: &JobId) {
        // Also while NATS is down: the client's send buffer may hold the job, and this message goes behind it.
        let Some(Connected { broker, .. }) = self.connected.get() else { return };
        let told = broker.client.publish(broker.subjects.stop(job), "".into());
        if !matches!(timeout(ROUND_TRIP_TIMEOUT, told).await, Ok(Ok(()))) {
            debug!(%job, "a job that may have been published could not be stopped");
        }
    }

    /// Waits for an answer until `end`; `None` when there is none by then.
    pub async fn answer(
        &self,
        job: &JobId,
        mut subscription: AnswerSubscription,
        end: Instant,
    ) -> Option<SharedAnswer> {
        let mut poll_intervals = poll_intervals();
        loop {
            let next_poll = Instant::now() + poll_intervals.next().unwrap_or_default();
            tokio::select! {
                biased;
                answer = subscription.answer() => return Some(answer),
                () = tokio::time::sleep_until(next_poll.min(end)) => {}
            }
            if let Ok(Some(answer)) = self.stored_answer(job).await {
                metrics::counter!("hoidap_gateway_answers_read_total").increment(1);
                return Some(answer);
            }
            if Instant::now() >= end {
                return None;
            }
        }
    }

    /// The stored answer of a job, if there is one.
    ///
    /// # Errors
    /// [`Unavailable`] when it cannot be read.
    pub async fn stored_answer(&self, job: &JobId) -> Result<Option<SharedAnswer>, Unavailable> {
        let connected = self.connected()?;
        let read = |bytes: &[u8]| Envelope::decode(bytes).map(Arc::new).map_err(|error| error.to_string());
        connected.read(connected.broker.subjects.answer(job), read).await
    }

    /// Asks the fleet to stop a job.
    ///
    /// # Errors
    /// [`Unavailable`] when the message cannot be published.
    pub async fn stop(&self, job: &JobId) -> Result<(), Unavailable> {
        let broker = &self.connected()?.broker;
        let told = broker.client.publish(broker.subjects.stop(job), "".into()).await;
        told.map_err(|error| Unavailable(error.to_string()))
    }
}

impl Connected {
    async fn read<T>(
        &self,
        subject: String,
        read: impl FnOnce(&[u8]) -> Result<T, String>,
    ) -> Result<Option<T>, Unavailable> {
        match timeout(ROUND_TRIP_TIMEOUT, self.answers.direct_get_last_for_subject(subject)).await {
            Ok(Ok(found)) => read(&found.payload).map(Some).map_err(Unavailable),
            Ok(Err(error)) if error.kind() == DirectGetErrorKind::NotFound => Ok(None),
            Ok(Err(error)) => Err(Unavailable(error.to_string())),
            Err(_) => Err(Unavailable(format!("not read within {} s", ROUND_TRIP_TIMEOUT.as_secs()))),
        }
    }
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    rmp_serde::from_slice(bytes).map_err(|error| error.to_string())
}
