use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::Language;

/// Who wrote a turn of the conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Sender {
    /// The visitor.
    User,
    /// Hoidap.
    Assistant,
}

/// One earlier turn of the conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Turn {
    /// What was said, in normal form.
    pub content: String,
    /// Who said it.
    pub sender: Sender,
}

/// The page the visitor is on. Supplied by the visitor's browser, so never trusted beyond being a hint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PageContext {
    /// The page's address, http or https.
    pub url: String,
    /// The page's title.
    pub title: String,
    /// The product the page says it is about.
    pub product: Option<String>,
    /// The section the page says it belongs to.
    pub section: Option<String>,
    /// The beginning of the page's text.
    pub content_preview: Option<String>,
}

/// What the gateway publishes: the visitor's question as it was admitted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Question {
    /// The message in normal form, 1 to 1000 characters.
    pub message: String,
    /// The visitor's session.
    pub session_id: String,
    /// The page it was asked on.
    pub context: PageContext,
    /// Earlier turns, oldest first; bounded by the gateway.
    pub history: Vec<Turn>,
    /// The site's own name for the visitor, when it gave one.
    pub user_id: Option<String>,
    /// Keyed hash of the client's address; the address itself never leaves the gateway.
    pub client: String,
}

/// A value and how sure its finder is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Scored")]
pub struct ScoredLabel {
    /// The value's name.
    pub name: String,
    /// 0 to 1.
    pub confidence: f32,
}

/// Where a query's wording comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum QueryKind {
    /// The visitor's own words.
    Asked,
    /// The visitor's words with their diacritics put back and their abbreviations written out.
    Restored,
    /// A follow-up made to stand alone; of one in another language than what it goes on with, the question before.
    Rewritten,
}

/// One wording of what to look for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Query {
    /// The wording.
    pub text: String,
    /// Where it comes from.
    pub kind: QueryKind,
    /// How much its ranks count in the fusion, above 0 to 1.
    pub weight: f32,
    /// Its embedding, L2-normalised; `None` where the wording is searched by its words alone.
    pub embedding: Option<Vec<f32>>,
    /// Small vectors of its tokens, one signed byte a component, for late interaction; empty where the model has none.
    #[serde(default, with = "serde_bytes", skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<u8>")]
    pub tokens: Vec<u8>,
}

impl Query {
    /// A wording without vectors.
    pub fn new(text: impl Into<String>, kind: QueryKind, weight: f32) -> Self {
        Self { text: text.into(), kind, weight, embedding: None, tokens: Vec::new() }
    }
}

/// A code, part number or version that a question names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Identifier {
    /// As the visitor wrote it.
    pub text: String,
    /// Whether a document in service holds it, however it is spelled there.
    pub held: bool,
}

/// A question whose meaning is known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Classified {
    /// What was asked.
    pub question: Question,
    /// The language to answer in.
    pub language: Language,
    /// What the visitor is taken to mean: diacritics put back, a follow-up made to stand alone.
    pub meaning: String,
    /// The intent.
    pub intent: ScoredLabel,
    /// How likely it is by its words that the question is about something else than the site, 0 to 1; 1 where it is about
    /// a service that no document mentions. The documents have a say, too: see the retriever's support.
    #[serde(default)]
    pub out_of_scope: f32,
    /// The product it is about, when one is clear.
    pub product: Option<ScoredLabel>,
    /// The section of the site to prefer, when the page has one.
    pub section: Option<String>,
    /// The wordings to search, the most trusted first.
    pub queries: Vec<Query>,
    /// The collections of the product and those of none: what is searched where `retriever.filter` is set.
    pub collections: Vec<String>,
    /// The identifiers it names, of which the documents tell whether they hold them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub identifiers: Vec<Identifier>,
    /// The version of everything the classifier's result depends on.
    pub version: String,
    /// The model of the embeddings: the SHA-256 of its file, in hexadecimal; empty where it is not known.
    #[serde(default)]
    pub embedded_by: String,
}
