use std::{
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use anyhow::bail;
use async_nats::{
    HeaderMap,
    header::NATS_MESSAGE_ID,
    jetstream::{Message, consumer::PullConsumer},
};
use futures::StreamExt as _;
use hoidap_runtime::{process::stop_on_signal, stream_reader::StreamRecord};
use hoidap_shared::{broker::Broker, config::Config, telemetry};
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::{ShadowSpec, shadow_consumer};
use crate::{
    recording::{AssembledJob, JobAssembler, JobMessages, RecordedMessage},
    replay::{
        AnswerSimilarity, JobResult, Labels, ProviderOptions, ReplayOutcome, ReplayStages, ReplayTally,
        StageRange, replay_and_compare,
    },
};

/// Messages per pull request, and how long it stays open.
const BATCH_SIZE: usize = 200;
const REQUEST_TIMEOUT: Duration = Duration::from_secs(1);
/// Pause after a broker error.
const RETRY_DELAY: Duration = Duration::from_millis(500);
/// Interval of progress logs.
const LOG_INTERVAL: Duration = Duration::from_secs(30);

/// State shared by the shadow's tasks.
struct ShadowRunner {
    broker: Broker,
    name: String,
    stages: ReplayStages,
    labels: Labels,
    meaning: AnswerSimilarity,
    tally: Mutex<ReplayTally>,
}

/// Runs a shadow of the named stages until SIGTERM or Ctrl-C. `changes` are the settings of the command line.
///
/// # Errors
/// When a name is unknown, the stages cannot be opened, or NATS cannot be reached or refuses.
pub async fn run(
    config: &Config,
    name: &str,
    stages: &[String],
    provider_options: &ProviderOptions,
    mut changes: Vec<String>,
) -> anyhow::Result<()> {
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') {
        bail!("`{name}` is not a valid shadow name: use letters, digits, - and _ only");
    }
    let stop = CancellationToken::new();
    tokio::spawn(stop_on_signal(stop.clone())?);
    telemetry::init_tls();
    changes.extend(provider_options.described_change());
    let range = StageRange::covering(stages)?;
    let (from, to) = range.names();
    let opened = async {
        let stages = ReplayStages::open(config, range, provider_options.fallback().as_ref()).await?;
        let broker = Broker::connect(&config.nats, "hoidap-shadow").await?;
        broker.apply_stream(&broker.subjects.shadow_stream(&config.nats), &config.nats).await?;
        let versions = stages.versions();
        let spec = ShadowSpec { from: from.into(), to: to.into(), changes, versions };
        let consumer = shadow_consumer(&broker, name, &spec).await?;
        anyhow::Ok((stages, broker, consumer))
    };
    let (stages, broker, consumer) = tokio::select! {
        opened = opened => opened?,
        () = stop.cancelled() => return Ok(()),
    };
    info!(shadow = name, from, to, "follows the traffic");
    let shadow = Arc::new(ShadowRunner {
        broker,
        name: name.into(),
        stages,
        labels: Labels::default(),
        meaning: AnswerSimilarity::new(config),
        tally: Mutex::default(),
    });
    shadow.follow_traffic(&consumer, &stop).await;
    shadow.log_progress("stopped");
    Ok(())
}

/// The next messages, acknowledged, in at most about [`REQUEST_TIMEOUT`]. They are read at once: a client drops what it has not
/// read some seconds after its request has ended. The broker delivers that again.
///
/// # Errors
/// When NATS cannot be reached.
async fn pull_batch(consumer: &PullConsumer) -> anyhow::Result<Vec<Message>> {
    let mut batch = consumer.batch().max_messages(BATCH_SIZE).expires(REQUEST_TIMEOUT).messages().await?;
    let mut messages = Vec::new();
    while let Ok(Some(message)) = timeout(2 * REQUEST_TIMEOUT, batch.next()).await {
        let message = match message {
            Ok(message) => message,
            Err(error) if messages.is_empty() => return Err(anyhow::Error::from_boxed(error)),
            // The next request reports it again.
            Err(_) => break,
        };
        if let Err(error) = message.ack().await {
            debug!(%error, "an acknowledgement was lost: the message comes again, and changes nothing");
        }
        messages.push(message);
    }
    Ok(messages)
}

impl ShadowRunner {
    async fn follow_traffic(self: &Arc<Self>, consumer: &PullConsumer, stop: &CancellationToken) {
        let slots = Arc::new(Semaphore::new(thread::available_parallelism().map_or(1, usize::from)));
        let (mut assembler, mut tasks, mut last_logged) =
            (JobAssembler::default(), JoinSet::new(), Instant::now());
        while !stop.is_cancelled() {
            let pulled = pull_batch(consumer).await;
            let Ok(batch) = pulled.inspect_err(|error| warn!(%error, "messages cannot be pulled")) else {
                sleep(RETRY_DELAY).await;
                continue;
            };
            for message in batch {
                let line = StreamRecord::from_delivery(message)
                    .and_then(|record| Ok(RecordedMessage::from_record(&record)?));
                let Ok(line) = line.inspect_err(|error| warn!(%error, "a message was skipped")) else {
                    continue;
                };
                // Jobs that began before the shadow are incomplete here and skipped.
                let ended = assembler.add(line);
                while assembler.drop_oldest(false).is_some() {}
                if let Some(AssembledJob::Complete(recorded, read)) = ended
                    && let Ok(permit) = Arc::clone(&slots).acquire_owned().await
                {
                    let shadow = Arc::clone(self);
                    tasks.spawn(async move {
                        match JobMessages::decode(&recorded, read) {
                            Ok(messages) => shadow.replay(messages).await,
                            Err(fault) => warn!(%fault, "a job was skipped"),
                        }
                        drop(permit);
                    });
                }
            }
            while tasks.try_join_next().is_some() {}
            if last_logged.elapsed() >= LOG_INTERVAL {
                last_logged = Instant::now();
                self.log_progress("follows");
            }
        }
        while tasks.join_next().await.is_some() {}
    }

    /// Replays a finished job and publishes the result.
    async fn replay(&self, messages: JobMessages) {
        let id = format!("{}.{}", messages.answer.job_id, self.name);
        let outcome = replay_and_compare(&self.stages, &self.labels, &self.meaning, messages).await;
        if let Err(error) = self.publish_result(&outcome, &id).await {
            warn!(%error, job = id, "a result was lost");
            return;
        }
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = tally.add_result(&JobResult::Job(outcome)) {
            warn!(%error, "a result was not counted");
        }
    }

    async fn publish_result(&self, outcome: &ReplayOutcome, id: &str) -> anyhow::Result<()> {
        let mut headers = HeaderMap::new();
        headers.insert(NATS_MESSAGE_ID, id);
        let subject = self.broker.subjects.shadow(&self.name);
        let bytes = serde_json::to_vec(outcome)?;
        self.broker.jetstream.publish_with_headers(subject, headers, bytes.into()).await?.await?;
        Ok(())
    }

    fn log_progress(&self, what: &str) {
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
