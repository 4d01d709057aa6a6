use std::collections::BTreeMap;

use hoidap_shared::job::JobId;
use serde::Serialize;

use super::{
    degree::{Degree, Given},
    seen::Seen,
    simulated::Found,
};
use crate::replay::Estimate;

/// Characters of a question or an answer that an example shows.
const SHORT: usize = 160;

/// What a cache did.
#[derive(Debug)]
pub(super) struct Tally {
    pub(super) lookups: u64,
    pub(super) not_asked: u64,
    pub(super) hits: u64,
    pub(super) degrees: BTreeMap<Degree, u64>,
    pub(super) saved: Saved,
    pub(super) examples: Vec<Example>,
    shown: usize,
}

/// What hits made needless, right ones and false ones alike.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Saved {
    /// Calls of language models.
    pub(super) model_calls: u64,
    /// Tokens that models read and wrote.
    pub(super) tokens: u64,
    /// US dollars, over the hits where they are known; absent where they never are.
    pub(super) cost_usd: Option<f64>,
    /// Milliseconds of waiting and work that visitors did not spend.
    pub(super) ms: u64,
    /// Of these, work of stages.
    pub(super) worked_ms: u64,
}

/// A false hit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Example {
    pub(super) degree: Degree,
    /// The cosine of the two questions, where that is what was compared.
    pub(super) similarity: Option<f32>,
    pub(super) asked: Side,
    pub(super) kept: Side,
}

/// A question and its answer, shortened.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Side {
    pub(super) job_id: JobId,
    pub(super) question: String,
    pub(super) outcome: &'static str,
    pub(super) answer: String,
    pub(super) pages: Vec<String>,
}

impl Tally {
    pub(super) fn new(shown: usize) -> Self {
        Self {
            lookups: 0,
            not_asked: 0,
            hits: 0,
            degrees: BTreeMap::new(),
            saved: Saved::default(),
            examples: Vec::new(),
            shown,
        }
    }

    /// Counts a look-up. A semantic one needs the question's embedding, so that the classifier's work is not saved.
    pub(super) fn take(&mut self, seen: &Seen, found: &Found, semantic: bool) {
        self.lookups += 1;
        let (kept, similarity) = match found {
            Found::NotAsked => {
                self.not_asked += 1;
                return;
            }
            Found::Nothing => return,
            Found::Answer(kept, similarity) => (kept, *similarity),
        };
        self.hits += 1;
        self.saved.add(seen, semantic);
        let degree = Degree::of(&kept.given, &seen.kept.given);
        *self.degrees.entry(degree).or_default() += 1;
        if degree.is_false() && self.shown > 0 {
            self.show(Example {
                degree,
                similarity,
                asked: Side::of(&seen.kept.job, &seen.kept.question, &seen.kept.given),
                kept: Side::of(&kept.job, &kept.question, &kept.given),
            });
        }
    }

    /// Keeps the worst false hits, one for each kept answer.
    fn show(&mut self, example: Example) {
        match self.examples.iter_mut().find(|known| known.kept.job_id == example.kept.job_id) {
            Some(known) if example.worse(known) => *known = example,
            Some(_) => {}
            None => self.examples.push(example),
        }
        self.examples.sort_by(|a, b| b.rank().0.cmp(&a.rank().0).then(b.rank().1.total_cmp(&a.rank().1)));
        self.examples.truncate(self.shown);
    }

    /// Hits of a degree.
    pub(super) fn of(&self, degree: Degree) -> u64 {
        self.degrees.get(&degree).copied().unwrap_or(0)
    }

    /// The share of the hits whose degree is such, among those where the right answer is known.
    pub(super) fn share(&self, is: impl Fn(Degree) -> bool) -> Option<Estimate> {
        let such = Degree::ALL.into_iter().filter(|degree| is(*degree)).map(|degree| self.of(degree)).sum();
        Estimate::share(such, self.hits - self.of(Degree::Unknown))
    }
}

impl Saved {
    fn add(&mut self, seen: &Seen, semantic: bool) {
        let usage = &seen.answer.usage;
        self.model_calls += seen.answer.attempts.len() as u64;
        self.tokens += u64::from(usage.prompt_tokens) + u64::from(usage.completion_tokens);
        if let Some(usd) = usage.cost_usd {
            *self.cost_usd.get_or_insert(0.0) += usd;
        }
        for hop in seen.hops.iter().filter(|hop| !semantic || hop.stage != "classifier") {
            self.ms += hop.waited_ms + hop.worked_ms;
            self.worked_ms += hop.worked_ms;
        }
    }
}

impl Example {
    /// Worse is what is further off, then what no threshold would have kept away.
    fn rank(&self) -> (Degree, f32) {
        (self.degree, self.similarity.unwrap_or(1.0))
    }

    fn worse(&self, other: &Self) -> bool {
        self.rank() > other.rank()
    }
}

impl Side {
    fn of(job: &JobId, question: &str, given: &Given) -> Self {
        Self {
            job_id: job.clone(),
            question: short(question),
            outcome: given.outcome.name(),
            answer: short(&given.text),
            pages: given.pages.iter().cloned().collect(),
        }
    }
}

/// The beginning of a text, in one line.
fn short(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(SHORT) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
