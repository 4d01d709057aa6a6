//! The words of models as the log holds them, in place of calls.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use hoidap_shared::{
    config::PromptStyle,
    job::{JobId, ProviderAttempt},
    stage::StageError,
};

use super::{
    failover::{Calls, Written},
    prompt::Prompt,
};

/// The code of a job that cannot be replayed without a model: what it was asked is not what the log has the answer to.
pub const NEEDS_MODEL: &str = "needs_model";

/// The provider calls of the jobs that are being replayed.
#[derive(Debug, Default)]
pub struct Recorded {
    jobs: Mutex<HashMap<JobId, Vec<ProviderAttempt>>>,
}

impl Recorded {
    /// Hands in a job's calls, before the generator works on it.
    pub fn put(&self, job: JobId, attempts: Vec<ProviderAttempt>) {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).insert(job, attempts);
    }

    fn take(&self, job: &JobId) -> Option<Vec<ProviderAttempt>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).remove(job)
    }

    /// What came of asking, by the log.
    ///
    /// # Errors
    /// [`NEEDS_MODEL`] where the log has no calls of this job, or words to another prompt.
    pub(super) fn calls(
        &self,
        job: &JobId,
        prompt: impl Fn(PromptStyle) -> Prompt,
    ) -> Result<Calls, StageError> {
        let needs_model = |reason: String| StageError::Permanent { code: NEEDS_MODEL, reason };
        let attempts =
            self.take(job).ok_or_else(|| needs_model("the log has no answer of this job".into()))?;
        let mut calls = Calls::default();
        for attempt in attempts {
            if let Some(wrote) = &attempt.wrote {
                let now = prompt(wrote.style).digest();
                if now != wrote.prompt {
                    let provider = &attempt.provider;
                    return Err(needs_model(format!(
                        "{provider} would be asked with the prompt {now}; the log has its words to {}",
                        wrote.prompt
                    )));
                }
                calls.written = Some(Written::of(attempt.provider.clone(), wrote));
            } else if attempt.error.is_none() {
                return Err(needs_model(format!(
                    "an older release recorded this job without the words of {}",
                    attempt.provider
                )));
            }
            // Whether the words were taken is found out again.
            let error = if attempt.wrote.is_some() { None } else { attempt.error.clone() };
            calls.attempts.push(ProviderAttempt { error, ..attempt });
        }
        Ok(calls)
    }
}
