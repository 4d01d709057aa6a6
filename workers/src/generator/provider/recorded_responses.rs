//! The words of models as the log holds them, in place of calls.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hoidap_shared::{
    config::Config,
    job::{JobId, ProviderAttempt},
    stage::StageError,
};

use crate::generator::{
    answer::streamer::Aloud,
    prompt::Prompt,
    provider::failover::{Calls, Failover, Written},
};

/// The code of a job that cannot be replayed without a model: what it was asked is not what the log has the answer to.
pub const NEEDS_MODEL: &str = "needs_model";

/// The provider calls of the jobs that are being replayed.
#[derive(Debug, Default)]
pub struct Recorded {
    jobs: Mutex<HashMap<JobId, Before>>,
}

/// The provider calls of a job.
#[derive(Debug)]
pub struct Before {
    /// The version of the generator that made them.
    pub version: String,
    /// The calls, in order.
    pub attempts: Vec<ProviderAttempt>,
}

impl Recorded {
    /// Hands in a job's calls, before the generator works on it.
    pub fn put(&self, job: JobId, before: Before) {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).insert(job, before);
    }

    /// Takes back what the generator did not ask for.
    pub fn take(&self, job: &JobId) -> Option<Before> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).remove(job)
    }
}

/// A provider that is asked where the log has no words that fit.
pub struct Asking {
    provider: String,
    model: String,
    failover: Failover,
    budget: Mutex<Budget>,
}

/// What may still be spent.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Calls.
    pub calls: u64,
    /// US dollars; no bound where there is none.
    pub usd: Option<f64>,
}

impl Asking {
    /// Asks the provider that the configuration calls `name`.
    ///
    /// # Errors
    /// When it has none of this name, or its client cannot be made.
    pub fn open(config: &Config, name: &str, budget: Budget) -> anyhow::Result<Self> {
        let Some(provider) = config.providers.get(name) else {
            let known: Vec<_> = config.providers.keys().map(String::as_str).collect();
            anyhow::bail!("there is no provider `{name}`: the configuration has {}", known.join(", "));
        };
        let mut alone = config.clone();
        alone.generator.providers = vec![name.into()];
        let failover = Failover::open(&alone)?;
        let model = provider.model.clone();
        Ok(Self { provider: name.into(), model, failover, budget: Mutex::new(budget) })
    }

    /// Whether another call may be made; counts it.
    fn grants(&self) -> bool {
        let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        let granted = budget.calls > 0 && budget.usd.is_none_or(|usd| usd > 0.0);
        budget.calls -= u64::from(granted);
        granted
    }

    fn spent(&self, calls: &Calls) {
        let cost: f64 = calls.written.iter().filter_map(|written| written.usage.cost_usd).sum();
        let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        budget.usd = budget.usd.map(|usd| usd - cost);
    }
}

/// Where a replay has the words of models from.
pub(in crate::generator) struct Replayed {
    pub(in crate::generator) recorded: Arc<Recorded>,
    /// The models that the configuration asks, in order.
    pub(in crate::generator) asked: Vec<AskedModel>,
    /// The generator's version.
    pub(in crate::generator) version: String,
    pub(in crate::generator) asking: Option<Asking>,
}

/// A provider and its model.
#[derive(Clone, Debug)]
pub(in crate::generator) struct AskedModel {
    pub(in crate::generator) provider: String,
    pub(in crate::generator) model: String,
}

impl Replayed {
    /// What comes of asking: by the log, else by the provider that may be asked.
    ///
    /// # Errors
    /// [`NEEDS_MODEL`] where neither has words to this prompt.
    pub(in crate::generator) async fn calls(
        &self,
        job: &JobId,
        remaining: Duration,
        prompt: impl Fn() -> Prompt,
        aloud: &mut Aloud<'_>,
    ) -> Result<Calls, StageError> {
        let before = self.recorded.take(job);
        let Some(asking) = &self.asking else {
            return match before {
                None if self.asked.is_empty() => Ok(Calls::default()),
                None => Err(needs_model("the log has no call of this job that fits".into())),
                Some(before) => self.again(self.of_now(before)?, prompt),
            };
        };
        let fits = |attempt: &ProviderAttempt| {
            attempt.wrote.as_ref().is_some_and(|wrote| {
                attempt.provider == asking.provider
                    && wrote.model == asking.model
                    && prompt().digest() == wrote.prompt
            })
        };
        if let Some(attempt) = before.into_iter().flat_map(|before| before.attempts).find(fits) {
            return self.again(vec![attempt], prompt);
        }
        if !asking.grants() {
            return Err(needs_model(format!("the budget for {} is used up", asking.provider)));
        }
        let calls = asking.failover.write(remaining, prompt, aloud).await;
        asking.spent(&calls);
        Ok(calls)
    }

    /// The recorded calls that the configuration of now would make, too.
    ///
    /// # Errors
    /// [`NEEDS_MODEL`] where it would make another one that may give words.
    fn of_now(&self, before: Before) -> Result<Vec<ProviderAttempt>, StageError> {
        // With nothing changed, that a provider was not asked is for its breaker, or for want of time.
        if before.version == self.version {
            return Ok(before.attempts);
        }
        let is_asked =
            |attempt: &ProviderAttempt| self.asked.iter().any(|asked| asked.provider == attempt.provider);
        let kept: Vec<_> = before.attempts.into_iter().filter(is_asked).collect();
        let made = |asked: &&AskedModel| kept.iter().any(|attempt| attempt.provider == asked.provider);
        let words = kept.iter().any(|attempt| attempt.wrote.is_some());
        match self.asked.iter().find(|asked| !made(asked)) {
            Some(AskedModel { provider, .. }) if !words => {
                Err(needs_model(format!("{provider} would be asked; the log has no words of it")))
            }
            _ => Ok(kept),
        }
    }

    /// Recorded calls once more.
    fn again(
        &self,
        attempts: Vec<ProviderAttempt>,
        prompt: impl Fn() -> Prompt,
    ) -> Result<Calls, StageError> {
        let mut calls = Calls::default();
        for attempt in attempts {
            let provider = &attempt.provider;
            if let Some(wrote) = &attempt.wrote {
                let asked = self.asked.iter().find(|asked| asked.provider == *provider);
                if let Some(AskedModel { model, .. }) = asked.filter(|asked| asked.model != wrote.model) {
                    let before = &wrote.model;
                    return Err(needs_model(format!(
                        "{provider} runs {model} now; the log has words of {before}"
                    )));
                }
                let now = prompt().digest();
                if now != wrote.prompt {
                    let before = &wrote.prompt;
                    return Err(needs_model(format!(
                        "{provider} would be asked with the prompt {now}; the log has its words to {before}"
                    )));
                }
                calls.written = Some(Written::of(provider.clone(), wrote));
            } else if attempt.error.is_none() {
                return Err(needs_model(format!(
                    "an older release recorded this job without the words of {provider}"
                )));
            }
            // Whether the words were taken is found out again.
            let error = if attempt.wrote.is_some() { None } else { attempt.error.clone() };
            calls.attempts.push(ProviderAttempt { error, ..attempt });
        }
        Ok(calls)
    }
}

fn needs_model(reason: String) -> StageError {
    StageError::Permanent { code: NEEDS_MODEL, reason }
}
