use std::time::Duration;

use async_nats::Client;
use hoidap_shared::{
    broker::Broker,
    job::JobId,
    progress::{ProgressLine, StageEvent},
};
use tokio::{
    sync::mpsc::UnboundedReceiver,
    time::{Instant, timeout_at},
};
use tracing::debug;

/// Publishes the progress of one run of a stage to the log of its job. It does not wait for the broker: the stored answer
/// makes up for lost lines.
pub(super) struct ProgressPublisher {
    client: Client,
    subject: String,
    run: String,
    /// Characters of the answer published so far.
    published_chars: usize,
}

impl ProgressPublisher {
    pub(super) fn new(broker: &Broker, job: &JobId, run: String) -> Self {
        let subject = broker.subjects.tokens(job);
        Self { client: broker.client.clone(), subject, run, published_chars: 0 }
    }

    /// Publishes that a stage begins.
    pub(super) async fn begin(&self, stage: &str) {
        self.write(&ProgressLine::Stage { name: stage.into(), run: self.run.clone() }).await;
    }

    /// Publishes the stage's events until it ends. Text that comes within `batch_interval` is published together.
    pub(super) async fn publish(
        mut self,
        mut events: UnboundedReceiver<StageEvent>,
        batch_interval: Duration,
    ) {
        let mut next = events.recv().await;
        while let Some(event) = next.take() {
            let run = self.run.clone();
            let line = match event {
                StageEvent::Text(mut text) => {
                    let until = Instant::now() + batch_interval;
                    while let Ok(more) = timeout_at(until, events.recv()).await {
                        match more {
                            Some(StageEvent::Text(more)) => text.push_str(&more),
                            other => {
                                next = other;
                                break;
                            }
                        }
                    }
                    let at = self.published_chars;
                    self.published_chars += text.chars().count();
                    ProgressLine::Delta { run, at, text }
                }
                StageEvent::Sources(sources) => ProgressLine::Sources { run, sources },
                StageEvent::Draft(draft) => ProgressLine::Draft { run, draft },
                StageEvent::Cited(cited) => ProgressLine::Cite { run, cited },
                StageEvent::Void(reason) => {
                    self.published_chars = 0;
                    ProgressLine::Void { run, reason }
                }
            };
            self.write(&line).await;
            if next.is_none() {
                next = events.recv().await;
            }
        }
    }

    /// Publishes that the answer is stored.
    pub(super) async fn end(broker: &Broker, job: &JobId) {
        Self::new(broker, job, String::new()).write(&ProgressLine::End).await;
    }

    async fn write(&self, line: &ProgressLine) {
        // A line is made of text and numbers, which can always be encoded.
        let bytes = rmp_serde::to_vec_named(line).unwrap_or_default();
        if let Err(error) = self.client.publish(self.subject.clone(), bytes.into()).await {
            debug!(%error, "a line of a job's log is lost");
        }
    }
}
