use std::{
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use anyhow::bail;
use async_nats::{HeaderMap, header::NATS_MESSAGE_ID, jetstream::consumer::pull};
use futures::StreamExt as _;
use hoidap_shared::{broker::Broker, config::Config, telemetry};
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{Nature, consumer};
use crate::{
    process::stop_on_signal,
    recording::Line,
    replay::{Asks, Assembly, Item, Labels, Meaning, Messages, Outcome, Read, Span, Stages, Tally, compared},
    stream_reader::StreamRecord,
};

/// Messages of one request, and how long it stands.
const BATCH: usize = 200;
const EXPIRES: Duration = Duration::from_secs(2);
/// How long to wait after the broker failed.
const PAUSE: Duration = Duration::from_millis(500);
/// How often the shadow says how it is doing.
const TELL: Duration = Duration::from_secs(30);

/// What the shadow's tasks share.
struct Shadow {
    broker: Broker,
    name: String,
    stages: Stages,
    labels: Labels,
    meaning: Meaning,
    tally: Mutex<Tally>,
}

/// Runs a shadow of the named stages until SIGTERM or Ctrl-C. `changes` is what the command line set.
///
/// # Errors
/// When a name is unknown, the stages cannot be opened, or NATS cannot be reached or refuses.
pub async fn run(
    config: &Config,
    name: &str,
    stages: &[String],
    asks: &Asks,
    mut changes: Vec<String>,
) -> anyhow::Result<()> {
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') {
        bail!("`{name}` is no name for a shadow: it may hold letters, digits, - and _ only");
    }
    let stop = CancellationToken::new();
    tokio::spawn(stop_on_signal(stop.clone())?);
    telemetry::init_tls();
    changes.extend(asks.change());
    let span = Span::around(stages)?;
    let (from, to) = span.names();
    let opened = async {
        let stages = Stages::open(config, span, asks.open(config)?).await?;
        let broker = Broker::connect(&config.nats, "hoidap-shadow").await?;
        broker.apply_stream(&broker.subjects.shadow_stream(&config.nats), &config.nats).await?;
        let versions = stages.versions();
        let nature = Nature { from: from.into(), to: to.into(), changes, versions };
        let consumer = consumer(&broker, name, &nature).await?;
        anyhow::Ok((stages, broker, consumer))
    };
    let (stages, broker, mut consumer) = tokio::select! {
        opened = opened => opened?,
        () = stop.cancelled() => return Ok(()),
    };
    info!(shadow = name, from, to, "follows the traffic");
    let shadow = Arc::new(Shadow {
        broker,
        name: name.into(),
        stages,
        labels: Labels::default(),
        meaning: Meaning::new(config),
        tally: Mutex::default(),
    });
    shadow.follow(&mut consumer, &stop).await;
    shadow.tell("stopped");
    Ok(())
}

impl Shadow {
    async fn follow(
        self: &Arc<Self>,
        consumer: &mut async_nats::jetstream::consumer::Consumer<pull::Config>,
        stop: &CancellationToken,
    ) {
        let room = Arc::new(Semaphore::new(thread::available_parallelism().map_or(1, usize::from)));
        let (mut assembly, mut working, mut told) = (Assembly::default(), JoinSet::new(), Instant::now());
        while !stop.is_cancelled() {
            let batch = consumer.batch().max_messages(BATCH).expires(EXPIRES).messages().await;
            let Ok(mut batch) = batch.inspect_err(|error| warn!(%error, "messages cannot be pulled")) else {
                sleep(PAUSE).await;
                continue;
            };
            while let Ok(Some(message)) = timeout(2 * EXPIRES, batch.next()).await {
                let line = message
                    .map_err(|error| anyhow::anyhow!("{error}"))
                    .and_then(StreamRecord::from_delivery)
                    .and_then(|record| Ok(Line::of(&record)?));
                let Ok(line) = line.inspect_err(|error| warn!(%error, "a message was passed over")) else {
                    continue;
                };
                // A job that began before the shadow did is not its own.
                let ended = assembly.take(line);
                while assembly.give_up(false).is_some() {}
                if let Some(Read::Job(recorded, read)) = ended
                    && let Ok(permit) = Arc::clone(&room).acquire_owned().await
                {
                    let shadow = Arc::clone(self);
                    working.spawn(async move {
                        match Messages::read(&recorded, read) {
                            Ok(messages) => shadow.work(messages).await,
                            Err(fault) => warn!(%fault, "a job was passed over"),
                        }
                        drop(permit);
                    });
                }
            }
            while working.try_join_next().is_some() {}
            if told.elapsed() >= TELL {
                told = Instant::now();
                self.tell("follows");
            }
        }
        while working.join_next().await.is_some() {}
    }

    /// Works on a job that has ended, and stores what came of it.
    async fn work(&self, messages: Messages) {
        let id = format!("{}.{}", messages.answer.job_id, self.name);
        let outcome = compared(&self.stages, &self.labels, &self.meaning, messages).await;
        if let Err(error) = self.store(&outcome, &id).await {
            warn!(%error, job = id, "a result was lost");
            return;
        }
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = tally.take(&Item::Job(outcome)) {
            warn!(%error, "a result was not counted");
        }
    }

    async fn store(&self, outcome: &Outcome, id: &str) -> anyhow::Result<()> {
        let mut headers = HeaderMap::new();
        headers.insert(NATS_MESSAGE_ID, id);
        let subject = self.broker.subjects.shadow(&self.name);
        let bytes = serde_json::to_vec(outcome)?;
        self.broker.jetstream.publish_with_headers(subject, headers, bytes.into()).await?.await?;
        Ok(())
    }

    fn tell(&self, what: &str) {
        let tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        info!(
            shadow = self.name,
            jobs = tally.replayed(),
            same = tally.same,
            inside = tally.inside,
            visible = tally.visible,
            needs_model = tally.needs_model,
            failed = tally.failed,
            "{what}"
        );
    }
}
