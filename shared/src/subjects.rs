//! Every subject, stream and consumer name of the fleet, and their settings.

use std::time::Duration;

use async_nats::jetstream::{
    consumer::{AckPolicy, pull},
    stream::{Compression, Config as Stream, DiscardPolicy, PersistenceMode, RetentionPolicy, StorageType},
};

use crate::{
    config::{Nats, Worker},
    events::CHAT,
    job::JobId,
};

/// Largest message on the jobs stream, in bytes.
pub const MAX_JOB_BYTES: i32 = 256 * 1024;
/// How long a stored message's `Nats-Msg-Id` is remembered.
pub const DUPLICATE_WINDOW: Duration = Duration::from_mins(10);
/// How long an answer can be read by its job's name.
pub const ANSWERS_KEPT: Duration = Duration::from_hours(1);
/// How long what was told of a job while it was worked on can be read: longer than any job lasts.
pub const TOKENS_KEPT: Duration = Duration::from_mins(15);
/// Most bytes of the counts of tries: some hundred thousand jobs that are tried again within an hour; the oldest go.
const TRIES_BYTES: i64 = 1 << 26;
/// Most bytes that shadows keep; the oldest go.
const SHADOW_BYTES: i64 = 1 << 28;
/// Most bytes of the server's notices of deliveries it gave up: some hundred thousand.
const ADVISORIES_BYTES: i64 = 1 << 26;
/// Most bytes of the bucket in which processes tell of themselves: some thousand processes.
const FLEET_BYTES: i64 = 1 << 24;
/// How long it is kept that a session was revoked: as long as any session can last.
pub const REVOKED_KEPT: Duration = Duration::from_hours(24 * 366);
/// Most bytes of revoked sessions: some hundred thousand.
const REVOKED_BYTES: i64 = 1 << 25;
/// How long the last word of a process that died is kept.
pub const FLEET_KEPT: Duration = Duration::from_mins(1);

/// Names under one prefix.
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

    /// Who asked, and what: beside the answer, read by gateways alone.
    pub fn asked(&self, job: &JobId) -> String {
        format!("{}.answers.{job}.asked", self.prefix)
    }

    /// What is told of a job while it is worked on.
    pub fn tokens(&self, job: &JobId) -> String {
        format!("{}.tokens.{job}", self.prefix)
    }

    /// The visitor's word that a job shall stop: a core subject, no stream.
    pub fn stop(&self, job: &JobId) -> String {
        format!("{}.stops.{job}", self.prefix)
    }

    /// The stops of all jobs.
    pub fn stops(&self) -> String {
        format!("{}.stops.*", self.prefix)
    }

    /// Where a gateway asks the others whether anybody reads along with a job: a core subject, no stream.
    pub fn readers(&self) -> String {
        format!("{}.readers", self.prefix)
    }

    /// Where a waiting gateway hears of finished jobs: a core subject, no stream.
    pub fn replies(&self, gateway: &str) -> String {
        format!("{}.replies.{gateway}", self.prefix)
    }

    /// Jobs that a stage could not work on.
    pub fn dead(&self, stage: &str) -> String {
        format!("{}.dead.{stage}", self.prefix)
    }

    /// Analytics events of one kind.
    pub fn events(&self, kind: &str) -> String {
        format!("{}.events.{kind}", self.prefix)
    }

    /// The event of how one job ended. Each has a subject of its own, so that the stream holds one of them for as long as it
    /// keeps it; a job that was sent again ends once more, under the token of that sending.
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

    /// How often a stage has begun with a message of the jobs stream.
    pub fn tries(&self, stage: &str, sequence: u64) -> String {
        format!("{}.tries.{stage}.{sequence}", self.prefix)
    }

    /// What a shadow made of jobs, beside what visitors got.
    pub fn shadow(&self, name: &str) -> String {
        format!("{}.shadow.{name}", self.prefix)
    }

    /// Where a stage's workers and its canaries tell each other of themselves: a core subject, no stream.
    pub fn canary_words(&self, stage: &str) -> String {
        format!("{}.canary.{stage}.words", self.prefix)
    }

    /// Where a stage's workers hand jobs to a canary: a core subject, no stream.
    pub fn canary_jobs(&self, stage: &str, canary: &str) -> String {
        format!("{}.canary.{stage}.jobs.{canary}", self.prefix)
    }

    /// Where a worker hears what a canary made of one job: a core subject, no stream.
    pub fn canary_reply(&self, stage: &str, token: &str) -> String {
        format!("{}.canary.{stage}.replies.{token}", self.prefix)
    }

    /// The consumer of a shadow, on the jobs stream.
    pub fn shadow_consumer(&self, name: &str) -> String {
        format!("shadow-{name}")
    }

    /// The stream that shadows write to. It is made by the first of them, as the operator: nothing else needs it.
    pub fn shadow_stream(&self, nats: &Nats) -> Stream {
        Stream {
            name: self.stream("SHADOW"),
            description: Some("what shadows made of jobs; no visitor, cache or count hears of it".into()),
            subjects: vec![format!("{}.shadow.*", self.prefix)],
            max_age: Duration::from_hours(24 * nats.jobs_max_age_days),
            max_bytes: SHADOW_BYTES,
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

    /// The key-value bucket in which processes tell of themselves.
    pub fn fleet_bucket(&self) -> String {
        format!("{}_fleet", self.prefix.replace('-', "_"))
    }

    /// Where it is kept that a session was revoked.
    pub fn revoked(&self, session: &str) -> String {
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
    pub fn streams(&self, nats: &Nats) -> Vec<Stream> {
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
                max_age: ANSWERS_KEPT,
                max_bytes: nats.answers_max_bytes,
                max_messages_per_subject: 1,
                max_message_size: 2 * MAX_JOB_BYTES,
                ..base.clone()
            },
            // Nothing rests on it, so one server need not sync it; several keep it in their memories.
            Stream {
                name: self.stream("TOKENS"),
                description: Some(
                    "what is told of a job while it is worked on, for those who read along".into(),
                ),
                subjects: all("tokens"),
                max_age: TOKENS_KEPT,
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
                max_age: ANSWERS_KEPT,
                max_bytes: TRIES_BYTES,
                max_messages_per_subject: 1,
                max_message_size: 1_024,
                ..base.clone()
            },
            Stream {
                name: self.stream("ADVISORIES"),
                description: Some("what the server says of deliveries it gave up".into()),
                subjects: self.given_up(">"),
                max_age: Duration::from_hours(24 * 7),
                max_bytes: ADVISORIES_BYTES,
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
            // A key-value bucket is a stream of this shape. It is kept in a file because one in memory is gone when a
            // server is started anew, and only the operator may make it again.
            Stream {
                name: format!("KV_{}", self.fleet_bucket()),
                description: Some("what running processes tell of themselves".into()),
                subjects: vec![format!("$KV.{}.>", self.fleet_bucket())],
                max_age: FLEET_KEPT,
                max_bytes: FLEET_BYTES,
                max_messages_per_subject: 1,
                discard: DiscardPolicy::New,
                duplicate_window: FLEET_KEPT,
                allow_rollup: true,
                deny_delete: true,
                ..base.clone()
            },
            Stream {
                name: self.revoked_stream(),
                description: Some("sessions that an operator ended".into()),
                subjects: vec![self.revoked(">")],
                max_age: REVOKED_KEPT,
                max_bytes: REVOKED_BYTES,
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
    pub fn stage_consumer(&self, stage: &str, worker: &Worker) -> pull::Config {
        pull::Config {
            durable_name: Some(self.consumer(stage)),
            description: Some(format!("the {stage} stage")),
            filter_subject: self.jobs(stage),
            ack_policy: AckPolicy::Explicit,
            ack_wait: Duration::from_millis(worker.ack_wait_ms),
            // The runner counts the tries itself: the server would count what a worker that ends hands back, and give up
            // jobs without a word while their dead letters find no room.
            max_deliver: -1,
            max_ack_pending: 4_096,
            ..pull::Config::default()
        }
    }

    /// The consumer of what the server says of a stage's deliveries that it gave up.
    pub fn given_up_consumer(&self, stage: &str) -> pull::Config {
        pull::Config {
            durable_name: Some(self.consumer(stage)),
            description: Some(format!("jobs of the {stage} stage that the server gave up")),
            filter_subjects: self.given_up(stage),
            ack_policy: AckPolicy::Explicit,
            ack_wait: Duration::from_secs(30),
            max_deliver: -1,
            ..pull::Config::default()
        }
    }

    /// Where the server says that it gave up deliveries of a consumer on the jobs stream.
    fn given_up(&self, consumer: &str) -> Vec<String> {
        ["MAX_DELIVERIES", "MSG_TERMINATED"]
            .map(|kind| format!("$JS.EVENT.ADVISORY.CONSUMER.{kind}.{}.{consumer}", self.stream("JOBS")))
            .to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_of_a_job_has_a_subject_of_its_own_and_keeps_its_kind() {
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
