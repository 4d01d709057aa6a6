//! Three hops over JetStream without any work: what the broker alone takes of a question's time.

use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use async_nats::jetstream::{
    self, Context,
    consumer::{AckPolicy, PullConsumer, pull},
    stream,
};
use clap::Args;
use futures::{StreamExt as _, stream as futures_stream};
use serde::Serialize;

use crate::summary::Latencies;

const STREAM: &str = "BENCH_RELAY";
const SUBJECT: &str = "bench.relay";
const HOPS: usize = 3;
/// Longest wait for one job.
const ARRIVAL_TIMEOUT: Duration = Duration::from_secs(60);

/// Publishes jobs. Three consumers pass each on: publish to the next subject, wait until that is stored, acknowledge.
#[derive(Debug, Args)]
pub struct RelayArgs {
    /// The server; its stream is made and removed.
    #[arg(long)]
    pub url: String,
    /// A file whose content is the payload.
    #[arg(long)]
    pub payload: PathBuf,
    /// Jobs that are under way at the same time.
    #[arg(long, default_value_t = 1)]
    pub in_flight: usize,
    /// Jobs in all.
    #[arg(long, default_value_t = 500)]
    pub jobs: usize,
}

/// What the relay did.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct RelayReport {
    pub jobs: usize,
    pub seconds: f64,
    pub jobs_per_second: f64,
    #[serde(flatten)]
    pub latencies: Latencies,
}

impl RelayArgs {
    /// Passes the jobs on.
    ///
    /// # Errors
    /// When the server refuses something, or a job does not arrive in a minute.
    pub async fn run(&self) -> anyhow::Result<RelayReport> {
        let payload =
            fs::read(&self.payload).with_context(|| format!("{} cannot be read", self.payload.display()))?;
        let client = async_nats::connect(&self.url).await?;
        let context = jetstream::new(client.clone());
        // What an earlier run that was killed has left.
        let _ = context.delete_stream(STREAM).await;
        let settings = stream::Config {
            name: STREAM.into(),
            subjects: vec![format!("{SUBJECT}.*")],
            storage: stream::StorageType::File,
            ..stream::Config::default()
        };
        let stream = context.create_stream(settings).await?;
        let mut hops = tokio::task::JoinSet::new();
        for hop in 0..HOPS {
            let settings = pull::Config {
                durable_name: Some(format!("hop{hop}")),
                filter_subject: format!("{SUBJECT}.{hop}"),
                ack_policy: AckPolicy::Explicit,
                ..pull::Config::default()
            };
            hops.spawn(pass_on(context.clone(), stream.create_consumer(settings).await?, hop + 1));
        }
        let measured = self.measure(&client, &context, &payload).await;
        hops.abort_all();
        context.delete_stream(STREAM).await?;
        measured
    }

    async fn measure(
        &self,
        client: &async_nats::Client,
        context: &Context,
        payload: &[u8],
    ) -> anyhow::Result<RelayReport> {
        let begun = Instant::now();
        let jobs = (0..self.jobs).map(|_| async move {
            let begun = Instant::now();
            let inbox = client.new_inbox();
            let mut back = client.subscribe(inbox.clone()).await?;
            // The payload begins with the address of who waits, as a job's envelope holds it.
            let message = [inbox.as_bytes(), b"\n", payload].concat();
            context.publish(format!("{SUBJECT}.0"), message.into()).await?.await?;
            tokio::time::timeout(ARRIVAL_TIMEOUT, back.next()).await.context("a job did not arrive")?;
            anyhow::Ok(begun.elapsed().as_secs_f64() * 1000.0)
        });
        let times: Vec<_> =
            futures_stream::iter(jobs).buffer_unordered(self.in_flight.max(1)).collect().await;
        let times: Vec<f64> = times.into_iter().collect::<Result<_, _>>()?;
        let seconds = begun.elapsed().as_secs_f64();
        let jobs = times.len();
        Ok(RelayReport {
            jobs,
            seconds,
            jobs_per_second: jobs as f64 / seconds,
            latencies: Latencies::of(times),
        })
    }
}

/// One hop: passes each message on, the last one to who waits for it.
async fn pass_on(context: Context, consumer: PullConsumer, next: usize) -> anyhow::Result<()> {
    let messages = consumer.messages().await?;
    let context = &context;
    let pass = |message: Result<jetstream::Message, _>| async move {
        let message = message?;
        context.publish(format!("{SUBJECT}.{next}"), message.payload.clone()).await?.await?;
        if next == HOPS {
            let inbox = message.payload.split(|byte| *byte == b'\n').next().unwrap_or_default();
            let inbox = String::from_utf8_lossy(inbox).into_owned();
            context.client().publish(inbox, "done".into()).await?;
        }
        message.ack().await.map_err(anyhow::Error::from_boxed)
    };
    let mut passed = messages.map(pass).buffer_unordered(256);
    while let Some(result) = passed.next().await {
        result?;
    }
    Ok(())
}
