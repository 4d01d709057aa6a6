use std::collections::BTreeMap;

use hoidap_shared::job::JobId;
use serde::Serialize;

use super::{
    audited_job::AuditedJob,
    hit_quality::{ComparedAnswer, HitQuality},
    simulated_cache::LookupResult,
};
use crate::{excerpt::excerpt, replay::Estimate};

/// Maximum length of a question or answer in an example, in characters.
const MAX_EXCERPT_CHARS: usize = 160;

/// Counts of a simulated cache.
#[derive(Debug)]
pub(super) struct CacheTally {
    pub(super) lookups: u64,
    pub(super) not_asked: u64,
    pub(super) hits: u64,
    pub(super) degrees: BTreeMap<HitQuality, u64>,
    pub(super) saved: SavedWork,
    pub(super) examples: Vec<FalseHit>,
    shown: usize,
}

/// Work that hits saved, right or false.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct SavedWork {
    /// Calls of language models.
    pub(super) model_calls: u64,
    /// Tokens that models read and wrote.
    pub(super) tokens: u64,
    /// US dollars, over hits with known costs; absent if no cost is known.
    pub(super) cost_usd: Option<f64>,
    /// Milliseconds of waiting and work.
    pub(super) ms: u64,
    /// The part of it that stages worked.
    pub(super) worked_ms: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct FalseHit {
    pub(super) degree: HitQuality,
    /// The cosine of the two questions, if embeddings were compared.
    pub(super) similarity: Option<f32>,
    pub(super) asked: QuestionAndAnswer,
    pub(super) kept: QuestionAndAnswer,
}

/// A question and its answer, shortened.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct QuestionAndAnswer {
    pub(super) job_id: JobId,
    pub(super) question: String,
    pub(super) outcome: &'static str,
    pub(super) answer: String,
    pub(super) pages: Vec<String>,
}

impl CacheTally {
    pub(super) fn new(shown: usize) -> Self {
        Self {
            lookups: 0,
            not_asked: 0,
            hits: 0,
            degrees: BTreeMap::new(),
            saved: SavedWork::default(),
            examples: Vec::new(),
            shown,
        }
    }

    /// Adds a look-up. A semantic hit needs the question's embedding, so the classifier's work is not saved.
    pub(super) fn add(&mut self, job: &AuditedJob, found: &LookupResult, semantic: bool) {
        self.lookups += 1;
        let (kept, similarity) = match found {
            LookupResult::NotLookedUp => {
                self.not_asked += 1;
                return;
            }
            LookupResult::Miss => return,
            LookupResult::Hit(kept, similarity) => (kept, *similarity),
        };
        self.hits += 1;
        self.saved.add(job, semantic);
        let degree = HitQuality::of(&kept.answer, &job.cached.answer);
        *self.degrees.entry(degree).or_default() += 1;
        if degree.is_false() && self.shown > 0 {
            self.add_example(FalseHit {
                degree,
                similarity,
                asked: QuestionAndAnswer::of(&job.cached.job, &job.cached.question, &job.cached.answer),
                kept: QuestionAndAnswer::of(&kept.job, &kept.question, &kept.answer),
            });
        }
    }

    /// Keeps the worst false hits, one for each cached answer.
    fn add_example(&mut self, example: FalseHit) {
        match self.examples.iter_mut().find(|known| known.kept.job_id == example.kept.job_id) {
            Some(known) if example.is_worse_than(known) => *known = example,
            Some(_) => {}
            None => self.examples.push(example),
        }
        self.examples.sort_by(|a, b| b.rank().0.cmp(&a.rank().0).then(b.rank().1.total_cmp(&a.rank().1)));
        self.examples.truncate(self.shown);
    }

    /// Number of hits of this quality.
    pub(super) fn of(&self, degree: HitQuality) -> u64 {
        self.degrees.get(&degree).copied().unwrap_or(0)
    }

    /// The share of hits of some quality, among hits that can be judged.
    pub(super) fn share(&self, is: impl Fn(HitQuality) -> bool) -> Option<Estimate> {
        let such =
            HitQuality::ALL.into_iter().filter(|degree| is(*degree)).map(|degree| self.of(degree)).sum();
        Estimate::share(such, self.hits - self.of(HitQuality::Unknown))
    }
}

impl SavedWork {
    fn add(&mut self, job: &AuditedJob, semantic: bool) {
        let usage = &job.answer.usage;
        self.model_calls += job.answer.attempts.len() as u64;
        self.tokens += u64::from(usage.prompt_tokens) + u64::from(usage.completion_tokens);
        if let Some(usd) = usage.cost_usd {
            *self.cost_usd.get_or_insert(0.0) += usd;
        }
        for hop in job.hops.iter().filter(|hop| !semantic || hop.stage != "classifier") {
            self.ms += hop.waited_ms + hop.worked_ms;
            self.worked_ms += hop.worked_ms;
        }
    }
}

impl FalseHit {
    /// Orders by quality, then by similarity: a threshold would not have prevented the most similar.
    fn rank(&self) -> (HitQuality, f32) {
        (self.degree, self.similarity.unwrap_or(1.0))
    }

    fn is_worse_than(&self, other: &Self) -> bool {
        self.rank() > other.rank()
    }
}

impl QuestionAndAnswer {
    fn of(job: &JobId, question: &str, given: &ComparedAnswer) -> Self {
        Self {
            job_id: job.clone(),
            question: one_line(question),
            outcome: given.outcome.name(),
            answer: one_line(&given.text),
            pages: given.pages.iter().cloned().collect(),
        }
    }
}

/// The beginning of a text, on one line.
fn one_line(text: &str) -> String {
    excerpt(&text.split_whitespace().collect::<Vec<_>>().join(" "), MAX_EXCERPT_CHARS)
}
