//! Analytics events: one for every chat, however it ended, and one for each feedback of a visitor about an answer.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::job::{Answer, Envelope, Hop, JobId, PageContext, ProviderAttempt, SCHEMA, Usage};

/// The kind of an event about the end of a chat; the token after `events` in its subject.
pub const CHAT: &str = "chat";
/// The kind of an event with a visitor's feedback.
pub const FEEDBACK: &str = "feedback";

/// Longest answer that an event holds, in characters.
pub const MAX_ANSWER: usize = 8_000;

/// How one chat ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChatEvent {
    /// The number of the event's schema; see [`SCHEMA`].
    pub schema: u16,
    /// The job; also the key by which a doubled event is known.
    pub job_id: JobId,
    /// The end, in milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// `answered`, `cached`, `unanswered`, `asked_back`, `small_talk`, `out_of_scope`, `human_agent`, `stopped`, `rate_limited`, `rejected`
    /// or `failed`.
    pub outcome: String,
    /// How many chats this event tells of: more than one only for refusals that came by the hundred, and tell no more.
    #[serde(default = "one")]
    pub times: u32,
    /// A stable code, where the outcome is a failure.
    pub problem: Option<String>,
    /// The session.
    pub session_id: String,
    /// The site's own name for the visitor.
    pub user_id: Option<String>,
    /// Keyed hash of the client's address.
    pub client: String,
    /// The question.
    pub question: String,
    /// What the visitor read, cut to [`MAX_ANSWER`] characters; empty where there was no answer.
    #[serde(default)]
    pub answer: String,
    /// The page, without query or fragment.
    pub page: String,
    /// The intent, `unknown` when the chat ended before it was found.
    pub intent: String,
    /// The product.
    pub product: Option<String>,
    /// The language of the answer.
    pub language: String,
    /// 0 to 1.
    pub confidence: f32,
    /// Milliseconds from the question to the end.
    pub took_ms: u64,
    /// The provider whose words were given.
    pub provider: Option<String>,
    /// Its model.
    pub model: Option<String>,
    /// Every provider called, in order.
    pub attempts: Vec<ProviderAttempt>,
    /// Tokens and cost.
    pub usage: Usage,
    /// Time in each stage.
    pub hops: Vec<Hop>,
    /// `url` of each cited source.
    pub sources: Vec<String>,
    /// The versions the answer depends on.
    pub versions: BTreeMap<String, String>,
}

impl ChatEvent {
    /// The event of a job that went through the fleet and ended at `at_ms`. The same envelope and time always give the same event.
    pub fn from_answer(envelope: &Envelope<Answer>, at_ms: u64) -> Self {
        let answer = &envelope.body;
        Self {
            schema: SCHEMA,
            job_id: envelope.job_id.clone(),
            at_ms,
            outcome: answer.outcome.name().to_string(),
            times: one(),
            problem: answer.problem.clone(),
            session_id: answer.session_id.clone(),
            user_id: answer.user_id.clone(),
            client: answer.client.clone(),
            question: answer.question.clone(),
            answer: truncate_answer(&answer.text),
            page: answer.page.clone(),
            intent: answer.intent.name.clone(),
            product: answer.product.clone(),
            language: answer.language.code().to_string(),
            confidence: answer.confidence,
            took_ms: at_ms.saturating_sub(envelope.accepted_ms),
            provider: answer.provider.clone(),
            model: answer.model.clone(),
            attempts: answer.attempts.iter().map(ProviderAttempt::without_words).collect(),
            usage: answer.usage.clone(),
            hops: envelope.hops.clone(),
            sources: answer.sources.iter().map(|source| source.metadata.url.clone()).collect(),
            versions: answer.versions.clone(),
        }
    }
}

fn one() -> u32 {
    1
}

/// An answer's text, cut to [`MAX_ANSWER`] characters.
pub fn truncate_answer(answer: &str) -> String {
    answer.chars().take(MAX_ANSWER).collect()
}

/// What a visitor thinks of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Rating {
    /// It helped.
    Up,
    /// It did not.
    Down,
}

impl Rating {
    /// The name in events and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

/// What a visitor says of an answer. Of several words about one answer the last one counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FeedbackEvent {
    /// The number of the event's schema; see [`SCHEMA`].
    pub schema: u16,
    /// The job whose answer is meant.
    pub job_id: JobId,
    /// When it was said, in milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// The session that asked, and says this.
    pub session_id: String,
    /// Whether the answer helped.
    pub rating: Rating,
    /// Why, in a word such as `wrong`, `incomplete`, `outdated` or `unclear`.
    pub reason: Option<String>,
    /// Why, in the visitor's own words.
    pub comment: Option<String>,
}

/// The page's address without query, fragment and credentials: they may contain tracking or personal data.
pub fn page_address(context: &PageContext) -> String {
    match url::Url::parse(&context.url) {
        Ok(mut url) => {
            url.set_query(None);
            url.set_fragment(None);
            let _ = url.set_username("");
            let _ = url.set_password(None);
            url.to_string()
        }
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_counts_by_origin_and_path() {
        let page = |url: &str| page_address(&PageContext { url: url.into(), ..PageContext::default() });
        assert_eq!(page("https://u:p@a.example/b/c?utm_source=x&q=1#top"), "https://a.example/b/c");
        assert_eq!(page("no address"), "");
    }
}
