use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::StreamExt as _;
use hoidap_shared::{
    broker::Broker,
    fleet::{CanaryReport, CanaryState},
    job::now_ms,
};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::{
    CanaryMessage,
    evidence::{ArmCounts, CanaryEvidence},
    tracked::{CanaryChange, FORGET_AFTER, MAX_TRACKED, TrackedCanary, find_or_insert},
};

/// How often workers and canaries announce themselves.
pub(crate) const ANNOUNCE_INTERVAL: Duration = Duration::from_secs(1);

/// The canaries of a stage, as one worker process knows them. Cheap to clone; clones share their state.
#[derive(Clone, Debug)]
pub(crate) struct CanaryRegistry {
    instance: String,
    state: Arc<Mutex<RegistryState>>,
}

#[derive(Debug, Default)]
struct RegistryState {
    by_id: BTreeMap<String, TrackedCanary>,
    /// When an operator last had all canaries forgotten.
    forgotten_at: Option<Instant>,
}

/// Who processes a job.
#[derive(Debug, PartialEq)]
pub(crate) enum Route {
    /// The stage, which has no canary now.
    NoCanary,
    /// The stage, beside the canary with this id.
    Stable(String),
    /// The canary with this id.
    Canary(String),
}

impl CanaryRegistry {
    /// An empty registry of a process.
    pub(crate) fn new(instance: &str) -> Self {
        Self { instance: instance.to_string(), state: Arc::default() }
    }

    /// Receives messages about canaries, judges them and publishes this process's counts, until the process stops.
    pub(crate) async fn follow(&self, broker: &Broker, stage: &str, stop: &CancellationToken) {
        let subject = broker.subjects.canary_messages(stage);
        let mut messages = match broker.client.subscribe(subject.clone()).await {
            Ok(messages) => messages,
            Err(error) => return warn!(stage, %error, "canaries cannot be subscribed to, and serve nobody"),
        };
        let mut tick = interval(ANNOUNCE_INTERVAL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !stop.is_cancelled() {
            tokio::select! {
                Some(message) = messages.next() => match rmp_serde::from_slice(&message.payload) {
                    Ok(message) => self.receive(message).into_iter().for_each(|change| change.log(stage)),
                    Err(error) => debug!(stage, %error, "a message about a canary cannot be read"),
                },
                _ = tick.tick() => {
                    self.judge().into_iter().for_each(|change| change.log(stage));
                    for message in self.counts() {
                        if let Err(error) = broker.client.publish(subject.clone(), encode(&message)).await {
                            debug!(stage, %error, "the counts of a canary cannot be published");
                        }
                    }
                }
                () = stop.cancelled() => {}
            }
        }
    }

    /// Who processes a job of a session.
    pub(crate) fn route(&self, session: &str) -> Route {
        let state = self.lock();
        let serving = state.by_id.values().filter(|tracked| tracked.state() == CanaryState::Serving);
        match serving.min_by_key(|tracked| tracked.since_ms) {
            Some(tracked) if tracked.spec.share.holds(session) => Route::Canary(tracked.spec.id.clone()),
            Some(tracked) => Route::Stable(tracked.spec.id.clone()),
            None => Route::NoCanary,
        }
    }

    /// Counts a job of the canary or, beside it, of the stage.
    pub(crate) fn count(&self, route: &Route, ms: f64, failed: bool) {
        let mut state = self.lock();
        let (id, arm): (_, fn(&mut CanaryEvidence) -> &mut ArmCounts) = match route {
            Route::NoCanary => return,
            Route::Stable(id) => (id, |evidence| &mut evidence.stable),
            Route::Canary(id) => (id, |evidence| &mut evidence.canary),
        };
        if let Some(tracked) = state.by_id.get_mut(id) {
            arm(&mut tracked.own_counts).count(ms, failed);
        }
    }

    /// Sends a canary no more jobs until it announces itself again.
    pub(crate) fn mark_away(&self, id: &str) {
        if let Some(tracked) = self.lock().by_id.get_mut(id) {
            tracked.last_announced = None;
        }
    }

    /// The reports of all canaries.
    pub(crate) fn reports(&self) -> Vec<CanaryReport> {
        self.lock().by_id.values().map(TrackedCanary::report).collect()
    }

    /// Processes a message of a canary, of another worker or of an operator.
    pub(super) fn receive(&self, message: CanaryMessage) -> Option<CanaryChange> {
        let mut state = self.lock();
        match message {
            CanaryMessage::Here { spec } => {
                let tracked = find_or_insert(&mut state.by_id, &spec, now_ms(), Duration::ZERO)?;
                let change = (tracked.state() == CanaryState::Away)
                    .then(|| CanaryChange::Serves(spec.id.clone(), spec.share));
                (tracked.last_announced, tracked.last_seen, tracked.spec) =
                    (Some(Instant::now()), Instant::now(), spec);
                change
            }
            CanaryMessage::Gone { id } => {
                state.by_id.get_mut(&id)?.last_announced = None;
                Some(CanaryChange::Ends(id))
            }
            CanaryMessage::Counted { instance, spec, since_ms, silent_ms, evidence, stepped_back }
                if instance != self.instance =>
            {
                // Another worker may have sent this before it forgot what this one has forgotten.
                if state.forgotten_at.is_some_and(|at| at.elapsed() < 2 * ANNOUNCE_INTERVAL) {
                    return None;
                }
                let silent = Duration::from_millis(silent_ms);
                let tracked = find_or_insert(&mut state.by_id, &spec, since_ms, silent)?;
                let others = &mut tracked.other_counts;
                if others.len() < MAX_TRACKED || others.contains_key(&instance) {
                    others.insert(instance, evidence);
                }
                tracked.step_back(stepped_back?)
            }
            CanaryMessage::Counted { .. } => None,
            CanaryMessage::Forget => {
                *state = RegistryState { forgotten_at: Some(Instant::now()), ..RegistryState::default() };
                None
            }
        }
    }

    /// Makes canaries step back that are significantly worse than the stage.
    fn judge(&self) -> Vec<CanaryChange> {
        let mut state = self.lock();
        state.by_id.retain(|_, tracked| tracked.last_seen.elapsed() < FORGET_AFTER);
        let serving = state.by_id.values_mut().filter(|tracked| tracked.stepped_back.is_none());
        serving
            .filter_map(|tracked| {
                let regression = tracked.evidence().regression()?;
                tracked.step_back(regression)
            })
            .collect()
    }

    /// What this process has counted of each canary.
    fn counts(&self) -> Vec<CanaryMessage> {
        let counted = |tracked: &TrackedCanary| CanaryMessage::Counted {
            instance: self.instance.clone(),
            spec: tracked.spec.clone(),
            since_ms: tracked.since_ms,
            silent_ms: u64::try_from(tracked.last_seen.elapsed().as_millis()).unwrap_or(u64::MAX),
            evidence: tracked.own_counts.clone(),
            stepped_back: tracked.stepped_back,
        };
        self.lock().by_id.values().map(counted).collect()
    }

    fn lock(&self) -> MutexGuard<'_, RegistryState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn encode(message: &CanaryMessage) -> bytes::Bytes {
    // A message is made of text and numbers, which can always be encoded.
    rmp_serde::to_vec_named(message).unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use hoidap_shared::fleet::{CanaryRegression, Fraction};

    use super::{super::CanarySpec, *};

    fn spec() -> CanarySpec {
        let release = "0.1.0".to_string();
        CanarySpec {
            id: "a".into(),
            version: "v".into(),
            release,
            changes: vec![],
            share: "50%".parse().unwrap(),
        }
    }

    fn counted(by: &str, canary_failed: u64, stepped_back: Option<CanaryRegression>) -> CanaryMessage {
        let mut evidence = CanaryEvidence::default();
        (0..canary_failed).for_each(|_| evidence.canary.count(1.0, true));
        (0..100).for_each(|_| evidence.stable.count(1.0, false));
        CanaryMessage::Counted {
            instance: by.into(),
            spec: spec(),
            since_ms: 1,
            silent_ms: 0,
            evidence,
            stepped_back,
        }
    }

    fn state(registry: &CanaryRegistry) -> Option<CanaryState> {
        registry.reports().first().map(|canary| canary.state)
    }

    #[test]
    fn a_canary_is_judged_by_the_counts_of_all_workers() {
        let registry = CanaryRegistry::new("me");
        assert!(matches!(
            registry.receive(CanaryMessage::Here { spec: spec() }),
            Some(CanaryChange::Serves(..))
        ));
        assert!(registry.receive(CanaryMessage::Here { spec: spec() }).is_none(), "nothing has changed");
        let held = (0..).map(|n| n.to_string()).find(|session| spec().share.holds(session)).unwrap();
        assert_eq!(registry.route(&held), Route::Canary("a".into()));
        registry.count(&Route::Canary("a".into()), 1.0, true);
        registry.receive(counted("other", 1, None));
        registry.receive(counted("other", 1, None));
        registry.receive(counted("me", 1_000, None));
        assert!(registry.judge().is_empty(), "two failures are chance");
        registry.receive(counted("third", 6, None));
        assert!(matches!(registry.judge()[..], [CanaryChange::SteppedBack(..)]));
        assert_eq!(
            (state(&registry), registry.route(&held)),
            (Some(CanaryState::SteppedBack), Route::NoCanary)
        );
        assert_eq!(registry.reports()[0].served.jobs, 8);
        registry.receive(CanaryMessage::Here { spec: spec() });
        assert_eq!(
            state(&registry),
            Some(CanaryState::SteppedBack),
            "announcing itself again changes nothing"
        );
    }

    #[test]
    fn a_late_message_does_not_bring_back_a_forgotten_canary() {
        let registry = CanaryRegistry::new("me");
        let all_failed = Fraction { count: 9, of: 9 };
        let regression = CanaryRegression { over_ms: None, canary: all_failed, stable: all_failed };
        registry.receive(counted("other", 9, Some(regression)));
        assert_eq!(state(&registry), Some(CanaryState::SteppedBack), "others have judged");
        registry.receive(CanaryMessage::Forget);
        registry.receive(counted("other", 9, Some(regression)));
        assert_eq!(state(&registry), None);
        registry.receive(CanaryMessage::Here { spec: spec() });
        assert_eq!(state(&registry), Some(CanaryState::Serving));
        registry.receive(CanaryMessage::Gone { id: "a".into() });
        assert_eq!(state(&registry), Some(CanaryState::Away));
    }
}
