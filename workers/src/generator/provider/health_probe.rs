use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hoidap_shared::stage::Component;
use tokio_util::task::AbortOnDropHandle;
use tracing::{info, warn};

use super::{Breaker, CallError, Llm};

/// What is told before the first probe has ended.
const UNSEEN: &str = "not looked at yet";
/// Longest wait for a probe's answer.
const WAIT: Duration = Duration::from_secs(3);

/// Looks at a provider that nobody asks, so that health tells within seconds that it is gone, and that it is back.
pub(crate) struct Health {
    last: Arc<Mutex<Option<String>>>,
    _task: AbortOnDropHandle<()>,
}

impl Health {
    /// Starts looking; ends when dropped.
    pub(crate) fn watch(name: &str, llm: Arc<dyn Llm>, breaker: Arc<Breaker>, every: Duration) -> Self {
        let last = Arc::new(Mutex::new(Some(UNSEEN.to_string())));
        let (name, seen) = (name.to_string(), Arc::clone(&last));
        let task = tokio::spawn(async move {
            let mut slow = 0;
            loop {
                if !breaker.succeeded_within(every) {
                    let trouble = look(llm.as_ref(), &breaker, &mut slow).await;
                    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                    match (&*seen, &trouble) {
                        (before, Some(trouble)) if before.as_ref() != Some(trouble) => {
                            warn!(provider = name, trouble, "a provider is not well")
                        }
                        (Some(before), None) if before != UNSEEN => {
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
    pub(crate) fn component(&self, name: &str, breaker: &Breaker) -> Component {
        let probed = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let trouble = breaker.open_because().map(|error| error.to_string()).or(probed);
        Component {
            name: format!("provider:{name}"),
            healthy: trouble.is_none(),
            detail: trouble.unwrap_or_else(|| "answers".into()),
        }
    }
}

/// One probe; what is wrong, when something is. A busy server may be slow once.
async fn look(llm: &dyn Llm, breaker: &Breaker, slow: &mut u32) -> Option<String> {
    match tokio::time::timeout(WAIT, llm.probe()).await {
        Ok(Ok(())) => {
            *slow = 0;
            breaker.reached();
            None
        }
        Err(_) if *slow == 0 => {
            *slow = 1;
            None
        }
        Ok(Err(error)) => lost(breaker, error),
        Err(_) => lost(breaker, CallError::Timeout { what: "answer to a probe", after_ms: WAIT.as_millis() }),
    }
}

fn lost(breaker: &Breaker, error: CallError) -> Option<String> {
    let told = error.to_string();
    breaker.lost(error);
    Some(told)
}
