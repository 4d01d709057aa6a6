use std::{sync::Arc, time::Duration};

use async_nats::jetstream::{message::PublishMessage, stream::DirectGetErrorKind};
use hoidap_shared::job::{Envelope, JobId, Question};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout};
use tracing::debug;

use super::{Connected, Link, NotStored, ROUND_TRIP, TRIES, Unavailable, publish};
use crate::chat::{
    FIRST,
    asked::Asked,
    waiters::{Answered, Place},
};

/// Waits before a stored answer is looked for, in case the word of it was lost; the last one repeats.
const LOOKS: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];

/// How long a request that could not be taken may take to be sent again, until its job is stopped.
const ASKED_AGAIN: Duration = Duration::from_secs(30);

/// The waits between looks for a stored answer.
pub(in crate::chat) fn looks() -> impl Iterator<Item = Duration> + Send {
    LOOKS.into_iter().chain(std::iter::repeat(LOOKS[LOOKS.len() - 1]))
}

impl Link {
    /// Stores who asks what under a name, that of the job or of the request, unless somebody did before: then theirs is
    /// returned.
    ///
    /// # Errors
    /// [`Unavailable`] when it is not stored.
    pub(in crate::chat) async fn record(
        &self,
        name: &JobId,
        asked: &Asked,
    ) -> Result<Option<Asked>, Unavailable> {
        let broker = &self.connected()?.broker;
        let bytes = rmp_serde::to_vec_named(asked).map_err(|error| Unavailable(error.to_string()))?;
        let message = PublishMessage::build().payload(bytes.into()).expected_last_subject_sequence(0);
        match publish(broker, broker.subjects.job_record(name), message, TRIES).await? {
            true => Ok(None),
            // It may be this one, whose acknowledgement was lost.
            false => Ok(self.asked(name).await?.filter(|before| before.job_id != asked.job_id)),
        }
    }

    /// Takes a request's name for its job, unless it is taken: then the request that has it is returned. One without a
    /// name has nothing to take.
    ///
    /// # Errors
    /// [`Unavailable`] when it is not stored.
    pub(in crate::chat) async fn claim(
        &self,
        request: Option<&JobId>,
        asked: &Asked,
    ) -> Result<Option<Asked>, Unavailable> {
        match request {
            Some(request) => self.record(request, asked).await,
            None => Ok(None),
        }
    }

    /// Who asked what under the name of a job or a request; `None` when nobody did within the last hour.
    ///
    /// # Errors
    /// [`Unavailable`] when it cannot be read.
    pub(in crate::chat) async fn asked(&self, job: &JobId) -> Result<Option<Asked>, Unavailable> {
        let connected = self.connected()?;
        connected.read(connected.broker.subjects.job_record(job), decode).await
    }

    /// A place among those who wait for a job.
    pub(in crate::chat) fn wait_for(&self, job: JobId) -> Place {
        self.waiters.wait_for(job)
    }

    /// Hands a question to the fleet.
    ///
    /// # Errors
    /// [`NotStored`] when nothing says that it is stored.
    pub(in crate::chat) async fn hand_over(&self, job: &Envelope<Question>) -> Result<(), NotStored> {
        let subject = self.connected()?.broker.subjects.jobs(FIRST);
        let bytes = job.encode().map_err(|error| Unavailable(error.to_string()))?;
        self.store(subject, format!("{}.{FIRST}", job.job_id), bytes.into(), TRIES).await
    }

    /// Sees to it that a job which may have been handed over, though nothing says so, is not worked on for nobody: it is
    /// stopped, one that can be asked for again (`named`) only when nobody does within a while.
    pub(in crate::chat) async fn abandon(&self, job: &JobId, named: bool) {
        if named {
            drop(self.reader(job.clone(), ASKED_AGAIN));
        } else if let Some(connected) = self.connected.get() {
            // Also while NATS is away: what waits to be sent may hold the job, and this goes behind it.
            let broker = &connected.broker;
            let told = broker.client.publish(broker.subjects.stop(job), "".into());
            if !matches!(timeout(ROUND_TRIP, told).await, Ok(Ok(()))) {
                debug!(%job, "a job that may have been handed over could not be stopped");
            }
        }
    }

    /// Waits for an answer until `end`; `None` when there is none by then.
    pub(in crate::chat) async fn answer(
        &self,
        job: &JobId,
        mut place: Place,
        end: Instant,
    ) -> Option<Answered> {
        let mut looks = looks();
        loop {
            let look = Instant::now() + looks.next().unwrap_or_default();
            tokio::select! {
                biased;
                answer = place.answer() => return Some(answer),
                () = tokio::time::sleep_until(look.min(end)) => {}
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
    pub(in crate::chat) async fn stored_answer(&self, job: &JobId) -> Result<Option<Answered>, Unavailable> {
        let connected = self.connected()?;
        let read = |bytes: &[u8]| Envelope::decode(bytes).map(Arc::new).map_err(|error| error.to_string());
        connected.read(connected.broker.subjects.answer(job), read).await
    }

    /// Tells the fleet that a job shall stop.
    ///
    /// # Errors
    /// [`Unavailable`] when nobody can be told.
    pub(in crate::chat) async fn stop(&self, job: &JobId) -> Result<(), Unavailable> {
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
        match timeout(ROUND_TRIP, self.answers.direct_get_last_for_subject(subject)).await {
            Ok(Ok(found)) => read(&found.payload).map(Some).map_err(Unavailable),
            Ok(Err(error)) if error.kind() == DirectGetErrorKind::NotFound => Ok(None),
            Ok(Err(error)) => Err(Unavailable(error.to_string())),
            Err(_) => Err(Unavailable(format!("not read within {} s", ROUND_TRIP.as_secs()))),
        }
    }
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    rmp_serde::from_slice(bytes).map_err(|error| error.to_string())
}
