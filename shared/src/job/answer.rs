use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Question, ScoredLabel};
use crate::{events::page_address, text::Language};

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Answered from documents, with sources.
    Answered,
    /// No document supports an answer; the text says so.
    Unanswered,
    /// The answer differs by what the question leaves open, such as the product; the text asks which, and `choices` has those.
    AskedBack,
    /// Small talk, answered without documents.
    SmallTalk,
    /// Not what this site answers; politely declined.
    OutOfScope,
    /// The visitor wants a person; the text says how to reach one.
    HumanAgent,
    /// The visitor stopped it; the text is what was written by then.
    Stopped,
    /// The job could not be worked on; the text is an apology and `problem` names the reason.
    Failed,
}

impl Outcome {
    /// Whether another visitor who asks the same may get this answer from the cache.
    pub fn cacheable(self) -> bool {
        !matches!(self, Self::Failed | Self::Unanswered | Self::Stopped)
    }

    /// The name in events and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Unanswered => "unanswered",
            Self::AskedBack => "asked_back",
            Self::SmallTalk => "small_talk",
            Self::OutOfScope => "out_of_scope",
            Self::HumanAgent => "human_agent",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }
}

/// Where a source stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SourceMetadata {
    /// The document's address on the site.
    pub url: String,
    /// The document's title.
    pub title: String,
    /// The headings above the passage, outermost first.
    pub heading_path: Vec<String>,
    /// The chunk the passage is.
    pub chunk_id: String,
    /// SHA-256 of the document, in hexadecimal.
    pub document_version: String,
    /// The version of the collection it was found in.
    pub index_version: String,
    /// Where the passage starts in the document's extracted text, in characters.
    pub start: usize,
    /// Where it ends, exclusive.
    pub end: usize,
    /// The document's path as it was indexed.
    pub source: String,
    /// The document's locale.
    pub locale: String,
    /// The product the document is about.
    pub product: Option<String>,
    /// The section it belongs to.
    pub section: Option<String>,
}

/// A passage the answer cites. The answer's `[n]` is the n-th source, from 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Source {
    /// The passage's text.
    pub content: String,
    /// The collection it was found in.
    pub collection: String,
    /// How well it fits the question, 0 to 1.
    pub score: f32,
    /// Where it stands.
    pub metadata: SourceMetadata,
}

/// One sentence of the answer and the source that supports it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Citation {
    /// The source's number, from 1.
    pub n: u32,
    /// Where the supported sentence starts in the answer, in characters.
    pub answer_start: usize,
    /// Where it ends, exclusive.
    pub answer_end: usize,
    /// How strongly the source supports it, 0 to 1.
    pub support: f32,
}

/// One of the things that a question may be about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Choice {
    /// What it is called.
    pub label: String,
    /// The visitor's question, completed by it: what to ask next.
    pub question: String,
}

/// One call of a language-model provider.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProviderAttempt {
    /// The provider's name in the configuration.
    pub provider: String,
    /// Milliseconds the call took.
    pub took_ms: u64,
    /// Why it gave no answer; `None` when it did.
    pub error: Option<String>,
    /// Its words as they came, for the log alone: what a replay takes in place of a call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrote: Option<ProviderOutput>,
}

impl ProviderAttempt {
    /// The same without the words, for where nothing is replayed from.
    pub fn without_words(&self) -> Self {
        Self { wrote: None, ..self.clone() }
    }
}

/// The words of a provider, and what they were an answer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Wrote")]
pub struct ProviderOutput {
    /// The model.
    pub model: String,
    /// The first 16 hexadecimal digits of the prompt's SHA-256: another prompt has other words.
    pub prompt: String,
    /// The words, before anything was made of them.
    pub text: String,
    /// Whether it stopped because it had no room left.
    pub cut_off: bool,
    /// Tokens and their cost.
    pub usage: Usage,
}

/// What an answer cost.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Usage {
    /// Tokens read by the model.
    pub prompt_tokens: u32,
    /// Tokens written by the model.
    pub completion_tokens: u32,
    /// In US dollars, where the provider's prices are configured.
    pub cost_usd: Option<f64>,
    /// Whether the tokens were counted by us, because the provider was stopped before it told them.
    #[serde(default)]
    pub estimated: bool,
}

/// The end of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Answer {
    /// The session that asked.
    pub session_id: String,
    /// The site's own name for the visitor, when it gave one.
    pub user_id: Option<String>,
    /// Keyed hash of the client's address.
    pub client: String,
    /// The question in normal form.
    pub question: String,
    /// The page it was asked on, without query or fragment.
    pub page: String,
    /// How the job ended.
    pub outcome: Outcome,
    /// A stable code of the failure, such as `deadline_exceeded`; only with [`Outcome::Failed`].
    pub problem: Option<String>,
    /// What the visitor reads, with `[n]` behind each supported sentence.
    pub text: String,
    /// The passages it cites.
    pub sources: Vec<Source>,
    /// Which sentence rests on which source.
    pub citations: Vec<Citation>,
    /// What the visitor is asked to choose from; only with [`Outcome::AskedBack`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<Choice>,
    /// 0 to 1.
    pub confidence: f32,
    /// The intent; `unknown` when the job failed before it was found.
    pub intent: ScoredLabel,
    /// The product it is about.
    pub product: Option<String>,
    /// The language of the answer.
    pub language: Language,
    /// The provider whose words these are; `None` when none was asked.
    pub provider: Option<String>,
    /// The model it ran.
    pub model: Option<String>,
    /// Every provider called, in order.
    pub attempts: Vec<ProviderAttempt>,
    /// What it cost.
    pub usage: Usage,
    /// What each stage's result depends on, by stage name: part of the cache key.
    pub versions: BTreeMap<String, String>,
}

impl Answer {
    /// An answer to `question` that rests on no document and no model: no sources, a confidence of 0, an unknown intent.
    pub fn without_sources(question: &Question, language: Language, outcome: Outcome, text: String) -> Self {
        Self {
            session_id: question.session_id.clone(),
            user_id: question.user_id.clone(),
            client: question.client.clone(),
            question: question.message.clone(),
            page: page_address(&question.context),
            outcome,
            problem: None,
            text,
            sources: Vec::new(),
            citations: Vec::new(),
            choices: Vec::new(),
            confidence: 0.0,
            intent: ScoredLabel { name: "unknown".into(), confidence: 0.0 },
            product: None,
            language,
            provider: None,
            model: None,
            attempts: Vec::new(),
            usage: Usage::default(),
            versions: BTreeMap::new(),
        }
    }
}
