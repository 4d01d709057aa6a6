//! Settings of documents, search and answers. Their meaning and defaults stand in `defaults.toml`.
#![allow(missing_docs)]

use std::{collections::BTreeMap, path::PathBuf};

use serde::Deserialize;

/// Where visitors are sent when nothing else can be said.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SupportConfig {
    pub address: String,
}

/// Where collections live and how they are built.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndicesConfig {
    pub dir: PathBuf,
    pub keep_versions: usize,
    pub withdrawn_share: f32,
    pub max_loss_share: f32,
    pub versions: BTreeMap<String, String>,
    pub reload_ms: u64,
    pub faiss_index: String,
    pub exact_up_to: usize,
    pub max_file_bytes: u64,
    pub max_read_secs: u64,
    pub max_read_memory_bytes: u64,
    pub max_document_chars: usize,
    pub max_document_chunks: usize,
}

/// The embedding model.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmbeddingConfig {
    pub model_dir: PathBuf,
    pub model: String,
    pub threads: usize,
    pub sessions: usize,
    pub batch: usize,
}

/// How documents are cut.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChunkingConfig {
    pub max_tokens: usize,
    pub overlap_tokens: usize,
}

/// The second stage.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetrieverConfig {
    pub depth: usize,
    pub candidates: usize,
    pub max_passage_chars: usize,
    pub min_support: f32,
    pub filter: bool,
}

/// The last stage.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GeneratorConfig {
    pub providers: Vec<String>,
    pub prompt_tokens: usize,
    pub answer_tokens: u32,
    pub passages: usize,
    pub min_confidence: f32,
    pub ask_confidence: f32,
    pub draft_confidence: f32,
    pub min_sentence_support: f32,
    pub min_supported_share: f32,
    pub breaker_failures: u32,
    pub breaker_open_ms: u64,
    pub probe_ms: u64,
    pub second_call_share: f32,
    pub concurrency: usize,
    pub stream_ms: u64,
}

/// What a provider speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProviderKind {
    /// `POST {base_url}/chat/completions`: OpenAI, Gemini, Ollama, vLLM, llama.cpp.
    OpenAi,
    /// `POST {base_url}/messages`.
    Anthropic,
    /// No model: sentences quoted from the passages.
    Extractive,
}

/// Parameters of a request to a model that a provider may be asked without.
pub const OMITTABLE: [&str; 6] =
    ["max_tokens", "max_completion_tokens", "temperature", "stream_options", "stop", "stop_sequences"];

/// A language-model provider. Left-out values are those shown in `defaults.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderConfig {
    pub kind: ProviderKind,
    #[serde(default)]
    pub base_url: String,
    #[serde(default)]
    pub model: String,
    #[serde(default)]
    pub api_key_env: String,
    #[serde(default = "connect_timeout_ms")]
    pub connect_timeout_ms: u64,
    #[serde(default = "first_token_timeout_ms")]
    pub first_token_timeout_ms: u64,
    #[serde(default = "thinking_timeout_ms")]
    pub thinking_timeout_ms: u64,
    #[serde(default = "total_timeout_ms")]
    pub total_timeout_ms: u64,
    #[serde(default)]
    pub omit: Vec<String>,
    #[serde(default = "trust")]
    pub trust: f32,
    #[serde(default)]
    pub usd_per_million_prompt_tokens: Option<f64>,
    #[serde(default)]
    pub usd_per_million_completion_tokens: Option<f64>,
}

/// What was measured of a capable model over three sites, rounded down; see docs/models.md.
fn trust() -> f32 {
    0.7
}

fn connect_timeout_ms() -> u64 {
    1_000
}

fn first_token_timeout_ms() -> u64 {
    10_000
}

fn thinking_timeout_ms() -> u64 {
    20_000
}

fn total_timeout_ms() -> u64 {
    25_000
}

/// A website whose pages carry the widget.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SiteConfig {
    pub key: String,
    pub origins: Vec<String>,
}

/// A product of the site.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProductConfig {
    pub id: String,
    pub name: String,
    #[serde(default)]
    pub aliases: Vec<String>,
    #[serde(default)]
    pub urls: Vec<String>,
}

/// A section of the site.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SectionConfig {
    pub id: String,
    pub urls: Vec<String>,
}

/// More examples of an intent.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IntentExamples {
    pub name: String,
    pub examples: Vec<String>,
}

/// A collection that is built from files.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CollectionConfig {
    pub name: String,
    #[serde(default)]
    pub product: Option<String>,
    #[serde(default)]
    pub section: Option<String>,
    #[serde(default)]
    pub locale: Option<String>,
    #[serde(default)]
    pub root: Option<PathBuf>,
    #[serde(default)]
    pub base_url: Option<String>,
    pub paths: Vec<PathBuf>,
}
