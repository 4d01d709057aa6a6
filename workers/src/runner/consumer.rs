use anyhow::Context as _;
use async_nats::jetstream::{
    consumer::{Consumer, DeliverPolicy, pull::Config as Pull},
    context::ConsumerInfoErrorKind,
    stream::Stream,
};
use hoidap_shared::stage::Stage;
use tracing::{info, warn};

use super::{Runner, unfinished::Unfinished};

/// The consumer of the stage as it is configured. One that is not there begins with the first job that is not finished:
/// when an operator or a broker has lost it, what was done is not done again.
pub(super) async fn ensure_consumer<S: Stage>(runner: &Runner<S>) -> anyhow::Result<Consumer<Pull>> {
    let broker = &runner.context.broker;
    let mut wanted = broker.subjects.stage_consumer(S::NAME, &runner.context.config.worker);
    let jobs: Stream<()> = broker.jetstream.get_stream_no_info(broker.subjects.stream("JOBS")).await?;
    match jobs.consumer_info(broker.subjects.consumer(S::NAME)).await {
        // Where it began cannot be changed.
        Ok(known) => {
            wanted.deliver_policy = known.config.deliver_policy;
            Ok(jobs.create_consumer(wanted).await?)
        }
        Err(error) if error.kind() == ConsumerInfoErrorKind::NotFound => {
            let unfinished = Unfinished::read(broker, S::NAME, runner.next, 1).await;
            let unfinished = unfinished.context("the log does not tell where to begin")?;
            let start_sequence = unfinished.first(&broker.clock);
            wanted.deliver_policy = DeliverPolicy::ByStartSequence { start_sequence };
            // Another process may have made it meanwhile: then it is found at the next try.
            let made = jobs.create_consumer_strict(wanted).await?;
            if start_sequence > 1 {
                warn!(stage = S::NAME, start_sequence, "the consumer was not there: made again");
            } else {
                info!(stage = S::NAME, "the consumer is made");
            }
            Ok(made)
        }
        Err(error) => Err(error.into()),
    }
}
