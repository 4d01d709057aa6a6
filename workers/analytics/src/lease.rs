use anyhow::Context as _;
use async_nats::jetstream::kv::{Entry, Operation, Store};
use hoidap_runtime::runner::WorkerContext;
use hoidap_shared::{
    fleet::{self, ANALYTICS, HEARTBEAT_INTERVAL, HEARTBEAT_TIMEOUT, Member},
    stage::StageStatus,
};
use tokio::{sync::watch, time::Instant};
use tracing::{debug, info};

/// The role of the sink that writes to ClickHouse.
pub(super) const WRITER: &str = "writer";
/// The role of the process that rebuilds the tables.
pub(super) const REBUILDER: &str = "rebuilder";
/// How often a contested lease is tried to be seized.
const MAX_SEIZE_ATTEMPTS: usize = 20;

/// A lease on a role: one process holds it, the others stand by. The holder renews its entry in the fleet's bucket. Who sees
/// the same revision for [`HEARTBEAT_TIMEOUT`], by its own clock, takes over. A holder that was only slow may then write beside
/// the new one for a moment: the table's key makes that harmless.
pub(super) struct Lease<'a> {
    context: &'a WorkerContext,
    role: &'static str,
    key: String,
    held: watch::Sender<bool>,
}

impl<'a> Lease<'a> {
    /// A lease that nobody holds yet, and whether this process does.
    pub(super) fn new(context: &'a WorkerContext, role: &'static str) -> (Self, watch::Receiver<bool>) {
        let (held, seen) = watch::channel(false);
        (Self { context, role, key: key(role), held }, seen)
    }

    /// Takes the lease from its holder, who notices at the next renewal.
    pub(super) async fn seize(&self) -> anyhow::Result<()> {
        let bucket = fleet::open_bucket(&self.context.broker).await?;
        for _ in 0..MAX_SEIZE_ATTEMPTS {
            let entry = bucket.entry(&self.key).await.context("the lease cannot be read")?;
            let is_taken = match entry.filter(|entry| entry.operation == Operation::Put) {
                Some(entry) => bucket.update(&self.key, self.entry_value()?, entry.revision).await.is_ok(),
                None => bucket.create(&self.key, self.entry_value()?).await.is_ok(),
            };
            if is_taken {
                self.set_held(true);
                return Ok(());
            }
        }
        anyhow::bail!("the lease {} is contested by other processes: try again", self.key)
    }

    /// Acquires the lease whenever it is free and renews it, until the process stops.
    pub(super) async fn keep(self) {
        let mut bucket: Option<Store> = None;
        let mut renewed = Instant::now();
        let mut other: Option<(u64, Instant)> = None;
        while !self.context.stop.is_cancelled() {
            match self.renew(&mut bucket, &mut other).await {
                Ok(true) => {
                    renewed = Instant::now();
                    self.set_held(true);
                }
                Ok(false) => self.set_held(false),
                Err(error) => {
                    debug!(%error, "the lease of the analytics sink cannot be renewed");
                    bucket = None;
                    if renewed.elapsed() >= HEARTBEAT_TIMEOUT {
                        self.set_held(false);
                    }
                }
            }
            tokio::select! {
                () = tokio::time::sleep(HEARTBEAT_INTERVAL) => {}
                () = self.context.stop.cancelled() => {}
            }
        }
    }

    /// Releases the lease, so that another process need not wait for it. To be called after the last batch is written.
    pub(super) async fn release(context: &WorkerContext, role: &str) {
        let key = key(role);
        let delete = async {
            let bucket = fleet::open_bucket(&context.broker).await?;
            if let Some(entry) = bucket.entry(&key).await?.filter(|entry| is_of(entry, &context.instance)) {
                bucket.delete_expect_revision(&key, Some(entry.revision)).await?;
            }
            anyhow::Ok(())
        };
        // The entry expires by itself when the broker cannot be reached.
        let _ = tokio::time::timeout(HEARTBEAT_INTERVAL, delete).await;
    }

    /// Whether this process holds the lease now.
    async fn renew(
        &self,
        bucket: &mut Option<Store>,
        other: &mut Option<(u64, Instant)>,
    ) -> anyhow::Result<bool> {
        let bucket = match bucket {
            Some(open) => open,
            None => bucket.insert(fleet::open_bucket(&self.context.broker).await?),
        };
        let entry = bucket.entry(&self.key).await.context("the lease cannot be read")?;
        let Some(entry) = entry.filter(|entry| entry.operation == Operation::Put) else {
            *other = None;
            return Ok(bucket.create(&self.key, self.entry_value()?).await.is_ok());
        };
        if !is_of(&entry, &self.context.instance) {
            let since = match other {
                Some((revision, since)) if *revision == entry.revision => *since,
                _ => other.insert((entry.revision, Instant::now())).1,
            };
            if since.elapsed() < HEARTBEAT_TIMEOUT {
                return Ok(false);
            }
        }
        Ok(bucket.update(&self.key, self.entry_value()?, entry.revision).await.is_ok())
    }

    /// The content of the entry.
    fn entry_value(&self) -> anyhow::Result<bytes::Bytes> {
        let member = Member {
            canaries: Vec::new(),
            stage: self.key.clone(),
            instance: self.context.instance.clone(),
            status: StageStatus::default(),
        };
        Ok(serde_json::to_vec(&member)?.into())
    }

    fn set_held(&self, now: bool) {
        let changed = self.held.send_if_modified(|held| std::mem::replace(held, now) != now);
        if changed {
            let whose = if now { "this process" } else { "another process" };
            info!("analytics: {whose} is the {}", self.role);
        }
    }
}

/// The key of a role's holder in the fleet's bucket.
fn key(role: &str) -> String {
    format!("{ANALYTICS}.{role}")
}

fn is_of(entry: &Entry, instance: &str) -> bool {
    serde_json::from_slice::<Member>(&entry.value).is_ok_and(|holder| holder.instance == instance)
}
