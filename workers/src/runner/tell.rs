use std::time::Duration;

use async_nats::Client;
use hoidap_shared::{
    broker::Broker,
    job::JobId,
    live::{Line, Said},
};
use tokio::{
    sync::mpsc::UnboundedReceiver,
    time::{Instant, timeout_at},
};
use tracing::debug;

/// Writes one run's lines into the log of its job. The broker is not waited for: what gets lost is mended by the answer.
pub(super) struct Teller {
    client: Client,
    subject: String,
    run: String,
    /// Characters of the answer told so far.
    told: usize,
}

impl Teller {
    pub(super) fn new(broker: &Broker, job: &JobId, run: String) -> Self {
        Self { client: broker.client.clone(), subject: broker.subjects.tokens(job), run, told: 0 }
    }

    /// Tells that a stage begins.
    pub(super) async fn begin(&self, stage: &str) {
        self.write(&Line::Stage { name: stage.into(), run: self.run.clone() }).await;
    }

    /// Tells what is said until the stage ends; words that come within `pause` are told together.
    pub(super) async fn follow(mut self, mut said: UnboundedReceiver<Said>, pause: Duration) {
        let mut next = said.recv().await;
        while let Some(what) = next.take() {
            if let Said::Text(mut text) = what {
                let until = Instant::now() + pause;
                while let Ok(more) = timeout_at(until, said.recv()).await {
                    match more {
                        Some(Said::Text(more)) => text.push_str(&more),
                        other => {
                            next = other;
                            break;
                        }
                    }
                }
                let at = self.told;
                self.told += text.chars().count();
                self.write(&Line::Delta { run: self.run.clone(), at, text }).await;
            } else {
                let run = self.run.clone();
                let line = match what {
                    Said::Sources(sources) => Line::Sources { run, sources },
                    Said::Draft(draft) => Line::Draft { run, draft },
                    Said::Cited(cited) => Line::Cite { run, cited },
                    Said::Void(reason) => {
                        self.told = 0;
                        Line::Void { run, reason }
                    }
                    Said::Text(_) => continue,
                };
                self.write(&line).await;
            }
            if next.is_none() {
                next = said.recv().await;
            }
        }
    }

    /// Tells that the answer is stored.
    pub(super) async fn end(broker: &Broker, job: &JobId) {
        Self::new(broker, job, String::new()).write(&Line::End).await;
    }

    async fn write(&self, line: &Line) {
        // A line is made of text and numbers, which always have a form in MessagePack.
        let bytes = rmp_serde::to_vec_named(line).unwrap_or_default();
        if let Err(error) = self.client.publish(self.subject.clone(), bytes.into()).await {
            debug!(%error, "a line of a job's log is lost");
        }
    }
}
