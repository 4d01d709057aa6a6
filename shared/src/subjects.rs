//! Every subject, stream and consumer name of the fleet, and their settings.

use std::time::Duration;

use async_nats::jetstream::{
    consumer::{AckPolicy, pull},
    stream::{Compression, Config as Stream, DiscardPolicy, PersistenceMode, RetentionPolicy, StorageType},
};

use crate::{
    config::{NatsConfig, WorkerConfig},
    events::CHAT,
    job::JobId,
};

/// Largest message on the jobs stream, in bytes.
pub const MAX_JOB_BYTES: i32 = 256 * 1024;
/// How long a stored message's `Nats-Msg-Id` is remembered.
pub const DUPLICATE_WINDOW: Duration = Duration::from_mins(10);
/// How long an answer is kept.
pub const ANSWER_RETENTION: Duration = Duration::from_hours(1);
/// How long the progress of a job is kept: longer than any job lasts.
pub const TOKEN_RETENTION: Duration = Duration::from_mins(15);
/// Size of the stream of delivery attempts: some hundred thousand redelivered jobs an hour. The oldest are dropped.
const MAX_TRIES_BYTES: i64 = 1 << 26;
/// Size of the stream of shadow results. The oldest are dropped.
const MAX_SHADOW_BYTES: i64 = 1 << 28;
/// Size of the stream of the server's advisories about deliveries it gave up: some hundred thousand.
const MAX_ADVISORIES_BYTES: i64 = 1 << 26;
/// Size of the bucket in which processes announce themselves: some thousand processes.
const MAX_FLEET_BYTES: i64 = 1 << 24;
/// How long a revoked session is kept: as long as any session can last.
pub const REVOKED_SESSION_RETENTION: Duration = Duration::from_hours(24 * 366);
/// Size of the bucket of revoked sessions: some hundred thousand.
const MAX_REVOKED_BYTES: i64 = 1 << 25;
/// How long the last announcement of a process that died is kept.
pub const FLEET_ENTRY_RETENTION: Duration = Duration::from_mins(1);

/// The names of subjects, streams and consumers under one prefix.
#[derive(Clone, Debug)]
pub struct Subjects {
    prefix: String,
}

impl Subjects {
    /// Names under `prefix`, which the configuration has checked to be one plain token.
    pub fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_string() }
    }

    /// Where the jobs of a stage wait.
    pub fn jobs(&self, stage: &str) -> String {
        format!("{}.jobs.{stage}", self.prefix)
    }

    /// The lasting record of finished jobs.
    pub fn done(&self) -> String {
        self.jobs("done")
    }

    /// The one stored answer of a job.
    pub fn answer(&self, job: &JobId) -> String {
        format!("{}.answers.{job}", self.prefix)
    }

    /// The record of who asked what, stored beside the answer. Only gateways read it.
    pub fn job_record(&self, job: &JobId) -> String {
        format!("{}.answers.{job}.asked", self.prefix)
    }

    /// The progress of a job while it is processed.
    pub fn tokens(&self, job: &JobId) -> String {
        format!("{}.tokens.{job}", self.prefix)
    }

    /// The visitor's request to stop a job: a core subject, no stream.
    pub fn stop(&self, job: &JobId) -> String {
        format!("{}.stops.{job}", self.prefix)
    }

    /// The stop requests of all jobs.
    pub fn stops(&self) -> String {
        format!("{}.stops.*", self.prefix)
    }

    /// Where a gateway asks the others whether anybody listens to a job: a core subject, no stream.
    pub fn listener_queries(&self) -> String {
        format!("{}.readers", self.prefix)
    }

    /// Where a waiting gateway receives finished jobs: a core subject, no stream.
    pub fn replies(&self, gateway: &str) -> String {
        format!("{}.replies.{gateway}", self.prefix)
    }

    /// The dead letters of a stage.
    pub fn dead(&self, stage: &str) -> String {
        format!("{}.dead.{stage}", self.prefix)
    }

    /// Analytics events of one kind.
    pub fn events(&self, kind: &str) -> String {
        format!("{}.events.{kind}", self.prefix)
    }

    /// The event of one job's end. Each has its own subject, so that the stream stores it once. A job that was sent again
    /// (redriven) ends once more, under the token of that sending.
    pub fn chat_event(&self, job: &JobId, redrive: Option<&str>) -> String {
        let kind = self.events(CHAT);
        match redrive {
            Some(token) => format!("{kind}.{job}.{token}"),
            None => format!("{kind}.{job}"),
        }
    }

    /// The kind of event that a subject of the stream of events carries.
    pub fn event_kind<'a>(&self, subject: &'a str) -> Option<&'a str> {
        subject.strip_prefix(&self.events(""))?.split('.').next()
    }

    /// The number of attempts of a stage at a message of the jobs stream.
    pub fn tries(&self, stage: &str, sequence: u64) -> String {
        format!("{}.tries.{stage}.{sequence}", self.prefix)
    }

    /// The results of a shadow.
    pub fn shadow(&self, name: &str) -> String {
        format!("{}.shadow.{name}", self.prefix)
    }

    /// Messages between a stage's workers and its canaries: a core subject, no stream.
    pub fn canary_messages(&self, stage: &str) -> String {
        format!("{}.canary.{stage}.words", self.prefix)
    }

    /// The jobs that a stage's workers send to a canary: a core subject, no stream.
    pub fn canary_jobs(&self, stage: &str, canary: &str) -> String {
        format!("{}.canary.{stage}.jobs.{canary}", self.prefix)
    }

    /// Where a worker receives a canary's result for one job: a core subject, no stream.
    pub fn canary_reply(&self, stage: &str, token: &str) -> String {
        format!("{}.canary.{stage}.replies.{token}", self.prefix)
    }

    /// The consumer of a shadow, on the jobs stream.
    pub fn shadow_consumer(&self, name: &str) -> String {
        format!("shadow-{name}")
    }

    /// The stream of shadow results. The first shadow creates it, as the operator: nothing else needs it.
    pub fn shadow_stream(&self, nats: &NatsConfig) -> Stream {
        Stream {
            name: self.stream("SHADOW"),
            description: Some("what shadows made of jobs; no visitor, cache or count hears of it".into()),
            subjects: vec![format!("{}.shadow.*", self.prefix)],
            max_age: Duration::from_hours(24 * nats.jobs_max_age_days),
            max_bytes: MAX_SHADOW_BYTES,
            storage: StorageType::File,
            num_replicas: nats.replicas,
            discard: DiscardPolicy::Old,
            duplicate_window: DUPLICATE_WINDOW,
            compression: Some(Compression::S2),
            ..Stream::default()
        }
    }

    /// The name of a stream: `HOIDAP_JOBS` for `JOBS`.
    pub fn stream(&self, name: &str) -> String {
        format!("{}_{name}", self.prefix.to_uppercase().replace('-', "_"))
    }

    /// The key-value bucket in which processes announce themselves.
    pub fn fleet_bucket(&self) -> String {
        format!("{}_fleet", self.prefix.replace('-', "_"))
    }

    /// The entry of a revoked session.
    pub fn revoked_session(&self, session: &str) -> String {
        format!("$KV.{}.{session}", self.revoked_bucket())
    }

    /// The stream of the key-value bucket of revoked sessions.
    pub fn revoked_stream(&self) -> String {
        format!("KV_{}", self.revoked_bucket())
    }

    fn revoked_bucket(&self) -> String {
        format!("{}_revoked", self.prefix.replace('-', "_"))
    }

    /// The consumer that all processes of a stage share.
    pub fn consumer(&self, stage: &str) -> String {
        stage.to_string()
    }

    /// The streams of the fleet with their settings, the bucket of [`Self::fleet_bucket`] among them.
    pub fn streams(&self, nats: &NatsConfig) -> Vec<Stream> {
        let all = |kind: &str| vec![format!("{}.{kind}.>", self.prefix)];
        let base = Stream {
            storage: StorageType::File,
            num_replicas: nats.replicas,
            retention: RetentionPolicy::Limits,
            discard: DiscardPolicy::Old,
            duplicate_window: DUPLICATE_WINDOW,
            allow_direct: true,
            ..Stream::default()
        };
        vec![
            Stream {
                name: self.stream("JOBS"),
                description: Some("every message a stage consumed: the log that is replayed".into()),
                subjects: all("jobs"),
                max_age: Duration::from_hours(24 * nats.jobs_max_age_days),
                max_bytes: nats.jobs_max_bytes,
                max_message_size: MAX_JOB_BYTES,
                compression: Some(Compression::S2),
                ..base.clone()
            },
            Stream {
                name: self.stream("ANSWERS"),
                description: Some("one answer a job, and who asked, for an hour".into()),
                subjects: all("answers"),
                max_age: ANSWER_RETENTION,
                max_bytes: nats.answers_max_bytes,
                max_messages_per_subject: 1,
                max_message_size: 2 * MAX_JOB_BYTES,
                ..base.clone()
            },
            // Nothing depends on it, so one server need not sync it, and several keep it in memory.
            Stream {
                name: self.stream("TOKENS"),
                description: Some(
                    "what is told of a job while it is worked on, for those who read along".into(),
                ),
                subjects: all("tokens"),
                max_age: TOKEN_RETENTION,
                max_bytes: nats.tokens_max_bytes,
                max_message_size: MAX_JOB_BYTES,
                storage: if nats.replicas == 1 { StorageType::File } else { StorageType::Memory },
                persist_mode: (nats.replicas == 1).then_some(PersistenceMode::Async),
                ..base.clone()
            },
            Stream {
                name: self.stream("DEAD"),
                description: Some("jobs that could not be worked on, with the reason".into()),
                subjects: all("dead"),
                max_age: Duration::from_hours(24 * 30),
                max_bytes: nats.dead_max_bytes,
                discard: DiscardPolicy::New,
                ..base.clone()
            },
            Stream {
                name: self.stream("TRIES"),
                description: Some("how often a stage has begun with a job that was delivered again".into()),
                subjects: all("tries"),
                max_age: ANSWER_RETENTION,
                max_bytes: MAX_TRIES_BYTES,
                max_messages_per_subject: 1,
                max_message_size: 1_024,
                ..base.clone()
            },
            Stream {
                name: self.stream("ADVISORIES"),
                description: Some("what the server says of deliveries it gave up".into()),
                subjects: self.advisory_subjects(">"),
                max_age: Duration::from_hours(24 * 7),
                max_bytes: MAX_ADVISORIES_BYTES,
                ..base.clone()
            },
            Stream {
                name: self.stream("EVENTS"),
                description: Some("analytics events on their way to ClickHouse".into()),
                subjects: all("events"),
                max_age: Duration::from_hours(24 * 3),
                max_bytes: nats.events_max_bytes,
                compression: Some(Compression::S2),
                persist_mode: (nats.replicas == 1).then_some(PersistenceMode::Async),
                ..base.clone()
            },
            // A key-value bucket is a stream of this shape. It is in a file, because one in memory is lost when the server
            // restarts, and only the operator may create it again.
            Stream {
                name: format!("KV_{}", self.fleet_bucket()),
                description: Some("what running processes tell of themselves".into()),
                subjects: vec![format!("$KV.{}.>", self.fleet_bucket())],
                max_age: FLEET_ENTRY_RETENTION,
                max_bytes: MAX_FLEET_BYTES,
                max_messages_per_subject: 1,
                discard: DiscardPolicy::New,
                duplicate_window: FLEET_ENTRY_RETENTION,
                allow_rollup: true,
                deny_delete: true,
                ..base.clone()
            },
            Stream {
                name: self.revoked_stream(),
                description: Some("sessions that an operator ended".into()),
                subjects: vec![self.revoked_session(">")],
                max_age: REVOKED_SESSION_RETENTION,
                max_bytes: MAX_REVOKED_BYTES,
                max_messages_per_subject: 1,
                max_message_size: 1_024,
                discard: DiscardPolicy::New,
                allow_rollup: true,
                deny_delete: true,
                ..base
            },
        ]
    }

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
    fn advisory_subjects(&self, consumer: &str) -> Vec<String> {
        ["MAX_DELIVERIES", "MSG_TERMINATED"]
            .map(|kind| format!("$JS.EVENT.ADVISORY.CONSUMER.{kind}.{}.{consumer}", self.stream("JOBS")))
            .to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_subject_of_an_event_names_its_kind() {
        let (subjects, job) = (Subjects::new("shop-a"), JobId::new());
        for (subject, kind) in [
            (subjects.chat_event(&job, None), Some("chat")),
            (subjects.chat_event(&job, Some("17-3")), Some("chat")),
            (subjects.events("feedback"), Some("feedback")),
            (subjects.jobs("classifier"), None),
        ] {
            assert_eq!(subjects.event_kind(&subject), kind, "{subject}");
        }
    }
}
