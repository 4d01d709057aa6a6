//! The streams: everyone sees to it that they are as configured; who may makes and changes them, others wait.

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
use crate::config::Nats;

/// How long to wait for an operator, or for a cluster that is still choosing its leaders.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often to look meanwhile.
const PAUSE: Duration = Duration::from_millis(500);

/// Why a stream is not as configured.
enum Trouble {
    /// It is not there.
    Missing,
    /// This user may not see, make or change it.
    Forbidden,
    /// The server cannot say or do it now.
    Later(String),
    /// The server will not do it.
    Refused(String),
    /// The server has not the disk or the memory for it.
    NoRoom(String),
}

impl Broker {
    /// Sees to it that the streams are as configured. A user that may not make or change them waits up to a minute
    /// until an operator has.
    ///
    /// # Errors
    /// When a stream is not as configured after that time, or cannot be made so: the sentence says what to do.
    pub async fn ensure_streams(&self, nats: &Nats) -> anyhow::Result<()> {
        self.all_streams(nats, true).await
    }

    /// Makes the streams, or changes those whose settings are others now, as an operator does.
    ///
    /// # Errors
    /// When this user may not, or the server will not: the sentence says what to do.
    pub async fn make_streams(&self, nats: &Nats) -> anyhow::Result<()> {
        self.all_streams(nats, false).await
    }

    /// Makes one stream, or changes it, as an operator does.
    ///
    /// # Errors
    /// When this user may not, or the server will not: the sentence says what to do.
    pub async fn make_stream(&self, wanted: &Stream, nats: &Nats) -> anyhow::Result<()> {
        self.ensure_stream(wanted, false, nats).await
    }

    async fn all_streams(&self, nats: &Nats, wait_for_operator: bool) -> anyhow::Result<()> {
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
        nats: &Nats,
    ) -> anyhow::Result<()> {
        let (name, user) = (&wanted.name, &nats.user);
        let end = Instant::now() + PATIENCE;
        let (mut may_change, mut told) = (true, false);
        loop {
            let what = match self.look_and_make(wanted, may_change).await {
                Ok(()) => return Ok(()),
                Err(Trouble::Refused(what)) => bail!("stream {name} cannot be as configured: {what}"),
                Err(Trouble::NoRoom(what)) => {
                    bail!("stream {name} cannot be as configured: {}", no_room(&what, wanted, nats))
                }
                Err(Trouble::Missing | Trouble::Forbidden) => {
                    may_change = false;
                    format!(
                        "stream {name} is missing or not as configured, and user `{user}` may not make or change it: \
                         run `hoidap-worker setup` as the operator, with this configuration"
                    )
                }
                Err(Trouble::Later(what)) => format!("stream {name} cannot be had: {what}"),
            };
            if Instant::now() >= end || (!may_change && !wait_for_operator) {
                bail!(what);
            }
            if !told {
                warn!("{what}; waiting up to {PATIENCE:?}");
                told = true;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn look_and_make(&self, wanted: &Stream, may_change: bool) -> Result<(), Trouble> {
        let name = &wanted.name;
        let (verb, config, done) = match self.ask("INFO", name, &()).await {
            Ok(info) => {
                let merged = merged(&info.config, wanted);
                if same(&info.config, &merged) {
                    return Ok(());
                }
                unchangeable(&info.config, &merged)?;
                ("UPDATE", merged, "changed to the configured settings")
            }
            Err(Trouble::Missing) => ("CREATE", wanted.clone(), "made"),
            Err(other) => return Err(other),
        };
        if !may_change {
            return Err(Trouble::Forbidden);
        }
        self.ask(verb, name, &config).await?;
        info!(stream = name, "{done}");
        Ok(())
    }

    /// One request about a stream. Without listening for violations, a forbidden one would look like a slow server.
    async fn ask<T: Serialize>(&self, verb: &str, stream: &str, payload: &T) -> Result<Info, Trouble> {
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
            () = forbidden => Err(Trouble::Forbidden),
            answer = self.jetstream.request(subject.clone(), payload) => match answer {
                Ok(Response::Ok(info)) => Ok(info),
                Ok(Response::Err { error }) => Err(match (error.error_code(), error.code()) {
                    (ErrorCode::STREAM_NOT_FOUND, _) => Trouble::Missing,
                    // Another process was quicker; or the cluster does not know all of its servers yet.
                    (ErrorCode::STREAM_NAME_EXIST | ErrorCode::CLUSTER_NO_PEERS, _) | (_, 503) => {
                        Trouble::Later(error.to_string())
                    }
                    (
                        ErrorCode::STORAGE_RESOURCES_EXCEEDED
                        | ErrorCode::MEMORY_RESOURCES_EXCEEDED
                        | ErrorCode::INSUFFICIENT_RESOURCES
                        | ErrorCode::ACCOUNT_RESOURCES_EXCEEDED,
                        _,
                    ) => Trouble::NoRoom(error.to_string()),
                    _ => Trouble::Refused(format!("the server says {error}: change the settings in [nats], or the server")),
                }),
                Err(error) => Err(Trouble::Later(error.to_string())),
            },
        }
    }
}

/// What the server lacks, and the settings that say how much the streams reserve.
fn no_room(what: &str, wanted: &Stream, nats: &Nats) -> String {
    let mib = |bytes: i64| format!("{} MiB", bytes >> 20);
    let reserved = nats.reserved();
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

/// The settings that are configured, over what else the stream has (placement, metadata).
fn merged(found: &Stream, wanted: &Stream) -> Stream {
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

/// Whether two settings mean the same: the server writes "no limit" and defaults in its own way.
fn same(a: &Stream, b: &Stream) -> bool {
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

/// Refuses what no server changes on a stream that exists.
fn unchangeable(found: &Stream, wanted: &Stream) -> Result<(), Trouble> {
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
    Err(Trouble::Refused(format!(
        "{setting}, and the server does not change that: let its readers finish, back it up if it is still needed, \
         delete it (`nats stream rm {}`) and run `hoidap-worker setup`",
        found.name
    )))
}
