use anyhow::Context as _;
use async_nats::jetstream::kv::{Entry, Operation, Store};
use hoidap_shared::{
    fleet::{self, BEAT, Member, STALE},
    stage::StageStatus,
};
use tokio::{sync::watch, time::Instant};
use tracing::{debug, info};

use crate::{process::ANALYTICS, runner::Context};

/// The part of the sink that writes.
pub(super) const WRITER: &str = "writer";
/// The part of the process that writes the tables again.
pub(super) const REBUILDER: &str = "rebuilder";
/// How often a lease is reached for that others reach for, too.
const REACHES: usize = 20;

/// One process has a part, the others stand by. It renews its entry in the fleet's bucket; whoever sees the same revision
/// of it for [`STALE`] takes its place, by its own clock alone. A writer that was only slow may then write beside the new
/// one for a moment: the table's key makes that harmless.
pub(super) struct Lease<'a> {
    context: &'a Context,
    part: &'static str,
    key: String,
    held: watch::Sender<bool>,
}

impl<'a> Lease<'a> {
    /// A lease that nobody holds yet, and whether this process does.
    pub(super) fn new(context: &'a Context, part: &'static str) -> (Self, watch::Receiver<bool>) {
        let (held, seen) = watch::channel(false);
        (Self { context, part, key: key(part), held }, seen)
    }

    /// Takes the lease from whoever has it, who notices when it is next to be renewed.
    pub(super) async fn seize(&self) -> anyhow::Result<()> {
        let bucket = fleet::bucket(&self.context.broker).await?;
        for _ in 0..REACHES {
            let entry = bucket.entry(&self.key).await.context("the lease cannot be read")?;
            let taken = match entry.filter(|entry| entry.operation == Operation::Put) {
                Some(entry) => bucket.update(&self.key, self.word()?, entry.revision).await.is_ok(),
                None => bucket.create(&self.key, self.word()?).await.is_ok(),
            };
            if taken {
                self.tell(true);
                return Ok(());
            }
        }
        anyhow::bail!("the lease {} is fought for by others: try again", self.key)
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
    pub(super) async fn give_back(context: &Context, part: &str) {
        let key = key(part);
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
        let entry = bucket.entry(&self.key).await.context("the lease cannot be read")?;
        let Some(entry) = entry.filter(|entry| entry.operation == Operation::Put) else {
            *other = None;
            return Ok(bucket.create(&self.key, self.word()?).await.is_ok());
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
        Ok(bucket.update(&self.key, self.word()?, entry.revision).await.is_ok())
    }

    /// What the entry says.
    fn word(&self) -> anyhow::Result<bytes::Bytes> {
        let word = Member {
            canaries: Vec::new(),
            stage: self.key.clone(),
            instance: self.context.instance.clone(),
            status: StageStatus::default(),
        };
        Ok(serde_json::to_vec(&word)?.into())
    }

    fn tell(&self, now: bool) {
        let changed = self.held.send_if_modified(|held| std::mem::replace(held, now) != now);
        if changed {
            let whose = if now { "this process" } else { "another process" };
            info!("analytics: {whose} is the {}", self.part);
        }
    }
}

/// The key in the fleet's bucket under which whoever has a part is known.
fn key(part: &str) -> String {
    format!("{ANALYTICS}.{part}")
}

fn is_of(entry: &Entry, instance: &str) -> bool {
    serde_json::from_slice::<Member>(&entry.value).is_ok_and(|holder| holder.instance == instance)
}
