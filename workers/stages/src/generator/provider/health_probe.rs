use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hoidap_shared::stage::ComponentStatus;
use tokio_util::task::AbortOnDropHandle;
use tracing::{info, warn};

use super::{CallError, CircuitBreaker, Llm};

/// The status before the first probe.
const NOT_PROBED: &str = "not probed yet";
/// Longest wait for a probe.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);

/// Probes an idle provider, so that its health is known within seconds.
pub(crate) struct ProviderProbe {
    last: Arc<Mutex<Option<String>>>,
    _task: AbortOnDropHandle<()>,
}

impl ProviderProbe {
    /// Starts the probe task, which ends on drop.
    pub(crate) fn watch(
        name: &str,
        llm: Arc<dyn Llm>,
        breaker: Arc<CircuitBreaker>,
        every: Duration,
    ) -> Self {
        let last = Arc::new(Mutex::new(Some(NOT_PROBED.to_string())));
        let (name, seen) = (name.to_string(), Arc::clone(&last));
        let task = tokio::spawn(async move {
            let mut slow = 0;
            loop {
                if !breaker.succeeded_within(every) {
                    let trouble = probe_once(llm.as_ref(), &breaker, &mut slow).await;
                    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                    match (&*seen, &trouble) {
                        (before, Some(trouble)) if before.as_ref() != Some(trouble) => {
                            warn!(provider = name, trouble, "a provider is unhealthy")
                        }
                        (Some(before), None) if before != NOT_PROBED => {
                            info!(provider = name, "a provider is healthy again")
                        }
                        _ => {}
                    }
                    *seen = trouble;
                }
                tokio::time::sleep(every).await;
            }
        });
        Self { last, _task: AbortOnDropHandle::new(task) }
    }

    /// Healthy while the breaker is closed and the last probe succeeded.
    pub(crate) fn component(&self, name: &str, breaker: &CircuitBreaker) -> ComponentStatus {
        let probed = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let trouble = breaker.open_reason().map(|error| error.to_string()).or(probed);
        ComponentStatus {
            name: format!("provider:{name}"),
            healthy: trouble.is_none(),
            detail: trouble.unwrap_or_else(|| "answers".into()),
        }
    }
}

/// Probes once and returns the problem, if any. A single slow probe is tolerated.
async fn probe_once(llm: &dyn Llm, breaker: &CircuitBreaker, slow: &mut u32) -> Option<String> {
    match tokio::time::timeout(PROBE_TIMEOUT, llm.probe()).await {
        Ok(Ok(())) => {
            *slow = 0;
            breaker.probe_succeeded();
            None
        }
        Err(_) if *slow == 0 => {
            *slow = 1;
            None
        }
        Ok(Err(error)) => record_failure(breaker, error),
        Err(_) => record_failure(
            breaker,
            CallError::Timeout { what: "answer to a probe", after_ms: PROBE_TIMEOUT.as_millis() },
        ),
    }
}

fn record_failure(breaker: &CircuitBreaker, error: CallError) -> Option<String> {
    let told = error.to_string();
    breaker.probe_failed(error);
    Some(told)
}
