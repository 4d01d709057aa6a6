//! Language models over HTTP: protocols, circuit breaker, health probe and failover.

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
    config::{ProviderConfig as Settings, ProviderKind},
    job::Usage,
    stage::ComponentStatus,
};

pub(crate) use circuit_breaker::CircuitBreaker;
pub(crate) use health_probe::ProviderProbe;

use crate::generator::prompt::Prompt;

/// One increment of a streamed response.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ResponseDelta {
    /// Text.
    Text(String),
    /// The model is thinking: a sign of life without text.
    Thinking,
    /// Token counts so far; a later one replaces an earlier one.
    Tokens { prompt: Option<u32>, completion: Option<u32> },
    /// The model reached its token limit.
    CutOff,
}

/// Why a call failed. It contains neither keys nor the server's error text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CallError {
    /// The connection failed, or broke before the response began.
    #[error("unreachable: {0}")]
    Unreachable(String),
    /// A timeout expired.
    #[error("no {what} within {after_ms} ms")]
    Timeout {
        /// What was waited for.
        what: &'static str,
        /// The timeout, in milliseconds.
        after_ms: u128,
    },
    /// The server answered with an error status.
    #[error("HTTP {0}")]
    Status(u16),
    /// The response does not follow the protocol, or is too large.
    #[error("invalid answer: {0}")]
    Invalid(String),
    /// The visitor stopped the answer.
    #[error("stopped by the visitor")]
    Stopped,
    /// The response has no text.
    #[error("empty answer")]
    Empty,
    /// The environment variable for the key is not set.
    #[error("no key: the environment variable {0} is not set")]
    NoKey(String),
}

/// A streamed response, until it ends or fails.
pub(crate) type DeltaStream = BoxStream<'static, Result<ResponseDelta, CallError>>;

/// A language model's protocol. Timeouts and failover are handled by the caller.
pub(crate) trait Llm: Send + Sync {
    /// Sends a prompt and streams the response.
    fn ask<'a>(&'a self, prompt: &'a Prompt) -> BoxFuture<'a, Result<DeltaStream, CallError>>;

    /// Checks that the server is reachable and accepts the key, without a model call.
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

/// A configured provider with its protocol, limits and health.
pub(crate) struct ModelProvider {
    /// The provider's name in the configuration.
    pub(crate) name: String,
    /// The model's name.
    pub(crate) model: String,
    /// Longest wait for the first text.
    pub(crate) first_token: Duration,
    /// Longest wait for the first text of a model that thinks first.
    pub(crate) thinking: Duration,
    /// Longest wait for the whole response.
    pub(crate) total: Duration,
    /// The protocol client.
    pub(crate) llm: Arc<dyn Llm>,
    /// Blocks calls while the provider fails.
    pub(crate) breaker: Arc<CircuitBreaker>,
    prices: (Option<f64>, Option<f64>),
    health: ProviderProbe,
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
        let health = ProviderProbe::watch(
            name,
            Arc::clone(&llm),
            Arc::clone(&breaker),
            breaker_settings.probe_interval,
        );
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

    /// The cost of a number of tokens; no US dollars where a price is not configured.
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

    /// The provider's health.
    pub(crate) fn component(&self) -> ComponentStatus {
        self.health.component(&self.name, &self.breaker)
    }
}
