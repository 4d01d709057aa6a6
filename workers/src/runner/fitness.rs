use std::time::Duration;

use async_nats::jetstream::stream::Info;
use hoidap_shared::stage::Stage;
use tracing::debug;

use super::{Runner, dead::MAX_LETTER};

/// How often a stage looks whether it may take jobs.
const LOOK: Duration = Duration::from_secs(2);

impl<S: Stage> Runner<S> {
    /// Stops the taking of jobs while a job that fails could not become a dead letter, or while this machine's clock is
    /// wrong, and lets it go on afterwards; until the process stops.
    pub(super) async fn keep_looking(&self) {
        while !self.context.stop.is_cancelled() {
            self.look().await;
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = self.context.stop.cancelled() => {}
            }
        }
    }

    /// Looks once.
    pub(super) async fn look(&self) {
        let context = &self.context;
        if !context.broker.clock.is_compared()
            && let Err(error) = context.broker.compare_clock().await
        {
            debug!(%error, "the broker's time is not to be known");
            return;
        }
        let wrong = context.broker.clock.trouble(context.config.worker.max_clock_skew_ms);
        let reason = match (wrong, self.full().await) {
            (Some(wrong), _) => Some(wrong),
            (None, Ok(full)) => full,
            (None, Err(error)) => {
                debug!(%error, "whether there is room for dead letters is not to be known");
                return;
            }
        };
        context.pauses.set(S::NAME, reason);
    }

    /// That the dead letters have no room for another, in a sentence.
    async fn full(&self) -> anyhow::Result<Option<String>> {
        let broker = &self.context.broker;
        let name = broker.subjects.stream("DEAD");
        let stream = broker.jetstream.get_stream(&name).await?;
        Ok(no_room(stream.cached_info()).then(|| full(&name)))
    }

    /// Takes no more jobs after a letter found no room.
    pub(super) fn pause(&self) {
        let name = self.context.broker.subjects.stream("DEAD");
        self.context.pauses.set(S::NAME, Some(full(&name)));
    }
}

fn full(name: &str) -> String {
    format!(
        "the stream {name} has no room for another dead letter: send letters again (`hoidap-worker dead redrive`), purge \
         some, or raise nats.dead_max_bytes and run `hoidap-worker setup`"
    )
}

fn no_room(info: &Info) -> bool {
    let (config, state) = (&info.config, &info.state);
    let most = |limit: i64| u64::try_from(limit).ok().filter(|limit| *limit > 0);
    most(config.max_bytes).is_some_and(|most| state.bytes.saturating_add(MAX_LETTER) > most)
        || most(config.max_messages).is_some_and(|most| state.messages >= most)
}
