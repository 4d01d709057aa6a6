//! The streams: every process checks that they are as configured. Users with the right create and update them; others
//! wait for an operator.

use std::time::Duration;

use anyhow::bail;
use async_nats::jetstream::{
    ErrorCode,
    response::Response,
    stream::{Compression, Config as Stream, Info, PersistenceMode},
};
use serde::Serialize;
use tokio::{sync::broadcast::error::RecvError, time::Instant};
use tracing::{info, warn};

use super::Broker;
use crate::config::NatsConfig;

/// How long to wait for an operator, or for a cluster that is still electing leaders.
const SETUP_TIMEOUT: Duration = Duration::from_mins(1);
/// How often to check meanwhile.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Why a stream is not as configured.
enum StreamError {
    /// It does not exist.
    Missing,
    /// This user may not read, create or update it.
    Forbidden,
    /// The server cannot do it now.
    Unavailable(String),
    /// The server refuses the settings.
    Rejected(String),
    /// The server lacks the disk or the memory.
    NoSpace(String),
}

impl Broker {
    /// Makes sure that the streams are as configured. A user that may not create or update them waits up to a minute for
    /// an operator.
    ///
    /// # Errors
    /// When a stream is not as configured after that time, or cannot be made so: the sentence says what to do.
    pub async fn ensure_streams(&self, nats: &NatsConfig) -> anyhow::Result<()> {
        self.ensure_all_streams(nats, true).await
    }

    /// Creates the streams, or updates those whose settings have changed, as an operator does.
    ///
    /// # Errors
    /// When this user may not, or the server will not: the sentence says what to do.
    pub async fn apply_streams(&self, nats: &NatsConfig) -> anyhow::Result<()> {
        self.ensure_all_streams(nats, false).await
    }

    /// Creates one stream, or updates it, as an operator does.
    ///
    /// # Errors
    /// When this user may not, or the server will not: the sentence says what to do.
    pub async fn apply_stream(&self, wanted: &Stream, nats: &NatsConfig) -> anyhow::Result<()> {
        self.ensure_stream(wanted, false, nats).await
    }

    async fn ensure_all_streams(&self, nats: &NatsConfig, wait_for_operator: bool) -> anyhow::Result<()> {
        for wanted in self.subjects.streams(nats) {
            self.ensure_stream(&wanted, wait_for_operator, nats).await?;
        }
        info!(durability = ?nats.durability, replicas = nats.replicas, "the streams are as configured");
        Ok(())
    }

    async fn ensure_stream(
        &self,
        wanted: &Stream,
        wait_for_operator: bool,
        nats: &NatsConfig,
    ) -> anyhow::Result<()> {
        let (name, user) = (&wanted.name, &nats.user);
        let deadline = Instant::now() + SETUP_TIMEOUT;
        let (mut may_change, mut has_warned) = (true, false);
        loop {
            let what = match self.check_or_create(wanted, may_change).await {
                Ok(()) => return Ok(()),
                Err(StreamError::Rejected(what)) => bail!("stream {name} cannot be as configured: {what}"),
                Err(StreamError::NoSpace(what)) => {
                    bail!("stream {name} cannot be as configured: {}", no_space_message(&what, wanted, nats))
                }
                Err(StreamError::Missing | StreamError::Forbidden) => {
                    may_change = false;
                    format!(
                        "stream {name} is missing or not as configured, and user `{user}` may not create or update it: \
                         run `hoidap-worker setup` as the operator, with this configuration"
                    )
                }
                Err(StreamError::Unavailable(what)) => format!("stream {name} is unavailable: {what}"),
            };
            if Instant::now() >= deadline || (!may_change && !wait_for_operator) {
                bail!(what);
            }
            if !has_warned {
                warn!("{what}; waiting up to {SETUP_TIMEOUT:?}");
                has_warned = true;
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    async fn check_or_create(&self, wanted: &Stream, may_change: bool) -> Result<(), StreamError> {
        let name = &wanted.name;
        let (verb, config, done) = match self.ask("INFO", name, &()).await {
            Ok(info) => {
                let merged = merge_settings(&info.config, wanted);
                if is_equivalent(&info.config, &merged) {
                    return Ok(());
                }
                check_immutable_settings(&info.config, &merged)?;
                ("UPDATE", merged, "updated to the configured settings")
            }
            Err(StreamError::Missing) => ("CREATE", wanted.clone(), "created"),
            Err(other) => return Err(other),
        };
        if !may_change {
            return Err(StreamError::Forbidden);
        }
        self.ask(verb, name, &config).await?;
        info!(stream = name, "{done}");
        Ok(())
    }

    /// Sends one request about a stream. It also listens for permission errors: without, a forbidden request would look like a
    /// slow server.
    async fn ask<T: Serialize>(&self, verb: &str, stream: &str, payload: &T) -> Result<Info, StreamError> {
        let subject = format!("STREAM.{verb}.{stream}");
        let mut violations = self.violations.subscribe();
        let forbidden = async {
            loop {
                match violations.recv().await {
                    Ok(what) if what.contains(&format!("{subject}\"")) => return,
                    Ok(_) | Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => std::future::pending().await,
                }
            }
        };
        tokio::select! {
            () = forbidden => Err(StreamError::Forbidden),
            answer = self.jetstream.request(subject.clone(), payload) => match answer {
                Ok(Response::Ok(info)) => Ok(info),
                Ok(Response::Err { error }) => Err(match (error.error_code(), error.code()) {
                    (ErrorCode::STREAM_NOT_FOUND, _) => StreamError::Missing,
                    // Another process was quicker, or the cluster does not know all of its servers yet.
                    (ErrorCode::STREAM_NAME_EXIST | ErrorCode::CLUSTER_NO_PEERS, _) | (_, 503) => {
                        StreamError::Unavailable(error.to_string())
                    }
                    (
                        ErrorCode::STORAGE_RESOURCES_EXCEEDED
                        | ErrorCode::MEMORY_RESOURCES_EXCEEDED
                        | ErrorCode::INSUFFICIENT_RESOURCES
                        | ErrorCode::ACCOUNT_RESOURCES_EXCEEDED,
                        _,
                    ) => StreamError::NoSpace(error.to_string()),
                    _ => StreamError::Rejected(format!("the server says {error}: change the settings in [nats], or the server")),
                }),
                Err(error) => Err(StreamError::Unavailable(error.to_string())),
            },
        }
    }
}

/// A sentence about the space that the server lacks, with the settings that reserve it.
fn no_space_message(what: &str, wanted: &Stream, nats: &NatsConfig) -> String {
    let mib = |bytes: i64| format!("{} MiB", bytes >> 20);
    let reserved = nats.reserved_bytes();
    let settings: Vec<String> =
        reserved.iter().map(|(name, size)| format!("{name} ({})", mib(*size))).collect();
    format!(
        "the server has no room for its {} ({what}). It takes three quarters of the free disk in its store_dir, or its \
         max_file_store, and reserves what every stream may grow to. Lower {}, which are {} together, or give it a larger disk",
        mib(wanted.max_bytes),
        settings.join(", "),
        mib(reserved.iter().map(|(_, size)| size).sum())
    )
}

/// The configured settings over the stream's others (placement, metadata).
fn merge_settings(found: &Stream, wanted: &Stream) -> Stream {
    Stream {
        description: wanted.description.clone(),
        subjects: wanted.subjects.clone(),
        storage: wanted.storage,
        num_replicas: wanted.num_replicas,
        retention: wanted.retention,
        discard: wanted.discard,
        duplicate_window: wanted.duplicate_window,
        allow_direct: wanted.allow_direct,
        allow_rollup: wanted.allow_rollup,
        deny_delete: wanted.deny_delete,
        max_age: wanted.max_age,
        max_bytes: wanted.max_bytes,
        max_message_size: wanted.max_message_size,
        max_messages_per_subject: wanted.max_messages_per_subject,
        compression: wanted.compression.clone(),
        persist_mode: wanted.persist_mode,
        ..found.clone()
    }
}

/// Whether two configurations mean the same. The server has its own way to write "no limit" and defaults.
fn is_equivalent(a: &Stream, b: &Stream) -> bool {
    let plain = |stream: &Stream| Stream {
        max_bytes: stream.max_bytes.max(0),
        max_message_size: stream.max_message_size.max(0),
        max_messages_per_subject: stream.max_messages_per_subject.max(0),
        compression: stream.compression.clone().filter(|kind| *kind != Compression::None),
        persist_mode: stream.persist_mode.filter(|mode| *mode != PersistenceMode::Default),
        ..stream.clone()
    };
    plain(a) == plain(b)
}

/// Rejects changes that no server makes to an existing stream.
fn check_immutable_settings(found: &Stream, wanted: &Stream) -> Result<(), StreamError> {
    let asynchronous = |stream: &Stream| stream.persist_mode == Some(PersistenceMode::Async);
    let setting = if found.storage != wanted.storage {
        format!("its storage is {:?}, not {:?}", found.storage, wanted.storage)
    } else if found.retention != wanted.retention {
        format!("its retention is {:?}, not {:?}", found.retention, wanted.retention)
    } else if asynchronous(found) != asynchronous(wanted) {
        "its persist mode is another (it is asynchronous with one replica, and only then)".to_string()
    } else {
        return Ok(());
    };
    Err(StreamError::Rejected(format!(
        "{setting}, and the server does not change that: let its readers finish, back it up if it is still needed, \
         delete it (`nats stream rm {}`) and run `hoidap-worker setup`",
        found.name
    )))
}
