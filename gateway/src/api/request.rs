use hoidap_shared::{
    events::page_address,
    job::{PageContext, Question, Sender, Turn},
    text::normalise,
};
use serde::Deserialize;
use utoipa::ToSchema;

/// Characters of an earlier turn that are used: ten turns of four bytes a character leave room for eight passages in a
/// message of the jobs stream.
const USED_CONTENT: usize = 2_000;

/// A question.
#[derive(Debug, Deserialize, ToSchema)]
pub struct ChatRequest {
    /// What the visitor asks: 1 to 1,000 characters once white space is trimmed and the text is composed (NFC).
    #[schema(min_length = 1, max_length = 1000, pattern = r"\S", example = "Làm sao để đổi mật khẩu?")]
    pub message: String,
    /// The visitor's session, of the site's own making: printable characters.
    #[schema(
        min_length = 10,
        max_length = 128,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]+$",
        example = "session-0001"
    )]
    pub session_id: String,
    /// The page the visitor is on.
    pub context: PageInput,
    /// Earlier turns, oldest first. Only the latest few are used.
    #[schema(max_items = 100)]
    pub history: Option<Vec<TurnInput>>,
    /// The site's own name for the visitor.
    #[schema(max_length = 128)]
    pub user_id: Option<String>,
    /// Whether the answer comes as server-sent events, as with `Accept: text/event-stream`.
    #[expect(dead_code, reason = "read before the body is checked as a whole")]
    stream: Option<bool>,
}

/// A page of the site.
#[derive(Debug, Deserialize, ToSchema)]
pub struct PageInput {
    /// Its address, http or https. It counts by origin and path alone.
    #[schema(
        format = "uri",
        max_length = 2048,
        pattern = "^https?://",
        example = "https://www.example.com/vi/mail"
    )]
    pub url: String,
    /// Its title.
    #[schema(max_length = 300)]
    pub title: String,
    /// The product it is about.
    #[schema(max_length = 100)]
    pub product: Option<String>,
    /// The section it belongs to.
    #[schema(max_length = 100)]
    pub section: Option<String>,
    /// The beginning of its text.
    #[schema(max_length = 5000)]
    pub content_preview: Option<String>,
}

/// One earlier turn of the conversation.
#[derive(Debug, Deserialize, ToSchema)]
pub struct TurnInput {
    /// What was said.
    #[schema(max_length = 4000)]
    pub content: String,
    /// Who said it.
    #[schema(value_type = SenderName)]
    pub sender: Sender,
    /// When, as an ISO 8601 date and time, with or without a zone.
    #[schema(format = "date-time", example = "2026-01-31T09:30:00Z")]
    #[expect(dead_code, reason = "checked and part of the contract, but nothing depends on it")]
    timestamp: Option<String>,
    /// The page the turn was said on; accepted, not used.
    #[expect(dead_code, reason = "part of the contract, but nothing depends on it")]
    context: Option<serde_json::Map<String, serde_json::Value>>,
}

/// Who wrote a turn.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "only its schema is used")]
pub enum SenderName {
    /// The visitor.
    User,
    /// Hoidap.
    Assistant,
}

impl ChatRequest {
    /// The question as the fleet gets it: texts in normal form, the page by origin and path, the latest `used_turns`
    /// turns that say anything.
    pub fn into_question(self, client: String, used_turns: usize) -> Question {
        let text = |text: Option<String>| text.map(|text| normalise(&text)).filter(|text| !text.is_empty());
        let mut context = PageContext {
            url: self.context.url,
            title: normalise(&self.context.title),
            product: text(self.context.product),
            section: text(self.context.section),
            content_preview: text(self.context.content_preview),
        };
        context.url = page_address(&context);
        let mut history: Vec<Turn> = self
            .history
            .unwrap_or_default()
            .into_iter()
            .map(|turn| Turn { content: beginning(&normalise(&turn.content)), sender: turn.sender })
            .filter(|turn| !turn.content.is_empty())
            .collect();
        history.drain(..history.len().saturating_sub(used_turns));
        Question {
            message: normalise(&self.message),
            session_id: self.session_id,
            context,
            history,
            user_id: self.user_id,
            client,
        }
    }
}

fn beginning(text: &str) -> String {
    text.chars().take(USED_CONTENT).collect()
}
