use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::StreamExt as _;
use hoidap_shared::{
    broker::Broker,
    fleet::{Canary, CanaryState},
    job::now_ms,
};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::{
    Word,
    evidence::{Arm, Evidence},
    known::{FORGOTTEN, Known, MOST, News, known_of},
};

/// How often workers and canaries tell of themselves.
pub(crate) const TELL: Duration = Duration::from_secs(1);

/// What one worker process knows of the canaries of its stage. Cheap to clone; all clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Board {
    instance: String,
    known: Arc<Mutex<Canaries>>,
}

#[derive(Debug, Default)]
struct Canaries {
    by_id: BTreeMap<String, Known>,
    /// When all were forgotten.
    forgot: Option<Instant>,
}

/// Who shall work on a job.
#[derive(Debug, PartialEq)]
pub(crate) enum Place {
    /// The stage, which has no canary now.
    Alone,
    /// The stage, beside the canary of this id.
    Stable(String),
    /// The canary of this id.
    Canary(String),
}

impl Board {
    /// An empty board of a process.
    pub(crate) fn new(instance: &str) -> Self {
        Self { instance: instance.to_string(), known: Arc::default() }
    }

    /// Hears of canaries, judges them and tells what was counted here, until the process stops.
    pub(crate) async fn follow(&self, broker: &Broker, stage: &str, stop: &CancellationToken) {
        let subject = broker.subjects.canary_words(stage);
        let mut words = match broker.client.subscribe(subject.clone()).await {
            Ok(words) => words,
            Err(error) => return warn!(stage, %error, "canaries cannot be heard of, and serve nobody"),
        };
        let mut tick = interval(TELL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !stop.is_cancelled() {
            tokio::select! {
                Some(message) = words.next() => match rmp_serde::from_slice(&message.payload) {
                    Ok(word) => self.hear(word).into_iter().for_each(|news| news.log(stage)),
                    Err(error) => debug!(stage, %error, "a word about a canary cannot be read"),
                },
                _ = tick.tick() => {
                    self.judge().into_iter().for_each(|news| news.log(stage));
                    for word in self.words() {
                        if let Err(error) = broker.client.publish(subject.clone(), encoded(&word)).await {
                            debug!(stage, %error, "what was counted of a canary cannot be told");
                        }
                    }
                }
                () = stop.cancelled() => {}
            }
        }
    }

    /// Who shall work on a job of a session.
    pub(crate) fn place(&self, session: &str) -> Place {
        let known = self.lock();
        let serving = known.by_id.values().filter(|known| known.state() == CanaryState::Serving);
        match serving.min_by_key(|known| known.since_ms) {
            Some(known) if known.nature.share.holds(session) => Place::Canary(known.nature.id.clone()),
            Some(known) => Place::Stable(known.nature.id.clone()),
            None => Place::Alone,
        }
    }

    /// Counts a job of the canary or, beside it, of the stage.
    pub(crate) fn count(&self, place: &Place, ms: f64, failed: bool) {
        let mut known = self.lock();
        let (id, side): (_, fn(&mut Evidence) -> &mut Arm) = match place {
            Place::Alone => return,
            Place::Stable(id) => (id, |evidence| &mut evidence.stable),
            Place::Canary(id) => (id, |evidence| &mut evidence.canary),
        };
        if let Some(known) = known.by_id.get_mut(id) {
            side(&mut known.own).count(ms, failed);
        }
    }

    /// Hands a canary no more jobs until it is heard of again.
    pub(crate) fn away(&self, id: &str) {
        if let Some(known) = self.lock().by_id.get_mut(id) {
            known.heard = None;
        }
    }

    /// The canaries, for whoever looks.
    pub(crate) fn canaries(&self) -> Vec<Canary> {
        self.lock().by_id.values().map(Known::told).collect()
    }

    /// Takes a word of a canary, of another worker or of an operator.
    pub(super) fn hear(&self, word: Word) -> Option<News> {
        let mut known = self.lock();
        match word {
            Word::Here { nature } => {
                let entry = known_of(&mut known.by_id, &nature, now_ms(), Duration::ZERO)?;
                let news = (entry.state() == CanaryState::Away)
                    .then(|| News::Serves(nature.id.clone(), nature.share));
                (entry.heard, entry.last, entry.nature) = (Some(Instant::now()), Instant::now(), nature);
                news
            }
            Word::Gone { id } => {
                known.by_id.get_mut(&id)?.heard = None;
                Some(News::Ends(id))
            }
            Word::Counted { instance, nature, since_ms, silent_ms, evidence, stepped_back }
                if instance != self.instance =>
            {
                // A worker may have told before it forgot what this one has forgotten.
                if known.forgot.is_some_and(|forgot| forgot.elapsed() < 2 * TELL) {
                    return None;
                }
                let silent = Duration::from_millis(silent_ms);
                let entry = known_of(&mut known.by_id, &nature, since_ms, silent)?;
                if entry.others.len() < MOST || entry.others.contains_key(&instance) {
                    entry.others.insert(instance, evidence);
                }
                entry.step_back(stepped_back?)
            }
            Word::Counted { .. } => None,
            Word::Forget => {
                *known = Canaries { forgot: Some(Instant::now()), ..Canaries::default() };
                None
            }
        }
    }

    /// Ends canaries that are worse than the stage, beyond chance.
    fn judge(&self) -> Vec<News> {
        let mut known = self.lock();
        known.by_id.retain(|_, entry| entry.last.elapsed() < FORGOTTEN);
        let judged = known.by_id.values_mut().filter(|entry| entry.stepped_back.is_none());
        judged.filter_map(|entry| entry.evidence().worse().and_then(|worse| entry.step_back(worse))).collect()
    }

    /// What this process has to tell of the canaries it knows.
    fn words(&self) -> Vec<Word> {
        let counted = |known: &Known| Word::Counted {
            instance: self.instance.clone(),
            nature: known.nature.clone(),
            since_ms: known.since_ms,
            silent_ms: u64::try_from(known.last.elapsed().as_millis()).unwrap_or(u64::MAX),
            evidence: known.own.clone(),
            stepped_back: known.stepped_back,
        };
        self.lock().by_id.values().map(counted).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Canaries> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A word as it travels.
pub(crate) fn encoded(word: &Word) -> bytes::Bytes {
    // A word is made of text and numbers, which always have a form in MessagePack.
    rmp_serde::to_vec_named(word).unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use hoidap_shared::fleet::{Part, Worse};

    use super::{super::Nature, *};

    fn nature() -> Nature {
        let release = "0.1.0".to_string();
        Nature {
            id: "a".into(),
            version: "v".into(),
            release,
            changes: vec![],
            share: "50%".parse().unwrap(),
        }
    }

    fn counted(by: &str, canary_failed: u64, stepped_back: Option<Worse>) -> Word {
        let mut evidence = Evidence::default();
        (0..canary_failed).for_each(|_| evidence.canary.count(1.0, true));
        (0..100).for_each(|_| evidence.stable.count(1.0, false));
        Word::Counted {
            instance: by.into(),
            nature: nature(),
            since_ms: 1,
            silent_ms: 0,
            evidence,
            stepped_back,
        }
    }

    fn state(board: &Board) -> Option<CanaryState> {
        board.canaries().first().map(|canary| canary.state)
    }

    #[test]
    fn it_judges_by_what_all_have_counted() {
        let board = Board::new("me");
        assert!(matches!(board.hear(Word::Here { nature: nature() }), Some(News::Serves(..))));
        assert!(board.hear(Word::Here { nature: nature() }).is_none(), "that is no news");
        let held = (0..).map(|n| n.to_string()).find(|session| nature().share.holds(session)).unwrap();
        assert_eq!(board.place(&held), Place::Canary("a".into()));
        board.count(&Place::Canary("a".into()), 1.0, true);
        board.hear(counted("other", 1, None));
        board.hear(counted("other", 1, None));
        board.hear(counted("me", 1_000, None));
        assert!(board.judge().is_empty(), "two failures are chance");
        board.hear(counted("third", 6, None));
        assert!(matches!(board.judge()[..], [News::Worse(..)]));
        assert_eq!((state(&board), board.place(&held)), (Some(CanaryState::SteppedBack), Place::Alone));
        assert_eq!(board.canaries()[0].served.jobs, 8);
        board.hear(Word::Here { nature: nature() });
        assert_eq!(state(&board), Some(CanaryState::SteppedBack), "being there again changes nothing");
    }

    #[test]
    fn what_was_forgotten_does_not_come_back_by_a_late_word() {
        let board = Board::new("me");
        let part = Part { count: 9, of: 9 };
        let worse = Worse { over_ms: None, canary: part, stable: part };
        board.hear(counted("other", 9, Some(worse)));
        assert_eq!(state(&board), Some(CanaryState::SteppedBack), "others have judged");
        board.hear(Word::Forget);
        board.hear(counted("other", 9, Some(worse)));
        assert_eq!(state(&board), None);
        board.hear(Word::Here { nature: nature() });
        assert_eq!(state(&board), Some(CanaryState::Serving));
        board.hear(Word::Gone { id: "a".into() });
        assert_eq!(state(&board), Some(CanaryState::Away));
    }
}
