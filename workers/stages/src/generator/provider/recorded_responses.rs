//! Replays recorded model responses instead of calling providers.

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
    provider::failover::{Failover, ModelResponse, ProviderCalls, ProviderModel},
};
use crate::replayable::FallbackCalls;

/// The error code of a job whose prompt or model has no recorded response.
pub const NEEDS_MODEL: &str = "needs_model";

/// The recorded calls of the jobs that are being replayed.
#[derive(Debug, Default)]
pub struct RecordedResponses {
    jobs: Mutex<HashMap<JobId, RecordedCalls>>,
}

/// The recorded calls of one job.
#[derive(Debug)]
pub struct RecordedCalls {
    /// The version of the generator that made them.
    pub version: String,
    /// The calls, in order.
    pub attempts: Vec<ProviderAttempt>,
}

impl RecordedResponses {
    /// Stores a job's calls before the generator processes it.
    pub fn insert(&self, job: JobId, before: RecordedCalls) {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).insert(job, before);
    }

    /// Removes a job's calls.
    pub fn take(&self, job: &JobId) -> Option<RecordedCalls> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).remove(job)
    }
}

/// A provider that is called where no recorded response fits.
pub struct FallbackProvider {
    provider: String,
    model: String,
    failover: Failover,
    budget: Mutex<CallBudget>,
}

/// The remaining budget for fallback calls.
#[derive(Clone, Copy, Debug)]
struct CallBudget {
    calls: u64,
    /// US dollars; `None` for no limit.
    usd: Option<f64>,
}

impl FallbackProvider {
    /// Opens the provider that may be called.
    ///
    /// # Errors
    /// When there is no such provider, or its client cannot be built.
    pub fn open(config: &Config, calls: &FallbackCalls) -> anyhow::Result<Self> {
        let FallbackCalls { provider: name, calls, usd } = calls;
        let Some(provider) = config.providers.get(name) else {
            let known: Vec<_> = config.providers.keys().map(String::as_str).collect();
            anyhow::bail!("there is no provider `{name}`: choose from {}", known.join(", "));
        };
        let mut alone = config.clone();
        alone.generator.providers = vec![name.clone()];
        let failover = Failover::open(&alone)?;
        let model = provider.model.clone();
        let budget = Mutex::new(CallBudget { calls: *calls, usd: *usd });
        Ok(Self { provider: name.clone(), model, failover, budget })
    }

    /// Whether another call is allowed; counts it.
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

/// Recorded responses, with an optional fallback provider.
pub(in crate::generator) struct RecordedSource {
    pub(in crate::generator) responses: Arc<RecordedResponses>,
    /// The configured models, in order.
    pub(in crate::generator) models: Vec<ProviderModel>,
    /// The generator's version.
    pub(in crate::generator) version: String,
    pub(in crate::generator) fallback: Option<FallbackProvider>,
}

impl RecordedSource {
    /// The calls for a prompt: recorded ones, else those of the fallback provider.
    ///
    /// # Errors
    /// [`NEEDS_MODEL`] where no response to this prompt is available.
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
                None => Err(needs_model("the log has no matching call of this job".into())),
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

    /// The recorded calls that today's configuration would make too.
    ///
    /// # Errors
    /// [`NEEDS_MODEL`] where it would make a call without a recording.
    fn calls_still_configured(&self, before: RecordedCalls) -> Result<Vec<ProviderAttempt>, StageError> {
        // With an unchanged version, a provider was skipped because of its breaker or for lack of time.
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
                Err(needs_model(format!("{provider} would be called; the log has no response from it")))
            }
            _ => Ok(kept),
        }
    }

    /// Repeats recorded calls.
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
                        "{provider} now runs {model}; the log has a response from {before}"
                    )));
                }
                let now = prompt().digest();
                if now != wrote.prompt {
                    let before = &wrote.prompt;
                    return Err(needs_model(format!(
                        "{provider} would get the prompt {now}; the log has its response to {before}"
                    )));
                }
                calls.response = Some(ModelResponse::from_recorded(provider.clone(), wrote));
            } else if attempt.error.is_none() {
                return Err(needs_model(format!(
                    "an older release recorded this job without the response from {provider}"
                )));
            }
            // The verifier decides again whether the response is accepted.
            let error = if attempt.wrote.is_some() { None } else { attempt.error.clone() };
            calls.attempts.push(ProviderAttempt { error, ..attempt });
        }
        Ok(calls)
    }
}

fn needs_model(reason: String) -> StageError {
    StageError::Permanent { code: NEEDS_MODEL, reason }
}
