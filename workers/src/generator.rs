//! The last stage: an answer from the passages, every supported sentence with its citation.
//!
//! A model writes it where one is there and what it writes is supported; else the sentences that answer are quoted.
//! `docs/answers.md` tells the whole way and the formulas.

mod answer;
pub(crate) mod eval_claims;
mod extractive;
mod passages;
mod prompt;
mod provider;
mod question;
mod reader;
mod text;
mod verifier;

use std::{sync::Arc, time::Duration};

use hoidap_indices::{Embedder, OnnxEmbedder};
use hoidap_shared::{
    config::{Config, Generator as Settings, ProviderKind},
    job::{Answer, Envelope, Retrieved},
    live::{Live, Reason},
    stage::{Component, Next, Stage, StageError, StageStatus},
};
use serde::{Deserialize, Serialize};
use tracing::warn;

use self::provider::recorded_responses::Replayed;
pub use self::provider::recorded_responses::{Asking, Before, Budget, NEEDS_MODEL, Recorded};
#[cfg(test)]
pub(crate) use self::question::tests::classified;
pub(crate) use self::text::sentence_embedder::cosine;
use self::{
    answer::{assembly::Piece, clarification::Open, streamer::Aloud, topic},
    passages::{
        passage_set::Material,
        segmenter::{self, Cutter, Unit},
    },
    provider::failover::{Calls, Failover, Written},
    question::{Asked, unknown_entity},
    reader::{Ranked, Reader, Signs},
    text::{content::Content, sentence_embedder::Meaning},
    verifier::{Known, model_response},
};
use crate::{classifier::Products, collections::digest};

/// How likely a question about a service that no document mentions is out of scope: passages about the like of it say nothing.
const ELSEWHERE: f32 = 1.0;

/// What is left of a quotation's confidence when a model said that the passages do not answer.
const AFTER_REFUSAL: f32 = 0.6;

/// A unit that holds this share of a sentence's words is what the sentence says.
const SAID: f32 = 0.5;

/// The generator passes nothing on: it answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Nothing {}

/// Writes answers.
pub struct Generator {
    models: Models,
    tools: Arc<Tools>,
    support_address: String,
    extractive: String,
    version: String,
}

/// Where the words of models come from.
enum Models {
    Asked(Failover),
    Replayed(Replayed),
}

impl Models {
    fn are_there(&self) -> bool {
        match self {
            Self::Asked(failover) => !failover.asked().is_empty(),
            Self::Replayed(replayed) => !replayed.asked.is_empty(),
        }
    }
}

/// What the work off the async threads shares.
struct Tools {
    meaning: Meaning,
    cutter: Cutter,
    reader: Reader,
    products: Products,
    settings: Settings,
}

/// A question and its passages, read.
struct Case {
    material: Material,
    asked: Asked,
    ranked: Vec<Ranked>,
    /// The retriever's word that the passages hold an answer.
    support: f32,
    /// How likely the question is out of scope by its words.
    out_of_scope: f32,
    /// What the question is about and no document mentions.
    unknown_entity: Option<String>,
    /// The answer without a model.
    quoted: Option<Draft>,
    /// What comes of its leaving open which product is meant.
    open: Option<Open>,
    known: Known,
}

/// The sentences of an answer, and how likely they are right.
#[derive(Clone)]
struct Draft {
    pieces: Vec<Piece>,
    confidence: f32,
    /// The model whose words these are.
    by: Option<Written>,
}

impl Stage for Generator {
    const NAME: &'static str = "generator";
    type In = Retrieved;
    type Out = Nothing;

    async fn open(config: &Config) -> anyhow::Result<Self> {
        let embedding = config.embedding.clone();
        let embedder = match tokio::task::spawn_blocking(move || OnnxEmbedder::open(&embedding)).await? {
            Ok(embedder) => Some(Arc::new(embedder) as Arc<dyn Embedder>),
            Err(error) => {
                warn!(%error, "answers are judged by their words alone");
                None
            }
        };
        let model = embedder.as_ref().map(|embedder| format!("{:?}", embedder.model())).unwrap_or_default();
        let providers: Vec<_> =
            config.generator.providers.iter().map(|name| (name, config.providers.get(name))).collect();
        let settings = format!("{:?} {providers:?} {:?}", config.generator, config.products);
        let is_extractive =
            |name: &&String| config.providers.get(*name).is_some_and(|p| p.kind == ProviderKind::Extractive);
        let extractive = config.generator.providers.iter().find(is_extractive);
        Ok(Self {
            models: Models::Asked(Failover::open(config)?),
            version: digest(&[
                env!("CARGO_PKG_VERSION"),
                &prompt::version(),
                &reader::version(),
                &topic::version(),
                &settings,
                &model,
            ]),
            tools: Arc::new(Tools {
                meaning: Meaning::new(embedder),
                cutter: Cutter::default(),
                reader: Reader::built_in()?,
                products: Products::new(&config.products),
                settings: config.generator.clone(),
            }),
            support_address: config.support.address.clone(),
            extractive: extractive.cloned().unwrap_or_else(|| "extractive".into()),
        })
    }

    fn concurrency(config: &Config) -> usize {
        config.generator.concurrency
    }

    async fn process(&self, job: &Envelope<Retrieved>, live: &Live) -> Result<Next<Nothing>, StageError> {
        let retrieved = &job.body;
        if let Some(answer) = self.names_nothing_held(retrieved) {
            return Ok(Next::Answer(answer));
        }
        let elsewhere = retrieved.classified.out_of_scope >= ELSEWHERE;
        // A support that is no number supports nothing.
        if retrieved.passages.is_empty() || retrieved.support.is_nan() || elsewhere {
            return Ok(Next::Answer(self.refused(retrieved, None)));
        }
        let (tools, body) = (Arc::clone(&self.tools), retrieved.clone());
        let case = Arc::new(off_thread(move || tools.read(body)).await?);
        if let Some(Open::AskBack { choices, confidence }) = &case.open {
            return Ok(Next::Answer(self.asks_back(retrieved, choices, *confidence)));
        }
        if case.quoted.as_ref().is_none_or(|quoted| quoted.confidence < self.tools.settings.min_confidence) {
            return Ok(Next::Answer(self.refused(retrieved, case.unknown_entity.as_deref())));
        }
        let question = &retrieved.classified.question;
        let mut aloud = Aloud::begin(live, &self.tools, &case);
        if self.models.are_there() {
            aloud.draft();
        }
        let ask = || prompt::build(&self.tools.settings, question, &case.asked, &case.material, &case.ranked);
        let remaining = Duration::from_millis(job.remaining_ms());
        let Calls { written, stopped, mut attempts } = match &self.models {
            Models::Asked(failover) => failover.write(remaining, ask, &mut aloud).await,
            Models::Replayed(replayed) => replayed.calls(&job.job_id, remaining, ask, &mut aloud).await?,
        };
        if let Some(stopped) = stopped {
            return Ok(Next::Answer(self.stopped(retrieved, stopped, attempts, aloud)));
        }
        let usage = written.as_ref().map(|written| written.usage.clone()).unwrap_or_default();
        let (tools, reading) = (Arc::clone(&self.tools), Arc::clone(&case));
        let (draft, fault) = off_thread(move || tools.draft(&reading, written)).await?;
        if let (Some(fault), Some(last)) = (fault, attempts.last_mut()) {
            last.error = Some(fault.into());
            aloud.void(Reason::Unsupported);
        }
        Ok(Next::Answer(match draft {
            Some(draft) => self.answered(retrieved, &case.material.passages, draft, attempts, usage),
            None => Answer { attempts, usage, ..self.refused(retrieved, None) },
        }))
    }

    fn status(&self) -> StageStatus {
        let mut components = match &self.models {
            Models::Asked(failover) => failover.components(),
            Models::Replayed(_) => Vec::new(),
        };
        components.push(Component {
            name: format!("provider:{}", self.extractive),
            healthy: true,
            detail: "needs no model".into(),
        });
        let there = self.tools.meaning.is_there();
        let detail = if there { "loaded" } else { "not loaded: answers are judged by their words alone" };
        components.push(Component { name: "embedding".into(), healthy: there, detail: detail.into() });
        StageStatus { version: self.version.clone(), components }
    }
}

impl Case {
    /// The likeliest of some units, and how likely it is that these answer, if any does.
    fn behind(&self, these: impl Fn(&Unit) -> bool) -> Option<(Ranked, f32)> {
        let these = |ranked: &&Ranked| these(&self.material.units[ranked.unit]);
        let best = *self.ranked.iter().find(these)?;
        Some((best, self.ranked.iter().filter(these).map(|unit| unit.chance).sum()))
    }
}

/// Runs what takes processor time beside the async threads.
async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, StageError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|died| StageError::Retry { reason: format!("the answer's work died: {died}"), after: None })
}

/// What the reader knows of a unit of the passages.
#[derive(Serialize)]
pub(crate) struct ReaderUnit {
    /// The passage's place in the job.
    pub(crate) passage: usize,
    /// As it stands in the passage.
    raw: String,
    label: bool,
    features: reader::Features,
}

impl ReaderUnit {
    /// The names of the features.
    pub(crate) const NAMES: &[&str] = &reader::NAMES;
}

impl Generator {
    /// What the reader knows of each unit of a question's passages.
    pub(crate) async fn reader_units(&self, retrieved: Retrieved) -> Result<Vec<ReaderUnit>, StageError> {
        let tools = Arc::clone(&self.tools);
        off_thread(move || {
            let Case { material, asked, .. } = tools.read(retrieved);
            let features = tools.reader.features(&material, &asked).into_iter().enumerate();
            let unit = |(at, features): (usize, reader::Features)| ReaderUnit {
                passage: material.units[at].passage,
                raw: material.raw(at),
                label: material.units[at].kind == segmenter::Kind::Label,
                features,
            };
            features.map(unit).collect()
        })
        .await
    }
}

impl Tools {
    fn read(&self, retrieved: Retrieved) -> Case {
        let classified = retrieved.classified;
        let asked = Asked::of(&classified, &self.cutter.analyser);
        let material = Material::new(retrieved.passages, &self.cutter);
        let ranked = self.reader.rank(&material, &asked);
        let (support, out_of_scope) = (retrieved.support, classified.out_of_scope);
        // Documents in another language mention few of a question's words.
        let own = |best: &Ranked| material.is_in(best.unit, asked.language);
        let unknown_entity = ranked
            .first()
            .filter(|best| own(best))
            .and_then(|_| unknown_entity::unknown_entity(&asked, &retrieved.unmentioned));
        let known = Known::default();
        let mut case = Case {
            material,
            asked,
            ranked,
            support,
            out_of_scope,
            unknown_entity,
            quoted: None,
            open: None,
            known,
        };
        case.open = self.open(&case, &classified);
        let quoted = extractive::quote(&case.material, &case.ranked, &case.asked, &self.cutter.analyser);
        case.quoted = quoted.map(|quoted| {
            let confidence = self.confidence(&case, quoted.chance, quoted.best);
            Draft { pieces: case.said_for(quoted.pieces), confidence, by: None }
        });
        case
    }

    /// How likely an answer is right of which the reader says that it answers with this chance, by this unit best.
    fn confidence(&self, case: &Case, chance: f32, best: Ranked) -> f32 {
        let signs = Signs { support: case.support, out_of_scope: case.out_of_scope, chance, best };
        let left = if case.unknown_entity.is_some() { unknown_entity::LEFT } else { 1.0 };
        left * self.reader.confidence(&case.material, &case.asked, signs)
    }

    /// The units that pieces say, the likeliest and all their chances; where none says them in these words, those of the passages that
    /// they cite.
    fn behind(&self, case: &Case, pieces: &[Piece]) -> Option<(Ranked, f32)> {
        let judge = self.judge_of(case);
        let cited = pieces.iter().filter_map(|piece| Some((piece.cite?.0, &piece.text)));
        let cited: Vec<_> =
            cited.map(|(passage, text)| (passage, Content::of(text, &self.cutter.analyser))).collect();
        let says = |unit: &Unit| {
            let said = |(passage, content): &(usize, Content)| {
                unit.passage == *passage && judge.held_by(unit, content) >= SAID
            };
            cited.iter().any(said)
        };
        let is_cited = |unit: &Unit| cited.iter().any(|(passage, _)| unit.passage == *passage);
        case.behind(says).or_else(|| case.behind(is_cited))
    }

    /// The model's words where they are supported, else a quotation; and why the model's words were not taken.
    fn draft(&self, case: &Case, written: Option<Written>) -> (Option<Draft>, Option<&'static str>) {
        let Some(written) = written else { return (case.quoted.clone(), None) };
        match self.judge(case, &written) {
            Ok(cited) => {
                let behind = self.behind(case, &cited.pieces);
                let confidence =
                    behind.map_or(0.0, |(best, chance)| self.confidence(case, cited.support * chance, best));
                let pieces = case.said_for(cited.pieces);
                (Some(Draft { pieces, confidence, by: Some(written) }), None)
            }
            Err(fault) => {
                let refused = if fault == model_response::REFUSED { AFTER_REFUSAL } else { 1.0 };
                let quoted = case.quoted.clone();
                let quoted = quoted.map(|draft| Draft { confidence: draft.confidence * refused, ..draft });
                (quoted, Some(fault))
            }
        }
    }
}

impl Generator {
    /// The same generator with recorded words in place of calls, and with a provider that is asked where none fit.
    #[must_use]
    pub fn replaying(self, recorded: Arc<Recorded>, asking: Option<Asking>) -> Self {
        let asked = match &self.models {
            Models::Asked(failover) => failover.asked(),
            Models::Replayed(replayed) => replayed.asked.clone(),
        };
        let version = self.version.clone();
        Self { models: Models::Replayed(Replayed { recorded, asked, version, asking }), ..self }
    }
}
