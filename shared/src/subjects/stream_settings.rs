use std::time::Duration;

use async_nats::jetstream::stream::{
    Compression, Config as Stream, DiscardPolicy, PersistenceMode, RetentionPolicy, StorageType,
};

use super::{
    ANSWER_RETENTION, DUPLICATE_WINDOW, FLEET_ENTRY_RETENTION, MAX_JOB_BYTES, REVOKED_SESSION_RETENTION,
    Subjects, TOKEN_RETENTION,
};
use crate::config::NatsConfig;

/// Size of the stream of delivery attempts: some hundred thousand redelivered jobs an hour. The oldest are dropped.
const MAX_TRIES_BYTES: i64 = 1 << 26;
/// Size of the stream of shadow results. The oldest are dropped.
const MAX_SHADOW_BYTES: i64 = 1 << 28;
/// Size of the stream of the server's advisories about deliveries it gave up: some hundred thousand.
const MAX_ADVISORIES_BYTES: i64 = 1 << 26;
/// Size of the bucket in which processes announce themselves: some thousand processes.
const MAX_FLEET_BYTES: i64 = 1 << 24;
/// Size of the bucket of revoked sessions: some hundred thousand.
const MAX_REVOKED_BYTES: i64 = 1 << 25;

impl Subjects {
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
}
