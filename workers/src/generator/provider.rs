//! Language models behind HTTP: what they are asked and what they answer.

mod anthropic;
mod circuit_breaker;
pub(super) mod failover;
mod health_probe;
mod http;
mod openai;
pub(super) mod recorded_responses;
mod unsupported_parameters;

use std::{sync::Arc, time::Duration};

use futures::{future::BoxFuture, stream::BoxStream};
use hoidap_shared::{
    config::{Provider as Settings, ProviderKind},
    job::Usage,
    stage::Component,
};

pub(crate) use circuit_breaker::CircuitBreaker;
pub(crate) use health_probe::HealthProbe;

use crate::generator::prompt::Prompt;

/// A piece of a model's answer as it arrives.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ResponseDelta {
    /// Words.
    Text(String),
    /// The model thinks: a sign of life, and none of its words.
    Thinking,
    /// Tokens read and written so far; a later one replaces an earlier.
    Tokens { prompt: Option<u32>, completion: Option<u32> },
    /// The model stopped because it had no room left.
    CutOff,
}

/// Why a call gave no answer. Neither keys nor what a server says in an error's body is in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CallError {
    /// Nobody listens, or the connection broke before an answer began.
    #[error("unreachable: {0}")]
    Unreachable(String),
    /// A time-out of ours passed.
    #[error("no {what} within {after_ms} ms")]
    Timeout {
        /// What was waited for.
        what: &'static str,
        /// How long.
        after_ms: u128,
    },
    /// The server refused.
    #[error("HTTP {0}")]
    Status(u16),
    /// What came is not the protocol, or too much of it.
    #[error("invalid answer: {0}")]
    Invalid(String),
    /// The visitor wants no more.
    #[error("stopped by the visitor")]
    Stopped,
    /// The answer holds no words.
    #[error("empty answer")]
    Empty,
    /// The variable that should hold the key is not set.
    #[error("no key: the environment variable {0} is not set")]
    NoKey(String),
}

/// The pieces of an answer, until it ends or fails.
pub(crate) type DeltaStream = BoxStream<'static, Result<ResponseDelta, CallError>>;

/// A language model. Implementations differ in protocol alone; time-outs and failover stand above them.
pub(crate) trait Llm: Send + Sync {
    /// Asks; the answer arrives in pieces.
    fn ask<'a>(&'a self, prompt: &'a Prompt) -> BoxFuture<'a, Result<DeltaStream, CallError>>;

    /// Looks whether the server is there and takes our key, without asking the model anything.
    fn probe(&self) -> BoxFuture<'_, Result<(), CallError>>;
}

/// When a provider's circuit breaker opens, and how often the provider is probed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BreakerSettings {
    /// Failures in a row that open it.
    pub(crate) failures: u32,
    /// How long it stays open.
    pub(crate) open_for: Duration,
    /// How often a provider without traffic is probed.
    pub(crate) probe_interval: Duration,
}

/// A configured provider that runs a model.
pub(crate) struct ModelProvider {
    /// Its name in the configuration.
    pub(crate) name: String,
    /// The model it runs.
    pub(crate) model: String,
    /// Longest wait for the first words.
    pub(crate) first_token: Duration,
    /// Longest wait for the first words of a model that thinks before it answers.
    pub(crate) thinking: Duration,
    /// Longest wait for the whole answer.
    pub(crate) total: Duration,
    /// Its protocol.
    pub(crate) llm: Arc<dyn Llm>,
    /// Keeps calls away while it fails.
    pub(crate) breaker: Arc<CircuitBreaker>,
    prices: (Option<f64>, Option<f64>),
    health: HealthProbe,
}

impl ModelProvider {
    /// Opens a configured provider; `None` for one without a model.
    ///
    /// # Errors
    /// When its address cannot be used.
    pub(crate) fn open(
        name: &str,
        settings: &Settings,
        breaker_settings: BreakerSettings,
    ) -> anyhow::Result<Option<Self>> {
        let llm: Arc<dyn Llm> = match settings.kind {
            ProviderKind::Extractive => return Ok(None),
            ProviderKind::OpenAi => Arc::new(openai::OpenAi::new(http::HttpClient::new(name, settings)?)),
            ProviderKind::Anthropic => {
                Arc::new(anthropic::Anthropic::new(http::HttpClient::new(name, settings)?))
            }
        };
        let breaker = Arc::new(CircuitBreaker::new(breaker_settings.failures, breaker_settings.open_for));
        let health =
            HealthProbe::watch(name, Arc::clone(&llm), Arc::clone(&breaker), breaker_settings.probe_interval);
        Ok(Some(Self {
            name: name.into(),
            model: settings.model.clone(),
            first_token: Duration::from_millis(settings.first_token_timeout_ms),
            thinking: Duration::from_millis(settings.thinking_timeout_ms),
            total: Duration::from_millis(settings.total_timeout_ms),
            llm,
            breaker,
            prices: (settings.usd_per_million_prompt_tokens, settings.usd_per_million_completion_tokens),
            health,
        }))
    }

    /// What so many tokens cost; no dollars where a price is not configured.
    pub(crate) fn usage(&self, prompt_tokens: u32, completion_tokens: u32, estimated: bool) -> Usage {
        let cost = |tokens: u32, price: f64| f64::from(tokens) * price / 1e6;
        let cost_usd = match self.prices {
            (Some(prompt), Some(completion)) => {
                Some(cost(prompt_tokens, prompt) + cost(completion_tokens, completion))
            }
            _ => None,
        };
        Usage { prompt_tokens, completion_tokens, cost_usd, estimated }
    }

    /// How it is doing.
    pub(crate) fn component(&self) -> Component {
        self.health.component(&self.name, &self.breaker)
    }
}
