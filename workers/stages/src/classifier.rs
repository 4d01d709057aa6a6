//! The classifier stage: intent, language, product, and the queries and collections to search.

pub use intent::OUT_OF_SCOPE;
pub(crate) use product::Products;

mod contact_detail;
mod intent;
mod linear_probe;
mod phrase_match;
mod product;
mod section;
mod small_talk_kind;
mod third_party;

use std::sync::Arc;

use anyhow::Context as _;
use hoidap_indices::{
    CollectionInfo, EmbedError, EmbedQueue, EmbeddedText, Embedder, ModelId, OnnxEmbedder, SearchError,
    text::{ResolvedMessage, UtteranceKind},
};
use hoidap_shared::{
    config::Config,
    digest::digest,
    job::{Answer, Classified, Envelope, Identifier, Outcome, PageContext, Question, ScoredLabel},
    phrases,
    progress::ProgressSink,
    stage::{ComponentStatus, NextStep, Stage, StageError, StageStatus},
    text::{Language, has_vietnamese_marks},
};

use self::{
    intent::{HUMAN_AGENT, Intents, SMALL_TALK},
    third_party::ThirdPartyServices,
};
use crate::{
    replayable::{RecordedWork, ReplayableStage},
    watched_library::{self, WatchedLibrary},
};

/// Lowest confidence at which small talk and a request for a person are answered at once. Below it, the documents
/// decide.
const MIN_IMMEDIATE_CONFIDENCE: f32 = 0.75;

/// The same for small talk that may be a follow-up.
const MIN_FOLLOW_UP_CONFIDENCE: f32 = 0.9;

/// The confidence of small talk and of a request for a person that rules recognise.
const RULE_CONFIDENCE: f32 = 0.95;

/// The out-of-scope probability of a question about a third-party service that no document mentions.
pub(crate) const THIRD_PARTY_OUT_OF_SCOPE: f32 = 1.0;

/// The first stage: understands the question.
pub struct Classifier {
    embedder: EmbedQueue,
    model: ModelId,
    /// Whether the model also outputs token vectors.
    has_token_vectors: bool,
    library: WatchedLibrary,
    intents: Intents,
    products: Products,
    services: ThirdPartyServices,
    config: Arc<Config>,
    version: String,
}

impl Stage for Classifier {
    const NAME: &'static str = "classifier";
    type In = Question;
    type Out = Classified;

    async fn open(config: &Config) -> anyhow::Result<Self> {
        let library = watched_library::open(config).await?;
        let settings = config.clone();
        let (embedder, intents) = tokio::task::spawn_blocking(move || {
            let embedder: Arc<dyn Embedder> = Arc::new(OnnxEmbedder::open(&settings.embedding)?);
            let intents = Intents::train(embedder.as_ref(), &settings.intents, &settings.indices.dir)?;
            anyhow::Ok((embedder, intents))
        })
        .await??;
        let (model, has_token_vectors) = (embedder.model().clone(), embedder.token_dimensions() > 0);
        let products = Products::new(&config.products);
        let version = digest(&[
            &format!("{:?} {:?} {:?}", config.products, config.sections, config.abbreviations),
            &intents.training_digest,
            &model.sha256,
        ]);
        let embedder = EmbedQueue::start(embedder, config.embedding.batch)
            .context("the embedding thread cannot be started")?;
        let (services, config) = (ThirdPartyServices::built_in(), Arc::new(config.clone()));
        Ok(Self { embedder, model, has_token_vectors, library, intents, products, services, config, version })
    }

    async fn process(
        &self,
        job: &Envelope<Question>,
        _: &ProgressSink,
    ) -> Result<NextStep<Classified>, StageError> {
        let question = &job.body;
        let failed =
            |error: &dyn std::fmt::Display| StageError::Retry { reason: error.to_string(), after: None };
        let (
            ResolvedMessage { interpretation, kind, own_text, meaning, contextual_meaning, mut queries },
            identifiers,
        ) = self.analyse(question).await.map_err(|error| failed(&error))?;
        let language = interpretation.language;
        self.embedder.embed_wordings(&mut queries).await.map_err(|error| failed(&error))?;
        if let Some(intent) =
            self.conversational_intent(kind, &own_text).await.map_err(|error| failed(&error))?
        {
            return Ok(NextStep::Answer(self.immediate_answer(question, language, intent)));
        }
        let ranked = self.rank_intents(&contextual_meaning).await.map_err(|error| failed(&error))?;
        let mut intent = ranked.first().cloned().ok_or_else(|| failed(&"there are no intents"))?;
        let mut out_of_scope = intent_confidence(&ranked, OUT_OF_SCOPE);
        if self.is_about_third_party(&question.message, &meaning).await.map_err(|error| failed(&error))? {
            out_of_scope = THIRD_PARTY_OUT_OF_SCOPE;
            intent = ScoredLabel { name: OUT_OF_SCOPE.into(), confidence: out_of_scope };
        }
        // A follow-up may change the product: names in the message take precedence over the resolved question.
        let about = if self.products.named_in(&question.message).is_empty() {
            &contextual_meaning
        } else {
            &question.message
        };
        let product = match intent.name.as_str() {
            SMALL_TALK | OUT_OF_SCOPE | HUMAN_AGENT => None,
            _ => self.products.detect(about, &question.context, &question.history),
        };
        let collections = self.collections_to_search(product.as_ref(), &self.products.named_in(about));
        Ok(NextStep::Forward(Classified {
            question: question.clone(),
            language,
            meaning,
            intent,
            out_of_scope,
            product,
            section: section::section_of_page(&self.config.sections, &question.context),
            queries,
            collections,
            identifiers,
            version: self.version(),
            embedded_by: self.model.sha256.clone(),
        }))
    }

    fn version(&self) -> String {
        digest(&[&self.version, &self.library.version()])
    }

    fn status(&self) -> StageStatus {
        let failure = self.embedder.failure();
        let detail = match &failure {
            None => format!("{} in memory", self.config.embedding.model),
            Some(error) => error.to_string(),
        };
        let embedding = ComponentStatus { name: "embedding".into(), healthy: failure.is_none(), detail };
        StageStatus { version: self.version(), components: vec![embedding] }
    }
}

impl ReplayableStage for Classifier {
    /// Reuses the embeddings of the recorded classification, where the same model made them.
    fn prepare(&self, _: &Envelope<Question>, recorded: RecordedWork<'_>) {
        let Some(classified) = recorded.output.classified().filter(|_| recorded.reuses_embeddings) else {
            return;
        };
        if self.model.sha256.is_empty() || classified.embedded_by != self.model.sha256 {
            return;
        }
        for query in &classified.queries {
            let Some(vector) = query.embedding.as_ref() else { continue };
            // Recordings of earlier releases have no token vectors.
            if vector.len() == self.model.dimensions && query.tokens.is_empty() != self.has_token_vectors {
                let embedded = EmbeddedText { vector: vector.clone(), tokens: query.tokens.clone() };
                self.embedder.remember(&query.text, embedded);
            }
        }
    }
}

impl Classifier {
    /// Analyses the question with its conversation, and finds the identifiers in it.
    async fn analyse(&self, question: &Question) -> Result<(ResolvedMessage, Vec<Identifier>), String> {
        let (library, config) = (Arc::clone(&self.library), Arc::clone(&self.config));
        let question = question.clone();
        let reading = tokio::task::spawn_blocking(move || {
            let message = &question.message;
            let identifiers = library.identifiers(message).into_iter().map(|named| Identifier {
                text: message[named.range].to_string(),
                held: named.spelled.is_some(),
            });
            let hint = page_language(&question.context);
            (library.resolve(message, hint, &question.history, &config.products), identifiers.collect())
        });
        reading.await.map_err(|died| died.to_string())
    }

    /// The intents of a text, most likely first.
    async fn rank_intents(&self, text: &str) -> Result<Vec<ScoredLabel>, EmbedError> {
        let embedding = self.embedder.query(text).await?;
        Ok(self.intents.rank(text, &embedding))
    }

    /// The intent of a sentence that is only small talk or a request for a person: by rules, else by its meaning.
    /// Follow-ups are often as short as small talk, so they need a higher confidence.
    async fn conversational_intent(
        &self,
        sentence: UtteranceKind,
        text: &str,
    ) -> Result<Option<ScoredLabel>, EmbedError> {
        let sure = |name: &str| ScoredLabel { name: name.into(), confidence: RULE_CONFIDENCE };
        match sentence {
            UtteranceKind::SmallTalk => return Ok(Some(sure(SMALL_TALK))),
            UtteranceKind::HumanRequest => return Ok(Some(sure(HUMAN_AGENT))),
            UtteranceKind::FollowUp | UtteranceKind::PossibleFollowUp | UtteranceKind::Question => {}
        }
        let goes_on = sentence == UtteranceKind::FollowUp;
        let best = self.rank_intents(text).await?.into_iter().next();
        Ok(best.filter(|intent| match intent.name.as_str() {
            SMALL_TALK => {
                intent.confidence >= if goes_on { MIN_FOLLOW_UP_CONFIDENCE } else { MIN_IMMEDIATE_CONFIDENCE }
            }
            HUMAN_AGENT => {
                intent.confidence >= MIN_IMMEDIATE_CONFIDENCE
                    && !contact_detail::asks_for_contact_detail(text)
            }
            _ => false,
        }))
    }

    /// Whether the question is about a third-party service that no document mentions, and about none of the site's
    /// products.
    async fn is_about_third_party(&self, message: &str, meaning: &str) -> Result<bool, String> {
        let asked_about = self.services.asked_about(message);
        if asked_about.is_empty() || !self.products.named_in(meaning).is_empty() {
            return Ok(false);
        }
        let library = Arc::clone(&self.library);
        let looking = tokio::task::spawn_blocking(move || {
            asked_about.iter().try_fold(true, |none, name| Ok(none && !library.mentions(name)?))
        });
        let found: Result<bool, SearchError> = looking.await.map_err(|died| died.to_string())?;
        found.map_err(|error| error.to_string())
    }

    /// The collections of the product and those without a product; all when the product is unclear.
    fn collections_to_search(&self, product: Option<&ScoredLabel>, named: &[&str]) -> Vec<String> {
        let wanted = |collection: &CollectionInfo| match (&collection.product, product) {
            (Some(of), Some(wanted)) => *of == wanted.name || named.contains(&of.as_str()),
            _ => true,
        };
        self.library.collections().into_iter().filter(wanted).map(|collection| collection.name).collect()
    }

    /// The answer to small talk or a request for a person, which needs no documents.
    fn immediate_answer(&self, question: &Question, language: Language, intent: ScoredLabel) -> Answer {
        let (outcome, text) = match intent.name.as_str() {
            HUMAN_AGENT => {
                (Outcome::HumanAgent, phrases::human_agent(language, &self.config.support.address))
            }
            _ => {
                let kind = small_talk_kind::detect_kind(&question.message);
                (Outcome::SmallTalk, phrases::small_talk(language, kind, &self.config.support.address))
            }
        };
        Answer {
            confidence: intent.confidence,
            intent,
            ..Answer::without_sources(question, language, outcome, text)
        }
    }
}

/// The confidence of one of the ranked intents; 0 if it is missing.
fn intent_confidence(ranked: &[ScoredLabel], name: &str) -> f32 {
    ranked.iter().find(|intent| intent.name == name).map_or(0.0, |intent| intent.confidence)
}

/// The language of a page: by a path segment such as `/vi/`, else by the marks in its title.
fn page_language(page: &PageContext) -> Option<Language> {
    let path = url::Url::parse(&page.url).ok();
    let of_path = path.as_ref().and_then(|url| url.path_segments()?.find_map(Language::from_locale));
    of_path.or_else(|| has_vietnamese_marks(&page.title).then_some(Language::Vi))
}
