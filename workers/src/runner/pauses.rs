use std::collections::BTreeMap;

use hoidap_shared::stage::Component;
use tokio::sync::watch;
use tracing::{info, warn};

/// Why stages of this process take no jobs now. Cheap to clone; all clones are the same.
#[derive(Clone, Debug)]
pub struct Pauses(watch::Sender<BTreeMap<&'static str, String>>);

impl Default for Pauses {
    fn default() -> Self {
        Self(watch::Sender::new(BTreeMap::new()))
    }
}

impl Pauses {
    /// Says why a stage takes no jobs, or that it takes them.
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

    /// Waits until a stage may take jobs.
    pub(super) async fn ended(&self, stage: &'static str) {
        // The sender is this very value, so the wait cannot fail.
        let _ = self.0.subscribe().wait_for(|paused| !paused.contains_key(stage)).await;
    }

    /// What a stage says of itself to the fleet: every process of it says so, and one that takes jobs is enough.
    pub(super) fn component(&self, stage: &'static str) -> Component {
        let reason = self.0.borrow().get(stage).cloned();
        Component {
            name: format!("stage:{stage}"),
            healthy: reason.is_none(),
            detail: reason.map_or_else(|| "takes jobs".into(), |reason| format!("takes no jobs: {reason}")),
        }
    }

    /// Every stage that takes no jobs, and why.
    pub(crate) fn all(&self) -> BTreeMap<&'static str, String> {
        self.0.borrow().clone()
    }
}
