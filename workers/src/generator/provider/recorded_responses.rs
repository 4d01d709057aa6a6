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
    answer::streamer::AnswerStreamer,
    prompt::Prompt,
    provider::failover::{Failover, ModelResponse, ProviderCalls},
};

/// The code of a job that cannot be replayed without a model: what it was asked is not what the log has the answer to.
pub const NEEDS_MODEL: &str = "needs_model";

/// The provider calls of the jobs that are being replayed.
#[derive(Debug, Default)]
pub struct RecordedResponses {
    jobs: Mutex<HashMap<JobId, RecordedCalls>>,
}

/// The provider calls of a job.
#[derive(Debug)]
pub struct RecordedCalls {
    /// The version of the generator that made them.
    pub version: String,
    /// The calls, in order.
    pub attempts: Vec<ProviderAttempt>,
}

impl RecordedResponses {
    /// Hands in a job's calls, before the generator works on it.
    pub fn insert(&self, job: JobId, before: RecordedCalls) {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).insert(job, before);
    }

    /// Takes back what the generator did not ask for.
    pub fn take(&self, job: &JobId) -> Option<RecordedCalls> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).remove(job)
    }
}

/// A provider that is asked where the log has no words that fit.
pub struct FallbackProvider {
    provider: String,
    model: String,
    failover: Failover,
    budget: Mutex<CallBudget>,
}

/// What may still be spent.
#[derive(Clone, Copy, Debug)]
pub struct CallBudget {
    /// Calls.
    pub calls: u64,
    /// US dollars; no bound where there is none.
    pub usd: Option<f64>,
}

impl FallbackProvider {
    /// Asks the provider that the configuration calls `name`.
    ///
    /// # Errors
    /// When it has none of this name, or its client cannot be made.
    pub fn open(config: &Config, name: &str, budget: CallBudget) -> anyhow::Result<Self> {
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
    fn try_spend_call(&self) -> bool {
        let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        let granted = budget.calls > 0 && budget.usd.is_none_or(|usd| usd > 0.0);
        budget.calls -= u64::from(granted);
        granted
    }

    fn record_cost(&self, calls: &ProviderCalls) {
        let cost: f64 = calls.response.iter().filter_map(|written| written.usage.cost_usd).sum();
        let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        budget.usd = budget.usd.map(|usd| usd - cost);
    }
}

/// Where a replay has the words of models from.
pub(in crate::generator) struct RecordedSource {
    pub(in crate::generator) responses: Arc<RecordedResponses>,
    /// The models that the configuration asks, in order.
    pub(in crate::generator) models: Vec<ProviderModel>,
    /// The generator's version.
    pub(in crate::generator) version: String,
    pub(in crate::generator) fallback: Option<FallbackProvider>,
}

/// A provider and its model.
#[derive(Clone, Debug)]
pub(in crate::generator) struct ProviderModel {
    pub(in crate::generator) provider: String,
    pub(in crate::generator) model: String,
}

impl RecordedSource {
    /// What comes of asking: by the log, else by the provider that may be asked.
    ///
    /// # Errors
    /// [`NEEDS_MODEL`] where neither has words to this prompt.
    pub(in crate::generator) async fn respond(
        &self,
        job: &JobId,
        remaining: Duration,
        prompt: impl Fn() -> Prompt,
        streamer: &mut AnswerStreamer<'_>,
    ) -> Result<ProviderCalls, StageError> {
        let before = self.responses.take(job);
        let Some(fallback) = &self.fallback else {
            return match before {
                None if self.models.is_empty() => Ok(ProviderCalls::default()),
                None => Err(needs_model("the log has no call of this job that fits".into())),
                Some(before) => self.replay(self.calls_still_configured(before)?, prompt),
            };
        };
        let fits = |attempt: &ProviderAttempt| {
            attempt.wrote.as_ref().is_some_and(|wrote| {
                attempt.provider == fallback.provider
                    && wrote.model == fallback.model
                    && prompt().digest() == wrote.prompt
            })
        };
        if let Some(attempt) = before.into_iter().flat_map(|before| before.attempts).find(fits) {
            return self.replay(vec![attempt], prompt);
        }
        if !fallback.try_spend_call() {
            return Err(needs_model(format!("the budget for {} is used up", fallback.provider)));
        }
        let calls = fallback.failover.ask(remaining, prompt, streamer).await;
        fallback.record_cost(&calls);
        Ok(calls)
    }

    /// The recorded calls that the configuration of now would make, too.
    ///
    /// # Errors
    /// [`NEEDS_MODEL`] where it would make another one that may give words.
    fn calls_still_configured(&self, before: RecordedCalls) -> Result<Vec<ProviderAttempt>, StageError> {
        // With nothing changed, that a provider was not asked is for its breaker, or for want of time.
        if before.version == self.version {
            return Ok(before.attempts);
        }
        let is_asked =
            |attempt: &ProviderAttempt| self.models.iter().any(|asked| asked.provider == attempt.provider);
        let kept: Vec<_> = before.attempts.into_iter().filter(is_asked).collect();
        let made = |asked: &&ProviderModel| kept.iter().any(|attempt| attempt.provider == asked.provider);
        let words = kept.iter().any(|attempt| attempt.wrote.is_some());
        match self.models.iter().find(|asked| !made(asked)) {
            Some(ProviderModel { provider, .. }) if !words => {
                Err(needs_model(format!("{provider} would be asked; the log has no words of it")))
            }
            _ => Ok(kept),
        }
    }

    /// Recorded calls once more.
    fn replay(
        &self,
        attempts: Vec<ProviderAttempt>,
        prompt: impl Fn() -> Prompt,
    ) -> Result<ProviderCalls, StageError> {
        let mut calls = ProviderCalls::default();
        for attempt in attempts {
            let provider = &attempt.provider;
            if let Some(wrote) = &attempt.wrote {
                let asked = self.models.iter().find(|asked| asked.provider == *provider);
                if let Some(ProviderModel { model, .. }) = asked.filter(|asked| asked.model != wrote.model) {
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
                calls.response = Some(ModelResponse::from_recorded(provider.clone(), wrote));
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
