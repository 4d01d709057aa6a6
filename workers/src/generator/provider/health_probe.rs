use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hoidap_shared::stage::Component;
use tokio_util::task::AbortOnDropHandle;
use tracing::{info, warn};

use super::{CallError, CircuitBreaker, Llm};

/// What is told before the first probe has ended.
const NOT_PROBED: &str = "not looked at yet";
/// Longest wait for a probe's answer.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);

/// Looks at a provider that nobody asks, so that health tells within seconds that it is gone, and that it is back.
pub(crate) struct HealthProbe {
    last: Arc<Mutex<Option<String>>>,
    _task: AbortOnDropHandle<()>,
}

impl HealthProbe {
    /// Starts looking; ends when dropped.
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
                            warn!(provider = name, trouble, "a provider is not well")
                        }
                        (Some(before), None) if before != NOT_PROBED => {
                            info!(provider = name, "a provider is well again")
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

    /// Healthy while calls are let through and the last probe found nothing wrong.
    pub(crate) fn component(&self, name: &str, breaker: &CircuitBreaker) -> Component {
        let probed = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let trouble = breaker.open_reason().map(|error| error.to_string()).or(probed);
        Component {
            name: format!("provider:{name}"),
            healthy: trouble.is_none(),
            detail: trouble.unwrap_or_else(|| "answers".into()),
        }
    }
}

/// One probe; what is wrong, when something is. A busy server may be slow once.
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
