use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, pull};

use super::Subjects;
use crate::config::WorkerConfig;

impl Subjects {
    /// The consumer of a stage on the jobs stream.
    pub fn stage_consumer(&self, stage: &str, worker: &WorkerConfig) -> pull::Config {
        pull::Config {
            durable_name: Some(self.consumer(stage)),
            description: Some(format!("the {stage} stage")),
            filter_subject: self.jobs(stage),
            ack_policy: AckPolicy::Explicit,
            ack_wait: Duration::from_millis(worker.ack_wait_ms),
            // The runner counts attempts itself: the server would also count what a stopping worker returns, and give up jobs
            // silently while their dead letters find no room.
            max_deliver: -1,
            max_ack_pending: 4_096,
            ..pull::Config::default()
        }
    }

    /// The consumer of the server's advisories about a stage's deliveries that it gave up.
    pub fn advisory_consumer(&self, stage: &str) -> pull::Config {
        pull::Config {
            durable_name: Some(self.consumer(stage)),
            description: Some(format!("jobs of the {stage} stage that the server gave up")),
            filter_subjects: self.advisory_subjects(stage),
            ack_policy: AckPolicy::Explicit,
            ack_wait: Duration::from_secs(30),
            max_deliver: -1,
            ..pull::Config::default()
        }
    }

    /// The subjects of the server's advisories about deliveries of a consumer on the jobs stream that it gave up.
    pub(super) fn advisory_subjects(&self, consumer: &str) -> Vec<String> {
        ["MAX_DELIVERIES", "MSG_TERMINATED"]
            .map(|kind| format!("$JS.EVENT.ADVISORY.CONSUMER.{kind}.{}.{consumer}", self.stream("JOBS")))
            .to_vec()
    }
}
