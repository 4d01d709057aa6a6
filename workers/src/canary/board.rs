use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::StreamExt as _;
use hoidap_shared::{
    broker::Broker,
    fleet::{Canary, CanaryState, Side, Worse},
    job::now_ms,
};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::{
    Nature, Share, Word,
    evidence::{Arm, Evidence},
};

/// How often workers and canaries tell of themselves.
pub(crate) const TELL: Duration = Duration::from_secs(1);
/// A canary that was silent for so long gets no jobs.
const SILENT: Duration = Duration::from_secs(3);
/// A canary that was silent for so long is forgotten, and that it stepped back as well.
const FORGOTTEN: Duration = Duration::from_hours(1);
/// Most canaries and most workers that are remembered: their words come over the network.
const MOST: usize = 64;

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

/// What a worker learned of a canary.
#[derive(Debug)]
pub(crate) enum News {
    Serves(String, Share),
    Ends(String),
    Worse(String, Worse),
}

impl News {
    fn log(self, stage: &str) {
        match self {
            Self::Serves(canary, share) => info!(stage, canary, %share, "a canary serves its share"),
            Self::Ends(canary) => info!(stage, canary, "a canary ends"),
            Self::Worse(canary, reason) => {
                metrics::counter!("hoidap_canaries_stepped_back_total", "stage" => stage.to_string())
                    .increment(1);
                warn!(stage, canary, %reason, "the canary is worse and serves nobody any more");
            }
        }
    }
}

#[derive(Debug)]
struct Known {
    nature: Nature,
    since_ms: u64,
    /// The last word of the canary; `None` once it said that it ends, or was found away.
    heard: Option<Instant>,
    last: Instant,
    own: Evidence,
    others: HashMap<String, Evidence>,
    stepped_back: Option<Worse>,
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
    pub(crate) fn hear(&self, word: Word) -> Option<News> {
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

impl Known {
    /// What all processes counted.
    fn evidence(&self) -> Evidence {
        let mut all = self.own.clone();
        self.others.values().for_each(|other| all.add(other));
        all
    }

    fn state(&self) -> CanaryState {
        match self.heard {
            _ if self.stepped_back.is_some() => CanaryState::SteppedBack,
            Some(heard) if heard.elapsed() < SILENT => CanaryState::Serving,
            _ => CanaryState::Away,
        }
    }

    fn step_back(&mut self, worse: Worse) -> Option<News> {
        let first = self.stepped_back.is_none();
        self.stepped_back.get_or_insert(worse);
        first.then(|| News::Worse(self.nature.id.clone(), worse))
    }

    fn told(&self) -> Canary {
        let all = self.evidence();
        let side = |arm: &Arm| Side {
            jobs: arm.jobs,
            errors: arm.errors,
            median_ms: arm.quantile(0.5),
            p95_ms: arm.quantile(0.95),
        };
        let Nature { id, version, release, changes, share } = self.nature.clone();
        Canary {
            id,
            version,
            release,
            changes,
            share: share.0,
            state: self.state(),
            reason: self.stepped_back,
            since_ms: self.since_ms,
            served: side(&all.canary),
            stable: side(&all.stable),
        }
    }
}

/// The entry of a canary, new where there was none. `None` when too many are known, or it was silent for too long.
fn known_of<'a>(
    known: &'a mut BTreeMap<String, Known>,
    nature: &Nature,
    since_ms: u64,
    silent: Duration,
) -> Option<&'a mut Known> {
    if !known.contains_key(&nature.id) {
        if known.len() >= MOST || silent >= FORGOTTEN {
            return None;
        }
        let entry = Known {
            nature: nature.clone(),
            since_ms,
            heard: None,
            last: Instant::now().checked_sub(silent)?,
            own: Evidence::default(),
            others: HashMap::new(),
            stepped_back: None,
        };
        known.insert(nature.id.clone(), entry);
    }
    known.get_mut(&nature.id)
}

/// A word as it travels.
pub(crate) fn encoded(word: &Word) -> bytes::Bytes {
    // A word is made of text and numbers, which always have a form in MessagePack.
    rmp_serde::to_vec_named(word).unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use hoidap_shared::fleet::Part;

    use super::*;

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
