//! Every subject, stream and consumer name of the fleet; the settings of the streams and consumers are in modules of
//! their own.

mod consumer_settings;
mod stream_settings;

use std::time::Duration;

use crate::{events::CHAT, job::JobId};

/// Largest message on the jobs stream, in bytes.
pub const MAX_JOB_BYTES: i32 = 256 * 1024;
/// Largest body of such a message; the rest is for its headers.
pub const MAX_JOB_BODY_BYTES: usize = MAX_JOB_BYTES as usize - 4_096;
/// How long a stored message's `Nats-Msg-Id` is remembered.
pub const DUPLICATE_WINDOW: Duration = Duration::from_mins(10);
/// How long an answer is kept.
pub const ANSWER_RETENTION: Duration = Duration::from_hours(1);
/// How long the progress of a job is kept: longer than any job lasts.
pub const TOKEN_RETENTION: Duration = Duration::from_mins(15);
/// How long a revoked session is kept: as long as any session can last.
pub const REVOKED_SESSION_RETENTION: Duration = Duration::from_hours(24 * 366);
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
