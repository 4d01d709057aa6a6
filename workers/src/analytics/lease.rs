use anyhow::Context as _;
use async_nats::jetstream::kv::{Entry, Operation, Store};
use hoidap_shared::{
    fleet::{self, BEAT, Member, STALE},
    stage::StageStatus,
};
use tokio::{sync::watch, time::Instant};
use tracing::{debug, info};

use crate::{process::ANALYTICS, runner::Context};

/// The key in the fleet's bucket under which the writing sink is known.
const WRITER: &str = "writer";

/// One sink writes, the others stand by. The writer renews its entry in the fleet's bucket; whoever sees the same revision
/// of it for [`STALE`] takes its place, by its own clock alone. A writer that was only slow may then write beside the new
/// one for a moment: the table's key makes that harmless.
pub(super) struct Lease<'a> {
    context: &'a Context,
    key: String,
    held: watch::Sender<bool>,
}

impl<'a> Lease<'a> {
    /// A lease that nobody holds yet, and whether this process does.
    pub(super) fn new(context: &'a Context) -> (Self, watch::Receiver<bool>) {
        let (held, seen) = watch::channel(false);
        (Self { context, key: format!("{ANALYTICS}.{WRITER}"), held }, seen)
    }

    /// Takes the lease whenever it is free and renews it, until the process stops; then gives it back.
    pub(super) async fn keep(self) {
        let mut bucket: Option<Store> = None;
        let mut renewed = Instant::now();
        let mut other: Option<(u64, Instant)> = None;
        while !self.context.stop.is_cancelled() {
            match self.renew(&mut bucket, &mut other).await {
                Ok(true) => {
                    renewed = Instant::now();
                    self.tell(true);
                }
                Ok(false) => self.tell(false),
                Err(error) => {
                    debug!(%error, "the lease of the analytics sink cannot be renewed");
                    bucket = None;
                    if renewed.elapsed() >= STALE {
                        self.tell(false);
                    }
                }
            }
            tokio::select! {
                () = tokio::time::sleep(BEAT) => {}
                () = self.context.stop.cancelled() => {}
            }
        }
    }

    /// Gives the lease back, so that another process need not wait for it. To be called when the last batch is written.
    pub(super) async fn give_back(context: &Context) {
        let key = format!("{ANALYTICS}.{WRITER}");
        let release = async {
            let bucket = fleet::bucket(&context.broker).await?;
            if let Some(entry) = bucket.entry(&key).await?.filter(|entry| is_of(entry, &context.instance)) {
                bucket.delete_expect_revision(&key, Some(entry.revision)).await?;
            }
            anyhow::Ok(())
        };
        // A broker that is away forgets the lease by itself.
        let _ = tokio::time::timeout(BEAT, release).await;
    }

    /// Whether this process holds the lease now.
    async fn renew(
        &self,
        bucket: &mut Option<Store>,
        other: &mut Option<(u64, Instant)>,
    ) -> anyhow::Result<bool> {
        let bucket = match bucket {
            Some(open) => open,
            None => bucket.insert(fleet::bucket(&self.context.broker).await?),
        };
        let word = serde_json::to_vec(&Member {
            stage: self.key.clone(),
            instance: self.context.instance.clone(),
            status: StageStatus::default(),
        })?;
        let entry = bucket.entry(&self.key).await.context("the lease cannot be read")?;
        let Some(entry) = entry.filter(|entry| entry.operation == Operation::Put) else {
            *other = None;
            return Ok(bucket.create(&self.key, word.into()).await.is_ok());
        };
        if !is_of(&entry, &self.context.instance) {
            let since = match other {
                Some((revision, since)) if *revision == entry.revision => *since,
                _ => other.insert((entry.revision, Instant::now())).1,
            };
            if since.elapsed() < STALE {
                return Ok(false);
            }
        }
        Ok(bucket.update(&self.key, word.into(), entry.revision).await.is_ok())
    }

    fn tell(&self, now: bool) {
        let changed = self.held.send_if_modified(|held| std::mem::replace(held, now) != now);
        if changed {
            info!(writing = now, "analytics: {}", if now { "writing" } else { "another process writes" });
        }
    }
}

fn is_of(entry: &Entry, instance: &str) -> bool {
    serde_json::from_slice::<Member>(&entry.value).is_ok_and(|holder| holder.instance == instance)
}
