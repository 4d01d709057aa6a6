//! The generator stage: it writes an answer from the passages and cites a passage for every supported sentence.
//!
//! A language model's response is used where one is configured and the verifier accepts it. Otherwise the segments
//! that answer best are quoted. `docs/answers.md` has the steps, `docs/research/answers.md` the formulas.

mod answer;
pub mod eval_claims;
mod extractive;
mod passages;
mod prompt;
mod provider;
mod question;
mod reader;
mod refusal;
mod response_choice;
mod text;
mod verifier;

use std::{sync::Arc, time::Duration};

use hoidap_indices::{Embedder, OnnxEmbedder};
use hoidap_shared::{
    config::{Config, GeneratorConfig as Settings, ProviderKind},
    digest::digest,
    job::{Answer, Envelope, JobId, MessageBody, Retrieved},
    progress::{ProgressSink, VoidReason},
    stage::{ComponentStatus, Never, NextStep, Stage, StageError, StageStatus},
};
use serde::Serialize;
use tracing::warn;

use self::provider::recorded_responses::RecordedSource;
pub use self::provider::recorded_responses::{
    FallbackProvider, NEEDS_MODEL, RecordedCalls, RecordedResponses,
};
pub use self::text::sentence_embedder::cosine;
use self::{
    answer::{assembly::AnswerSentence, clarification::ProductAmbiguity, streamer::AnswerStreamer, topic},
    passages::{
        passage_set::PassageSet,
        segmenter::{self, Segmenter},
    },
    provider::failover::{Failover, ModelResponse, ProviderCalls},
    question::{
        ParsedQuestion,
        unknown_entity::{self, CommonWords},
    },
    reader::{ConfidenceInputs, PassageReader, RankedSegment},
    refusal::Refusal,
    response_choice::ProviderTrust,
    text::sentence_embedder::SentenceEmbedder,
    verifier::VerdictCache,
};
use crate::{
    classifier::Products,
    replayable::{FallbackCalls, RecordedWork, ReplayableStage},
};

/// The last stage: turns retrieved passages into an answer.
pub struct Generator {
    models: ModelSource,
    /// Whether any provider is a language model.
    asks_models: bool,
    engine: Arc<AnswerEngine>,
    support_address: String,
    extractive: String,
    version: String,
}

/// Where model responses come from: live providers, or a recording.
enum ModelSource {
    Live(Failover),
    Recorded(RecordedSource),
}

impl ModelSource {
    fn is_configured(&self) -> bool {
        match self {
            Self::Live(failover) => !failover.models().is_empty(),
            Self::Recorded(replayed) => !replayed.models.is_empty(),
        }
    }
}

/// Everything that blocking work needs, shared across tasks.
struct AnswerEngine {
    embedder: SentenceEmbedder,
    segmenter: Segmenter,
    reader: PassageReader,
    products: Products,
    trust: ProviderTrust,
    common_words: CommonWords,
    settings: Settings,
}

/// A question with its passages, analysed.
struct AnswerContext {
    passage_set: PassageSet,
    parsed: ParsedQuestion,
    ranked: Vec<RankedSegment>,
    /// The retriever's probability that the passages hold an answer.
    support: f32,
    /// The classifier's probability that the question is out of scope.
    out_of_scope: f32,
    /// A name in the question that no document mentions.
    unknown_entity: Option<String>,
    quoted: Option<QuotedAnswer>,
    /// Set when the question does not say which product it is about, and answers differ by product.
    ambiguity: Option<ProductAmbiguity>,
    verdicts: VerdictCache,
}

/// The extractive answer.
struct QuotedAnswer {
    draft: AnswerDraft,
    /// The best of its segments.
    segment: usize,
}

/// A drafted answer and its confidence.
#[derive(Clone)]
struct AnswerDraft {
    sentences: Vec<AnswerSentence>,
    confidence: f32,
    /// The model response it comes from; `None` for a quotation.
    response: Option<ModelResponse>,
}

impl Stage for Generator {
    const NAME: &'static str = "generator";
    type In = Retrieved;
    type Out = Never;

    async fn open(config: &Config) -> anyhow::Result<Self> {
        let is_extractive =
            |name: &&String| config.providers.get(*name).is_some_and(|p| p.kind == ProviderKind::Extractive);
        let asks_models = !config.generator.providers.iter().all(|name| is_extractive(&name));
        let embedder = if asks_models { open_embedder(config).await? } else { None };
        let model = embedder.as_ref().map(|embedder| format!("{:?}", embedder.model())).unwrap_or_default();
        let providers: Vec<_> =
            config.generator.providers.iter().map(|name| (name, config.providers.get(name))).collect();
        let settings = format!("{:?} {providers:?} {:?}", config.generator, config.products);
        let extractive = config.generator.providers.iter().find(is_extractive);
        Ok(Self {
            models: ModelSource::Live(Failover::open(config)?),
            asks_models,
            version: digest(&[
                env!("CARGO_PKG_VERSION"),
                &prompt::version(),
                &reader::version(),
                &topic::version(),
                &unknown_entity::version(),
                &settings,
                &model,
            ]),
            engine: Arc::new(AnswerEngine {
                embedder: SentenceEmbedder::new(embedder),
                segmenter: Segmenter::default(),
                reader: PassageReader::built_in()?,
                products: Products::new(&config.products),
                trust: ProviderTrust::new(config),
                common_words: CommonWords::built_in(),
                settings: config.generator.clone(),
            }),
            support_address: config.support.address.clone(),
            extractive: extractive.cloned().unwrap_or_else(|| "extractive".into()),
        })
    }

    fn concurrency(config: &Config) -> usize {
        config.generator.concurrency
    }

    async fn process(
        &self,
        job: &Envelope<Retrieved>,
        live: &ProgressSink,
    ) -> Result<NextStep<Never>, StageError> {
        let retrieved = &job.body;
        if let Some(refusal) = Refusal::before_reading(retrieved) {
            return Ok(NextStep::Answer(self.refused(retrieved, refusal)));
        }
        let (engine, body) = (Arc::clone(&self.engine), retrieved.clone());
        let context = Arc::new(run_blocking(move || engine.analyse(body)).await?);
        if let Some(ProductAmbiguity::NeedsClarification { choices, confidence }) = &context.ambiguity {
            return Ok(NextStep::Answer(self.clarification(retrieved, choices, *confidence)));
        }
        let least = self.min_quoted_confidence();
        if context.quoted.as_ref().is_none_or(|quoted| quoted.draft.confidence < least) {
            return Ok(NextStep::Answer(self.uncertain(retrieved, &context)));
        }
        let question = &retrieved.classified.question;
        let mut streamer = AnswerStreamer::start(live, &self.engine, &context);
        if self.models.is_configured() {
            streamer.show_draft();
        }
        let ask = || {
            prompt::build(
                &self.engine.settings,
                question,
                &context.parsed,
                &context.passage_set,
                &context.ranked,
            )
        };
        let remaining = Duration::from_millis(job.remaining_ms());
        let ProviderCalls { response, stopped, mut attempts } = match &self.models {
            ModelSource::Live(failover) => failover.ask(remaining, ask, &mut streamer).await,
            ModelSource::Recorded(replayed) => {
                replayed.respond(&job.job_id, remaining, ask, &mut streamer).await?
            }
        };
        if let Some(stopped) = stopped {
            return Ok(NextStep::Answer(self.stopped(retrieved, stopped, attempts, streamer)));
        }
        let usage = response.as_ref().map(|response| response.usage.clone()).unwrap_or_default();
        let (engine, reading) = (Arc::clone(&self.engine), Arc::clone(&context));
        let (draft, fault) = run_blocking(move || engine.choose_draft(&reading, response)).await?;
        if let (Some(fault), Some(last)) = (fault, attempts.last_mut()) {
            last.error = Some(fault.into());
            streamer.retract(VoidReason::Unsupported);
        }
        let min_confidence = self.engine.settings.min_confidence;
        Ok(NextStep::Answer(match draft.filter(|draft| draft.confidence >= min_confidence) {
            Some(draft) => self.answered(retrieved, &context.passage_set.passages, draft, attempts, usage),
            None => Answer { attempts, usage, ..self.uncertain(retrieved, &context) },
        }))
    }

    fn version(&self) -> String {
        self.version.clone()
    }

    fn status(&self) -> StageStatus {
        let mut components = match &self.models {
            ModelSource::Live(failover) => failover.components(),
            ModelSource::Recorded(_) => Vec::new(),
        };
        components.push(ComponentStatus {
            name: format!("provider:{}", self.extractive),
            healthy: true,
            detail: "needs no model".into(),
        });
        let loaded = self.engine.embedder.is_loaded();
        let detail = match (loaded, self.asks_models) {
            (true, _) => "loaded",
            (false, true) => "not loaded: answers are verified by words alone",
            (false, false) => "not needed: no model writes answers",
        };
        let healthy = loaded || !self.asks_models;
        components.push(ComponentStatus { name: "embedding".into(), healthy, detail: detail.into() });
        StageStatus { version: self.version(), components }
    }
}

impl Generator {
    /// The least confidence of a quotation with which a question goes on. A model that is trusted may find the answer where
    /// the reader is unsure.
    fn min_quoted_confidence(&self) -> f32 {
        let Settings { min_confidence, ask_confidence, .. } = self.engine.settings;
        let may_be_surer = self.models.is_configured() && self.engine.trust.highest() >= min_confidence;
        if may_be_surer { min_confidence.min(ask_confidence) } else { min_confidence }
    }
}

/// The embedding model, which compares what a model writes with the passages; `None` when it cannot be loaded.
async fn open_embedder(config: &Config) -> anyhow::Result<Option<Arc<dyn Embedder>>> {
    let settings = config.embedding.clone();
    match tokio::task::spawn_blocking(move || OnnxEmbedder::open(&settings)).await? {
        Ok(embedder) => Ok(Some(Arc::new(embedder))),
        Err(error) => {
            warn!(%error, "no embedding model: answers are verified by words alone");
            Ok(None)
        }
    }
}

/// Runs CPU-bound work on the blocking thread pool.
async fn run_blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, StageError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|died| StageError::Retry {
        reason: format!("the answer's task failed: {died}"),
        after: None,
    })
}

/// A segment's reader features, for training.
#[derive(Serialize)]
pub struct SegmentFeatures {
    /// The index of its passage.
    pub passage: usize,
    /// Its text in the passage, unchanged.
    raw: String,
    label: bool,
    features: reader::FeatureVector,
}

impl SegmentFeatures {
    /// The names of the features.
    pub const FEATURE_NAMES: &[&str] = &reader::FEATURE_NAMES;
}

impl Generator {
    /// The reader features of every segment of a question's passages.
    ///
    /// # Errors
    /// When the work on them panics.
    pub async fn segment_features(&self, retrieved: Retrieved) -> Result<Vec<SegmentFeatures>, StageError> {
        let engine = Arc::clone(&self.engine);
        run_blocking(move || {
            let AnswerContext { passage_set, parsed, .. } = engine.analyse(retrieved);
            let features = engine.reader.features(&passage_set, &parsed).into_iter().enumerate();
            let segment = |(at, features): (usize, reader::FeatureVector)| SegmentFeatures {
                passage: passage_set.segments[at].passage,
                raw: passage_set.source_text(at),
                label: passage_set.segments[at].kind == segmenter::SegmentKind::Label,
                features,
            };
            features.map(segment).collect()
        })
        .await
    }
}

impl AnswerContext {
    /// The factor on every confidence: less than 1 where the question names what no document mentions.
    fn entity_factor(&self) -> f32 {
        if self.unknown_entity.is_some() { unknown_entity::CONFIDENCE_FACTOR } else { 1.0 }
    }
}

/// From these log odds on, a sentence answers whatever words the question has.
const CERTAIN_LOG_ODDS: f32 = 2.5;

impl AnswerEngine {
    fn analyse(&self, retrieved: Retrieved) -> AnswerContext {
        let classified = retrieved.classified;
        let parsed = ParsedQuestion::parse(&classified, &self.segmenter.analyser);
        let passage_set = PassageSet::new(retrieved.passages, &self.segmenter);
        let ranked = self.reader.rank(&passage_set, &parsed, &self.segmenter.analyser);
        let (support, out_of_scope) = (retrieved.support, classified.out_of_scope);
        // Documents in another language share few words with the question.
        let own = |best: &RankedSegment| passage_set.is_in_language(best.segment, parsed.language);
        let unknown_entity = ranked.first().filter(|best| own(best)).and_then(|best| {
            let odds = passage_set.scores[best.segment].and_then(|scores| scores.answers);
            let is_answered = odds.is_some_and(|odds| odds >= CERTAIN_LOG_ODDS);
            unknown_entity::find_unknown_entity(
                &parsed,
                &retrieved.unmentioned,
                is_answered,
                &self.common_words,
            )
        });
        let verdicts = VerdictCache::default();
        let mut context = AnswerContext {
            passage_set,
            parsed,
            ranked,
            support,
            out_of_scope,
            unknown_entity,
            quoted: None,
            ambiguity: None,
            verdicts,
        };
        context.ambiguity = self.product_ambiguity(&context, &classified);
        let quoted = extractive::quote(
            &context.passage_set,
            &context.ranked,
            &context.parsed,
            &self.segmenter.analyser,
        );
        context.quoted = quoted.map(|quoted| {
            let confidence = self.confidence(&context, quoted.chance, quoted.best);
            let sentences = context.with_assumed_product(quoted.sentences);
            QuotedAnswer {
                draft: AnswerDraft { sentences, confidence, response: None },
                segment: quoted.best.segment,
            }
        });
        context
    }

    /// The probability that an answer is right, from the sum of its segments' chances and its best segment.
    fn confidence(&self, context: &AnswerContext, chance: f32, best: RankedSegment) -> f32 {
        let signs =
            ConfidenceInputs { support: context.support, out_of_scope: context.out_of_scope, chance, best };
        let factor = if context.parsed.codes.is_about_another(&context.passage_set, best.segment) {
            unknown_entity::CONFIDENCE_FACTOR
        } else {
            context.entity_factor()
        };
        factor * self.reader.confidence(&context.passage_set, &context.parsed, signs)
    }
}

impl ReplayableStage for Generator {
    async fn open_for_replay(config: &Config, fallback: Option<&FallbackCalls>) -> anyhow::Result<Self> {
        let fallback = fallback.map(|calls| FallbackProvider::open(config, calls)).transpose()?;
        Ok(Self::open(config).await?.replaying(Arc::default(), fallback))
    }

    /// Makes the recorded provider calls of a job available. If no model was called for it, that holds only for the same
    /// passages.
    fn prepare(&self, input: &Envelope<Retrieved>, recorded: RecordedWork<'_>) {
        let ModelSource::Recorded(source) = &self.models else { return };
        let answer = &recorded.answer.body;
        let same =
            || matches!(recorded.input, Some(MessageBody::Retrieved(before)) if **before == input.body);
        if !answer.attempts.is_empty() || answer.provider.is_some() || same() {
            let version = answer.versions.get(Self::NAME).cloned().unwrap_or_default();
            let calls = RecordedCalls { version, attempts: answer.attempts.clone() };
            source.responses.insert(input.job_id.clone(), calls);
        }
    }

    fn finish(&self, job: &JobId) {
        if let ModelSource::Recorded(source) = &self.models {
            source.responses.take(job);
        }
    }
}

impl Generator {
    /// Replaces provider calls by recorded responses. The fallback provider is called where no recording fits.
    #[must_use]
    pub fn replaying(self, recorded: Arc<RecordedResponses>, fallback: Option<FallbackProvider>) -> Self {
        let models = match &self.models {
            ModelSource::Live(failover) => failover.models(),
            ModelSource::Recorded(replayed) => replayed.models.clone(),
        };
        let version = self.version.clone();
        Self {
            models: ModelSource::Recorded(RecordedSource { responses: recorded, models, version, fallback }),
            ..self
        }
    }
}
