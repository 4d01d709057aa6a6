use std::sync::{
    Mutex, MutexGuard, PoisonError, TryLockError,
    atomic::{AtomicUsize, Ordering},
};

use super::EmbedError;

/// Sessions of one model. Each is opened when it is first needed, and used by one caller at a time.
pub(crate) struct SessionPool<T> {
    sessions: Vec<Mutex<Option<T>>>,
    open: Box<dyn Fn() -> Result<T, EmbedError> + Send + Sync>,
    /// Counts the callers that found no session free.
    turn: AtomicUsize,
}

impl<T> SessionPool<T> {
    /// A pool of at least one session, of which the first is open.
    pub(crate) fn new(
        first: T,
        size: usize,
        open: impl Fn() -> Result<T, EmbedError> + Send + Sync + 'static,
    ) -> Self {
        let mut sessions = vec![Mutex::new(Some(first))];
        sessions.resize_with(size.max(1), Mutex::default);
        Self { sessions, open: Box::new(open), turn: AtomicUsize::new(0) }
    }

    /// Most callers at a time.
    pub(crate) fn size(&self) -> usize {
        self.sessions.len()
    }

    /// Calls with a session that is free, or with the next one in turn once it is free.
    ///
    /// # Errors
    /// When a further session cannot be opened.
    pub(crate) fn with<R>(&self, call: impl FnOnce(&mut T) -> R) -> Result<R, EmbedError> {
        let mut session = self.free();
        match &mut *session {
            Some(session) => Ok(call(session)),
            empty => Ok(call(empty.insert((self.open)()?))),
        }
    }

    fn free(&self) -> MutexGuard<'_, Option<T>> {
        for session in &self.sessions {
            match session.try_lock() {
                Ok(free) => return free,
                // A panic leaves no broken state: a session keeps none between calls.
                Err(TryLockError::Poisoned(free)) => return free.into_inner(),
                Err(TryLockError::WouldBlock) => {}
            }
        }
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % self.sessions.len();
        self.sessions[turn].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_session_is_opened_when_all_others_are_in_use() {
        let opened = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&opened);
        let pool = SessionPool::new(0, 2, move || Ok(1 + count.fetch_add(1, Ordering::Relaxed)));
        assert_eq!(pool.with(|session| *session).unwrap(), 0);
        assert_eq!(opened.load(Ordering::Relaxed), 0);
        let both = pool.with(|first| pool.with(|second| (*first, *second)).unwrap()).unwrap();
        assert_eq!((both, opened.load(Ordering::Relaxed)), ((0, 1), 1));
    }

    #[test]
    fn a_session_that_cannot_be_opened_is_tried_again() {
        let pool = SessionPool::new((), 2, || Err(EmbedError::Closed));
        pool.with(|()| assert!(pool.with(|()| ()).is_err())).unwrap();
        pool.with(|()| ()).unwrap();
    }
}
