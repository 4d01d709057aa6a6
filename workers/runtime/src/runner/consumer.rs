use anyhow::Context as _;
use async_nats::jetstream::{
    consumer::{Consumer, DeliverPolicy, pull::Config as Pull},
    context::ConsumerInfoErrorKind,
    stream::Stream,
};
use hoidap_shared::stage::Stage;
use tracing::{info, warn};

use super::{Runner, open_jobs::OpenJobs};

/// Creates or updates the stage's consumer. A new one begins with the first open job: when an operator or a broker has lost
/// the consumer, finished work is not done again.
pub(super) async fn ensure_consumer<S: Stage>(runner: &Runner<S>) -> anyhow::Result<Consumer<Pull>> {
    let broker = &runner.context.broker;
    let mut wanted = broker.subjects.stage_consumer(S::NAME, &runner.context.config.worker);
    let jobs: Stream<()> = broker.jetstream.get_stream_no_info(broker.subjects.stream("JOBS")).await?;
    match jobs.consumer_info(broker.subjects.consumer(S::NAME)).await {
        // The start of an existing consumer cannot be changed.
        Ok(existing) => {
            wanted.deliver_policy = existing.config.deliver_policy;
            Ok(jobs.create_consumer(wanted).await?)
        }
        Err(error) if error.kind() == ConsumerInfoErrorKind::NotFound => {
            let open_jobs = OpenJobs::scan(broker, S::NAME, runner.next, 1).await;
            let open_jobs =
                open_jobs.context("the first unfinished job of the jobs stream cannot be found")?;
            let start_sequence = open_jobs.start_sequence(&broker.clock);
            wanted.deliver_policy = DeliverPolicy::ByStartSequence { start_sequence };
            // Another process may have created it meanwhile: then the next attempt finds it.
            let created = jobs.create_consumer_strict(wanted).await?;
            if start_sequence > 1 {
                warn!(stage = S::NAME, start_sequence, "the consumer was missing: created again");
            } else {
                info!(stage = S::NAME, "the consumer is created");
            }
            Ok(created)
        }
        Err(error) => Err(error.into()),
    }
}
