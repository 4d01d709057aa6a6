use std::time::Duration;

use async_nats::jetstream::stream::Info;
use hoidap_shared::stage::Stage;
use tracing::debug;

use super::{Runner, dead_letter::MAX_LETTER_BYTES};

/// How often a stage checks whether it may consume messages.
const CHECK_INTERVAL: Duration = Duration::from_secs(2);

impl<S: Stage> Runner<S> {
    /// Pauses the stage while a failed job could not become a dead letter, or while this machine's clock is wrong, until
    /// the process stops.
    pub(super) async fn watch_readiness(&self) {
        while !self.context.stop.is_cancelled() {
            self.check_readiness().await;
            tokio::select! {
                () = tokio::time::sleep(CHECK_INTERVAL) => {}
                () = self.context.stop.cancelled() => {}
            }
        }
    }

    /// Checks once, and pauses or resumes the stage.
    pub(super) async fn check_readiness(&self) {
        let context = &self.context;
        if !context.broker.clock.is_synchronised()
            && let Err(error) = context.broker.synchronise_clock().await
        {
            debug!(%error, "the broker's time cannot be read");
            return;
        }
        let skew = context.broker.clock.skew_problem(context.config.worker.max_clock_skew_ms);
        let reason = match (skew, self.full_stream_problem().await) {
            (Some(skew), _) => Some(skew),
            (None, Ok(full)) => full,
            (None, Err(error)) => {
                debug!(%error, "the size of the dead letters' stream cannot be read");
                return;
            }
        };
        context.pauses.set(S::NAME, reason);
    }

    /// A sentence for the operator when the stream has no room for another dead letter.
    async fn full_stream_problem(&self) -> anyhow::Result<Option<String>> {
        let broker = &self.context.broker;
        let name = broker.subjects.stream("DEAD");
        let stream = broker.jetstream.get_stream(&name).await?;
        Ok(is_full(stream.cached_info()).then(|| full_stream_message(&name)))
    }

    /// Pauses the stage after a letter found no room.
    pub(super) fn pause_for_full_stream(&self) {
        let name = self.context.broker.subjects.stream("DEAD");
        self.context.pauses.set(S::NAME, Some(full_stream_message(&name)));
    }
}

fn full_stream_message(name: &str) -> String {
    format!(
        "the stream {name} has no room for another dead letter: send letters again (`hoidap-worker dead redrive`), purge \
         some, or raise nats.dead_max_bytes and run `hoidap-worker setup`"
    )
}

fn is_full(info: &Info) -> bool {
    let (config, state) = (&info.config, &info.state);
    let limit = |limit: i64| u64::try_from(limit).ok().filter(|limit| *limit > 0);
    limit(config.max_bytes).is_some_and(|limit| state.bytes.saturating_add(MAX_LETTER_BYTES) > limit)
        || limit(config.max_messages).is_some_and(|limit| state.messages >= limit)
}
