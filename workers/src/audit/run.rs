use std::{path::PathBuf, time::Duration};

use hoidap_shared::{
    config::{Config, EmbeddingConfig},
    job::Outcome,
};
use jiff::Timestamp;

use super::{
    caches::Caches,
    policy::Policy,
    seen::{Messages, Seen},
    simulated::Simulated,
    vectors::Vectors,
};
use crate::{
    recording::{Fault, Lines, bar},
    replay::{Jobs, Read, Recorded},
};

/// What is asked, and of what.
pub(super) struct Audit {
    recording: PathBuf,
    caches: Caches,
    /// Made where a policy compares by meaning.
    vectors: Option<Vectors>,
    seen: Heard,
}

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Finished jobs that were looked up.
    pub(super) jobs: u64,
    /// Jobs whose beginning or end is not in the recording.
    pub(super) incomplete: u64,
    /// Jobs that failed or were stopped.
    pub(super) unknown: u64,
    pub(super) first: Option<Timestamp>,
    pub(super) last: Option<Timestamp>,
}

/// What came of it.
pub(super) struct Audited {
    pub(super) caches: Caches,
    pub(super) heard: Heard,
    /// Questions whose embedding was made now, and such as have none; none where nothing was compared by meaning.
    pub(super) embedded: Option<(u64, u64)>,
    /// What ended the recording before its end.
    pub(super) fault: Option<Fault>,
}

impl Audit {
    /// An audit by these policies, of whose false hits so many are shown.
    ///
    /// # Errors
    /// When a policy has no time to keep answers for.
    pub(super) fn new(
        config: &Config,
        recording: PathBuf,
        policies: Vec<Policy>,
        shown: usize,
    ) -> anyhow::Result<Self> {
        let ttl = Duration::from_secs(config.cache.ttl_secs);
        let settings: Option<&EmbeddingConfig> =
            policies.iter().any(Policy::is_semantic).then_some(&config.embedding);
        let caches = policies
            .into_iter()
            .map(|policy| {
                anyhow::ensure!(
                    policy.ttl.is_some() || !ttl.is_zero(),
                    "`{policy}` keeps nothing, because cache.ttl_secs is 0: give it a time, as in `{policy},ttl=3600`"
                );
                Ok(Simulated::new(policy, ttl, config.support.address.clone()))
            })
            .collect::<anyhow::Result<_>>()?;
        Ok(Self {
            recording,
            caches: Caches::new(caches, shown),
            vectors: settings.cloned().map(Vectors::new),
            seen: Heard::default(),
        })
    }

    /// Goes through the recording, on the thread that calls.
    ///
    /// # Errors
    /// When the recording cannot be opened, or the model is not the one that it was made with.
    pub(super) fn run(mut self) -> anyhow::Result<Audited> {
        let bar = bar(&self.recording, "audit");
        let mut fault = None;
        for read in Jobs::new(Lines::open(&self.recording)?) {
            let taken = match read {
                Err(error) => Err(error),
                Ok(Read::Incomplete) => Ok(None),
                Ok(Read::Job(recorded, read)) => Messages::read(&recorded, read)
                    .map(|messages| messages.map(|messages| (recorded, messages))),
            };
            match taken {
                Err(error) => {
                    fault = Some(error);
                    break;
                }
                Ok(None) => self.seen.incomplete += 1,
                Ok(Some((recorded, messages))) => self.take(&recorded, messages)?,
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        let embedded = self.vectors.map(|vectors| (vectors.made, vectors.missing));
        Ok(Audited { caches: self.caches, heard: self.seen, embedded, fault })
    }

    fn take(&mut self, recorded: &Recorded, messages: Messages) -> anyhow::Result<()> {
        let vector = match &mut self.vectors {
            Some(vectors) => vectors.of(&messages)?,
            None => None,
        };
        let seen = Seen::new(recorded, messages, vector);
        let heard = &mut self.seen;
        heard.jobs += 1;
        heard.unknown += u64::from(matches!(seen.answer.outcome, Outcome::Failed | Outcome::Stopped));
        heard.first = Some(heard.first.map_or(seen.asked, |first| first.min(seen.asked)));
        heard.last = Some(seen.ended);
        self.caches.take(&seen);
        Ok(())
    }
}
