use std::collections::BTreeMap;

use hoidap_shared::stage::ComponentStatus;
use tokio::sync::watch;
use tracing::{info, warn};

/// Why stages of this process consume no messages now. Cheap to clone; clones share their state.
#[derive(Clone, Debug)]
pub struct Pauses(watch::Sender<BTreeMap<&'static str, String>>);

impl Default for Pauses {
    fn default() -> Self {
        Self(watch::Sender::new(BTreeMap::new()))
    }
}

impl Pauses {
    /// Pauses a stage for a reason, or resumes it.
    pub(super) fn set(&self, stage: &'static str, reason: Option<String>) {
        self.0.send_if_modified(|paused| {
            if paused.get(stage) == reason.as_ref() {
                return false;
            }
            match reason {
                Some(reason) => {
                    if !paused.contains_key(stage) {
                        warn!(stage, reason, "takes no jobs");
                    }
                    paused.insert(stage, reason);
                }
                None => {
                    paused.remove(stage);
                    info!(stage, "takes jobs again");
                }
            }
            true
        });
    }

    /// Waits until a stage may consume messages.
    pub(super) async fn wait_until_resumed(&self, stage: &'static str) {
        // The sender lives in this value, so the wait cannot fail.
        let _ = self.0.subscribe().wait_for(|paused| !paused.contains_key(stage)).await;
    }

    /// The pause as a component of the stage. Every process reports it; the stage is healthy when one process takes jobs.
    pub(super) fn component(&self, stage: &'static str) -> ComponentStatus {
        let reason = self.0.borrow().get(stage).cloned();
        ComponentStatus {
            name: format!("stage:{stage}"),
            healthy: reason.is_none(),
            detail: reason.map_or_else(|| "takes jobs".into(), |reason| format!("takes no jobs: {reason}")),
        }
    }

    /// Every paused stage, and why.
    pub(crate) fn all(&self) -> BTreeMap<&'static str, String> {
        self.0.borrow().clone()
    }
}
