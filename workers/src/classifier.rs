//! The first stage: what is meant, about which product, and what to look for.

pub(crate) use intent::OUT_OF_SCOPE;

mod elsewhere;
mod intent;
mod probe;
mod product;
mod sections;

use std::{collections::BTreeMap, sync::Arc};

use anyhow::Context as _;
use hoidap_indices::{CollectionInfo, EmbedQueue, Embedder, ModelId, OnnxEmbedder, SearchError, text};
use hoidap_shared::{
    config::Config,
    events::page_of,
    job::{Answer, Classified, Envelope, Outcome, PageContext, Query, Question, Scored, Usage},
    live::Live,
    phrases,
    stage::{Component, Next, Stage, StageError, StageStatus},
    text::{Language, has_vietnamese_marks},
};

use self::{
    elsewhere::Services,
    intent::{HUMAN_AGENT, Intents, SMALL_TALK},
    product::Products,
};
use crate::collections::{self, Watched};

/// An intent that is answered at once must be this likely; otherwise the documents decide.
const AT_ONCE: f32 = 0.75;

/// How likely a question about somebody else's service is out of scope, at least.
const ELSEWHERE: f32 = 0.8;

/// Understands questions.
pub struct Classifier {
    embedder: EmbedQueue,
    model: ModelId,
    library: Watched,
    intents: Intents,
    products: Products,
    services: Services,
    config: Arc<Config>,
    version: String,
}

impl Stage for Classifier {
    const NAME: &'static str = "classifier";
    type In = Question;
    type Out = Classified;

    async fn open(config: &Config) -> anyhow::Result<Self> {
        let library = collections::watch(config).await?;
        let settings = config.clone();
        let (embedder, intents) = tokio::task::spawn_blocking(move || {
            let embedder: Arc<dyn Embedder> = Arc::new(OnnxEmbedder::open(&settings.embedding)?);
            let intents = Intents::learn(embedder.as_ref(), &settings.intents, &settings.indices.dir)?;
            anyhow::Ok((embedder, intents))
        })
        .await??;
        let model = embedder.model().clone();
        let products = Products::new(&config.products);
        let version = collections::digest(&[
            &format!("{:?} {:?} {:?}", config.classifier, config.products, config.sections),
            &intents.learnt_from,
            &model.sha256,
        ]);
        let embedder =
            EmbedQueue::start(embedder, config.embedding.batch).context("no thread for embedding")?;
        let (services, config) = (Services::built_in(), Arc::new(config.clone()));
        Ok(Self { embedder, model, library, intents, products, services, config, version })
    }

    async fn process(&self, job: &Envelope<Question>, _: &Live) -> Result<Next<Classified>, StageError> {
        let question = &job.body;
        let failed =
            |error: &dyn std::fmt::Display| StageError::Retry { reason: error.to_string(), after: None };
        let Reading { language, meaning, mut queries } = self.read(question);
        self.embedder.fill(&mut queries).await.map_err(|error| failed(&error))?;
        let known =
            queries.iter().find(|query| query.text == meaning).and_then(|query| query.embedding.clone());
        let embedding = match known {
            Some(embedding) => embedding,
            None => self.embedder.query(&meaning).await.map_err(|error| failed(&error))?,
        };
        let ranked = self.intents.rank(&meaning, &embedding);
        let mut intent = ranked.first().cloned().ok_or_else(|| failed(&"no intent is known"))?;
        let mut out_of_scope =
            ranked.iter().find(|intent| intent.name == OUT_OF_SCOPE).map_or(0.0, |intent| intent.confidence);
        if self.is_elsewhere(&question.message, &meaning).await.map_err(|error| failed(&error))? {
            out_of_scope = out_of_scope.max(ELSEWHERE);
            intent = Scored { name: OUT_OF_SCOPE.into(), confidence: out_of_scope };
        }
        if let Some(answer) = self.answer_at_once(question, language, &intent) {
            return Ok(Next::Answer(answer));
        }
        // A follow-up may change the product: what it names itself counts before what it was rewritten to.
        let about =
            if self.products.named(&question.message).is_empty() { &meaning } else { &question.message };
        let product = match intent.name.as_str() {
            SMALL_TALK | OUT_OF_SCOPE | HUMAN_AGENT => None,
            _ => self.products.find(about, &question.context, &question.history),
        };
        let collections = self.collections(product.as_ref(), &self.products.named(about));
        Ok(Next::Forward(Classified {
            question: question.clone(),
            language,
            meaning,
            intent,
            out_of_scope,
            product,
            section: sections::of_page(&self.config.sections, &question.context),
            queries,
            collections,
            version: self.version(),
            embedded_by: self.model.sha256.clone(),
        }))
    }

    fn status(&self) -> StageStatus {
        let failure = self.embedder.failure();
        let detail = match &failure {
            None => format!("{} in memory", self.config.embedding.model),
            Some(error) => error.to_string(),
        };
        let embedding = Component { name: "embedding".into(), healthy: failure.is_none(), detail };
        StageStatus { version: self.version(), components: vec![embedding] }
    }
}

/// A question as it was read, before anything is embedded.
struct Reading {
    language: Language,
    meaning: String,
    queries: Vec<Query>,
}

impl Classifier {
    /// Takes over the embeddings of a question that was classified before, where the same model made them.
    pub(crate) fn recall(&self, classified: &Classified) {
        if self.model.sha256.is_empty() || classified.embedded_by != self.model.sha256 {
            return;
        }
        for query in &classified.queries {
            if let Some(embedding) =
                query.embedding.as_ref().filter(|vector| vector.len() == self.model.dimensions)
            {
                self.embedder.keep(&query.text, embedding.clone());
            }
        }
    }

    fn read(&self, question: &Question) -> Reading {
        let text = self.library.text();
        let understood = text.understand(&question.message, page_language(&question.context));
        let rewritten = text::follow_up(&understood, &question.history, &self.config.products, &text);
        let queries = text::queries(&understood, rewritten.as_deref());
        let meaning = rewritten.unwrap_or_else(|| understood.meaning().to_string());
        Reading { language: understood.language, meaning, queries }
    }

    /// Whether the question is about a service that no document mentions, and about none of the site's products.
    async fn is_elsewhere(&self, message: &str, meaning: &str) -> Result<bool, String> {
        let asked_about = self.services.asked_about(message);
        if asked_about.is_empty() || !self.products.named(meaning).is_empty() {
            return Ok(false);
        }
        let library = Arc::clone(&self.library);
        let looking = tokio::task::spawn_blocking(move || {
            asked_about.iter().try_fold(true, |none, name| Ok(none && !library.mentions(name)?))
        });
        let found: Result<bool, SearchError> = looking.await.map_err(|died| died.to_string())?;
        found.map_err(|error| error.to_string())
    }

    /// The collections of a product and those of none; all when no product is clear.
    fn collections(&self, product: Option<&Scored>, named: &[&str]) -> Vec<String> {
        let wanted = |collection: &CollectionInfo| match (&collection.product, product) {
            (Some(of), Some(wanted)) => *of == wanted.name || named.contains(&of.as_str()),
            _ => true,
        };
        self.library.collections().into_iter().filter(wanted).map(|collection| collection.name).collect()
    }

    fn version(&self) -> String {
        collections::digest(&[&self.version, &self.library.version()])
    }

    /// Small talk, a wish for a person and questions about something else need no documents, when they are clear.
    fn answer_at_once(&self, question: &Question, language: Language, intent: &Scored) -> Option<Answer> {
        if intent.confidence < AT_ONCE {
            return None;
        }
        let support = &self.config.support.address;
        let (outcome, text) = match intent.name.as_str() {
            SMALL_TALK => (Outcome::SmallTalk, phrases::small_talk(language).to_string()),
            OUT_OF_SCOPE => (Outcome::OutOfScope, phrases::out_of_scope(language, support)),
            HUMAN_AGENT => (Outcome::HumanAgent, phrases::human_agent(language, support)),
            _ => return None,
        };
        Some(Answer {
            session_id: question.session_id.clone(),
            user_id: question.user_id.clone(),
            client: question.client.clone(),
            question: question.message.clone(),
            page: page_of(&question.context),
            outcome,
            problem: None,
            text,
            sources: Vec::new(),
            citations: Vec::new(),
            confidence: intent.confidence,
            intent: intent.clone(),
            product: None,
            language,
            provider: None,
            model: None,
            attempts: Vec::new(),
            usage: Usage::default(),
            versions: BTreeMap::from([(Self::NAME.to_string(), self.version())]),
        })
    }
}

/// The language of a page, by a segment of its path such as `/vi/`, else by the marks in its title.
fn page_language(page: &PageContext) -> Option<Language> {
    let path = url::Url::parse(&page.url).ok();
    let of_path = path.as_ref().and_then(|url| url.path_segments()?.find_map(Language::from_locale));
    of_path.or_else(|| has_vietnamese_marks(&page.title).then_some(Language::Vi))
}
