use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::CallError;

/// Blocks calls to a provider that failed several times in a row.
///
/// Closed: every call is allowed. After `failures` failures in a row it opens: no call is allowed. After
/// `open_for`, one trial call is allowed; success closes it, failure opens it again. A probe closes it at once if
/// the server was unreachable and is back. If the server was reachable but failed, a probe closes it only after
/// `open_for`, and one more failure opens it again.
pub(crate) struct CircuitBreaker {
    failures: u32,
    open_for: Duration,
    state: Mutex<BreakerState>,
}

struct BreakerState {
    failed: u32,
    opened: Option<Instant>,
    trial_in_progress: bool,
    unreachable: bool,
    reason: Option<CallError>,
    success: Option<Instant>,
}

/// Permission for one call. Report the result; a dropped permit counts as no call.
pub(crate) struct CallPermit {
    breaker: Arc<CircuitBreaker>,
    is_reported: bool,
}

impl CircuitBreaker {
    /// Opens for `open_for` after that many failures in a row, at least one.
    pub(crate) fn new(failures: u32, open_for: Duration) -> Self {
        let state = BreakerState {
            failed: 0,
            opened: None,
            trial_in_progress: false,
            unreachable: false,
            reason: None,
            success: None,
        };
        Self { failures: failures.max(1), open_for, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, BreakerState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Permission for one call, if calls are allowed now.
    pub(crate) fn permit(self: &Arc<Self>) -> Option<CallPermit> {
        let mut state = self.state();
        if let Some(opened) = state.opened {
            if state.trial_in_progress || opened.elapsed() < self.open_for {
                return None;
            }
            state.trial_in_progress = true;
        }
        Some(CallPermit { breaker: Arc::clone(self), is_reported: false })
    }

    /// Why it is open; `None` while calls are allowed.
    pub(crate) fn open_reason(&self) -> Option<CallError> {
        let state = self.state();
        state.opened.and_then(|_| state.reason.clone())
    }

    /// Whether a call succeeded within the given time.
    pub(crate) fn succeeded_within(&self, time: Duration) -> bool {
        self.state().success.is_some_and(|at| at.elapsed() < time)
    }

    /// Opens it because a probe did not reach the server, before a visitor's call fails.
    pub(crate) fn probe_failed(&self, error: CallError) {
        let mut state = self.state();
        state.unreachable = true;
        state.opened = Some(Instant::now());
        state.reason = Some(error);
    }

    /// Records that a probe reached the server.
    pub(crate) fn probe_succeeded(&self) {
        let mut state = self.state();
        let Some(opened) = state.opened.filter(|_| !state.trial_in_progress) else { return };
        if state.unreachable {
            state.close();
        } else if opened.elapsed() >= self.open_for {
            state.close();
            state.failed = self.failures - 1;
        }
    }

    fn succeeded(&self) {
        let mut state = self.state();
        state.close();
        state.success = Some(Instant::now());
    }

    fn failed(&self, error: CallError) {
        let mut state = self.state();
        state.failed = state.failed.saturating_add(1);
        state.success = None;
        if state.trial_in_progress || (state.opened.is_none() && state.failed >= self.failures) {
            state.opened = Some(Instant::now());
            state.unreachable = matches!(error, CallError::Unreachable(_));
            state.trial_in_progress = false;
        }
        state.reason = Some(error);
    }
}

impl BreakerState {
    fn close(&mut self) {
        (self.failed, self.opened, self.trial_in_progress, self.unreachable) = (0, None, false, false);
        self.reason = None;
    }
}

impl CallPermit {
    /// The call succeeded.
    pub(crate) fn succeeded(mut self) {
        self.is_reported = true;
        self.breaker.succeeded();
    }

    /// The call failed because of the provider.
    pub(crate) fn failed(mut self, error: CallError) {
        self.is_reported = true;
        self.breaker.failed(error);
    }
}

impl Drop for CallPermit {
    fn drop(&mut self) {
        if !self.is_reported {
            self.breaker.state().trial_in_progress = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN_FOR: Duration = Duration::from_secs(30);

    fn breaker() -> Arc<CircuitBreaker> {
        Arc::new(CircuitBreaker::new(3, OPEN_FOR))
    }

    fn fail(breaker: &Arc<CircuitBreaker>, times: usize, error: &CallError) {
        for _ in 0..times {
            breaker.permit().unwrap().failed(error.clone());
        }
    }

    fn gone() -> CallError {
        CallError::Unreachable("connection refused".into())
    }

    #[tokio::test(start_paused = true)]
    async fn failures_in_a_row_open_it_and_one_success_starts_the_count_again() {
        let breaker = breaker();
        fail(&breaker, 2, &CallError::Empty);
        breaker.permit().unwrap().succeeded();
        fail(&breaker, 2, &CallError::Empty);
        assert!(breaker.open_reason().is_none());
        fail(&breaker, 1, &CallError::Status(500));
        assert!(breaker.permit().is_none());
        assert_eq!(breaker.open_reason(), Some(CallError::Status(500)));
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_while_one_call_is_tried() {
        let breaker = breaker();
        fail(&breaker, 3, &CallError::Status(500));
        tokio::time::advance(OPEN_FOR).await;
        let trial = breaker.permit().unwrap();
        assert!(breaker.permit().is_none(), "only one");
        trial.failed(CallError::Status(500));
        assert!(breaker.permit().is_none(), "open again");
        tokio::time::advance(OPEN_FOR).await;
        drop(breaker.permit().unwrap());
        breaker.permit().expect("a call that was given up leaves the trial to the next").succeeded();
        assert!(breaker.permit().is_some() && breaker.permit().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_mends_at_once_what_was_unreachable() {
        let breaker = breaker();
        fail(&breaker, 3, &CallError::Status(500));
        breaker.probe_succeeded();
        assert!(breaker.permit().is_none(), "a server that fails is left alone");
        tokio::time::advance(OPEN_FOR).await;
        breaker.probe_succeeded();
        fail(&breaker, 1, &CallError::Status(500));
        assert!(breaker.permit().is_none(), "one more failure opens it again");
        let breaker = self::breaker();
        fail(&breaker, 3, &gone());
        breaker.probe_succeeded();
        assert!(breaker.permit().is_some());
        breaker.probe_failed(gone());
        assert!(breaker.permit().is_none());
        breaker.probe_succeeded();
        assert!(breaker.permit().is_some());
    }
}
