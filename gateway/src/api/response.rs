use hoidap_shared::{
    job::{Choice, Citation, JobId, Source, Usage},
    progress::{CitedSentence, Draft},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::storage::cache::CachedAnswer;

/// An answer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ChatResponse {
    /// What the visitor reads, with `[n]` behind each supported sentence.
    pub response: String,
    /// The session that asked.
    pub session_id: String,
    /// The passages the answer cites; `[n]` is the n-th, from 1.
    pub sources: Vec<SourceOutput>,
    /// How sure the answer is.
    #[schema(minimum = 0, maximum = 1)]
    pub confidence: f32,
    /// What the visitor wants, such as `how_to`.
    pub intent: String,
    /// The product it is about.
    pub target_product: Option<String>,
    /// Seconds from the request to the answer.
    pub processing_time: f64,
    /// The job's name, for questions to the operator.
    #[schema(value_type = String, format = "uuid")]
    pub job_id: JobId,
    /// How the question ended: `answered`, `unanswered`, `asked_back`, `small_talk`, `out_of_scope`, `human_agent` or `stopped`.
    pub outcome: &'static str,
    /// The language of the answer: `vi` or `en`.
    pub language: &'static str,
    /// Whether the answer was given before and kept.
    pub cached: bool,
    /// Which sentence rests on which source.
    pub citations: Vec<CitationOutput>,
    /// What the visitor is asked to choose from, where the answer differs by it; empty but with `asked_back`.
    pub choices: Vec<AnswerChoiceOutput>,
    /// What it cost.
    pub usage: UsageOutput,
}

/// One of the things that the question may be about.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct AnswerChoiceOutput {
    /// What it is called.
    pub label: String,
    /// The visitor's question, completed by it: the message to send next.
    pub question: String,
}

/// What an answer cost.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct UsageOutput {
    /// Tokens read by the model.
    pub prompt_tokens: u32,
    /// Tokens written by the model.
    pub completion_tokens: u32,
    /// In US dollars, where the provider's prices are configured.
    pub cost_usd: Option<f64>,
    /// Whether the tokens were counted by us: the provider was stopped before it told them.
    pub estimated: bool,
}

/// A passage the answer cites.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SourceOutput {
    /// The passage's text.
    pub content: String,
    /// The collection it was found in.
    pub collection: String,
    /// How well it fits the question.
    #[schema(minimum = 0, maximum = 1)]
    pub score: f32,
    /// Where it stands.
    pub metadata: SourceMetadataOutput,
}

/// Where a passage stands.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SourceMetadataOutput {
    /// The document's address.
    pub url: String,
    /// The document's title.
    pub title: String,
    /// The headings above the passage, outermost first.
    pub heading_path: Vec<String>,
    /// The chunk the passage is.
    pub chunk_id: String,
    /// SHA-256 of the document, in hexadecimal.
    pub document_version: String,
    /// The version of the collection.
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

/// One sentence of the answer and the source that supports it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CitationOutput {
    /// The source's number, from 1.
    #[schema(minimum = 1)]
    pub n: u32,
    /// Where the sentence starts in the answer, in characters.
    pub answer_start: usize,
    /// Where it ends, exclusive.
    pub answer_end: usize,
    /// How strongly the source supports it.
    #[schema(minimum = 0, maximum = 1)]
    pub support: f32,
    /// The source's chunk.
    pub chunk_id: String,
    /// The source's address.
    pub url: String,
    /// The source's title.
    pub title: String,
}

impl ChatResponse {
    /// The answer to one visitor: `answer` is the same for all who ask the same.
    pub fn new(
        answer: CachedAnswer,
        session_id: String,
        job_id: JobId,
        cached: bool,
        seconds: f64,
        usage: Usage,
    ) -> Self {
        let citations =
            answer.citations.into_iter().map(|citation| cited(citation, &answer.sources)).collect();
        Self {
            response: answer.text,
            session_id,
            sources: answer.sources.into_iter().map(SourceOutput::from).collect(),
            confidence: unit(answer.confidence),
            intent: answer.intent,
            target_product: answer.product,
            processing_time: seconds,
            job_id,
            outcome: answer.outcome.name(),
            language: answer.language.code(),
            cached,
            citations,
            choices: answer.choices.into_iter().map(AnswerChoiceOutput::from).collect(),
            usage: UsageOutput {
                prompt_tokens: usage.prompt_tokens,
                completion_tokens: usage.completion_tokens,
                cost_usd: usage.cost_usd,
                estimated: usage.estimated,
            },
        }
    }
}

impl From<Source> for SourceOutput {
    fn from(source: Source) -> Self {
        let at = source.metadata;
        Self {
            content: source.content,
            collection: source.collection,
            score: unit(source.score),
            metadata: SourceMetadataOutput {
                url: at.url,
                title: at.title,
                heading_path: at.heading_path,
                chunk_id: at.chunk_id,
                document_version: at.document_version,
                index_version: at.index_version,
                start: at.start,
                end: at.end,
                source: at.source,
                locale: at.locale,
                product: at.product,
                section: at.section,
            },
        }
    }
}

impl From<Choice> for AnswerChoiceOutput {
    fn from(Choice { label, question }: Choice) -> Self {
        Self { label, question }
    }
}

/// A quotation that may stand until the answer's first words.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct DraftOutput {
    /// What the visitor reads, with `[n]` behind each sentence.
    pub text: String,
    /// Which sentence rests on which source; offsets in `text`.
    pub citations: Vec<CitationOutput>,
}

impl From<Draft> for DraftOutput {
    fn from(Draft { text, citations }: Draft) -> Self {
        Self { text, citations: citations.into_iter().map(Into::into).collect() }
    }
}

impl From<CitedSentence> for CitationOutput {
    fn from(CitedSentence { citation, chunk_id, url, title }: CitedSentence) -> Self {
        Self {
            n: citation.n,
            answer_start: citation.answer_start,
            answer_end: citation.answer_end,
            support: unit(citation.support),
            chunk_id,
            url,
            title,
        }
    }
}

fn cited(citation: Citation, sources: &[Source]) -> CitationOutput {
    let at = sources.get((citation.n as usize).saturating_sub(1)).map(|source| &source.metadata);
    let text =
        |of: fn(&hoidap_shared::job::SourceMetadata) -> &String| at.map(of).cloned().unwrap_or_default();
    let (chunk_id, url, title) = (text(|at| &at.chunk_id), text(|at| &at.url), text(|at| &at.title));
    CitedSentence { citation, chunk_id, url, title }.into()
}

/// A number of 0 to 1; one that is none counts as 0, because JSON has no NaN.
fn unit(value: f32) -> f32 {
    if value.is_nan() { 0.0 } else { value.clamp(0.0, 1.0) }
}
