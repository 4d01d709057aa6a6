//! Tries one provider after the other until one responds, within the visitor's deadline.

use std::{future::Future, time::Duration};

use futures::StreamExt as _;
use hoidap_shared::{
    config::{Config, ProviderKind},
    job::{ProviderAttempt, ProviderOutput, Usage},
    progress::VoidReason,
    stage::ComponentStatus,
};
use tokio::time::{Instant, timeout};
use tower::retry::budget::{Budget as _, TpsBudget};
use tracing::debug;

use crate::generator::{
    answer::streamer::AnswerStreamer,
    prompt::Prompt,
    provider::{BreakerSettings, CallError, DeltaStream, ModelProvider, ResponseDelta},
    text::cleaning::clean_model_text,
};

/// Time kept back for the extractive answer.
const FALLBACK_RESERVE: Duration = Duration::from_millis(600);
/// No model is called with less time than this.
const MIN_CALL_TIME: Duration = Duration::from_millis(300);
/// How long a question counts towards the retry budget.
const RETRY_BUDGET_WINDOW: Duration = Duration::from_secs(10);
/// Retries per second that are always allowed.
const MIN_RETRIES_PER_SECOND: u32 = 1;

/// A model's complete response.
#[derive(Clone, Debug)]
pub(crate) struct ModelResponse {
    /// The provider's name.
    pub(crate) provider: String,
    /// The model's name.
    pub(crate) model: String,
    /// The cleaned text.
    pub(crate) text: String,
    /// Tokens and their cost.
    pub(crate) usage: Usage,
    /// Whether it was cut off at the token limit.
    pub(crate) cut_off: bool,
}

impl ModelResponse {
    /// Converts a recorded response.
    pub(crate) fn from_recorded(provider: String, wrote: &ProviderOutput) -> Self {
        Self {
            provider,
            model: wrote.model.clone(),
            text: clean_model_text(&wrote.text),
            usage: wrote.usage.clone(),
            cut_off: wrote.cut_off,
        }
    }
}

/// The outcome of the provider calls for one question.
#[derive(Default)]
pub(crate) struct ProviderCalls {
    /// The first successful response.
    pub(crate) response: Option<ModelResponse>,
    /// The response that the visitor stopped, as far as it had come.
    pub(crate) stopped: Option<ModelResponse>,
    /// Every call, in order.
    pub(crate) attempts: Vec<ProviderAttempt>,
}

impl ProviderCalls {
    /// The last call's response.
    fn last_response(&self) -> Option<&ProviderOutput> {
        self.attempts.last().and_then(|attempt| attempt.wrote.as_ref())
    }
}

/// The providers in the order they are tried.
pub(crate) struct Failover {
    models: Vec<ModelProvider>,
    /// Limits the extra load during an outage: only a share of the questions may be retried.
    retry_budget: TpsBudget,
}

#[derive(Clone, Debug)]
pub(in crate::generator) struct ProviderModel {
    pub(in crate::generator) provider: String,
    pub(in crate::generator) model: String,
}

impl Failover {
    /// Opens the configured providers up to the first extractive one; the rest is never reached.
    ///
    /// # Errors
    /// When a provider's address cannot be used.
    pub(crate) fn open(config: &Config) -> anyhow::Result<Self> {
        let settings = &config.generator;
        let breaker = BreakerSettings {
            failures: settings.breaker_failures,
            open_for: Duration::from_millis(settings.breaker_open_ms),
            probe_interval: Duration::from_millis(settings.probe_ms.max(100)),
        };
        let mut models = Vec::new();
        for name in &settings.providers {
            let Some(provider) = config.providers.get(name) else { continue };
            if provider.kind == ProviderKind::Extractive {
                break;
            }
            models.extend(ModelProvider::open(name, provider, breaker)?);
        }
        let share = settings.second_call_share.clamp(0.0, 1.0);
        Ok(Self { models, retry_budget: TpsBudget::new(RETRY_BUDGET_WINDOW, MIN_RETRIES_PER_SECOND, share) })
    }

    /// The providers with their models, in order.
    pub(in crate::generator) fn models(&self) -> Vec<ProviderModel> {
        let model = |model: &ModelProvider| ProviderModel {
            provider: model.name.clone(),
            model: model.model.clone(),
        };
        self.models.iter().map(model).collect()
    }

    /// The health of each provider.
    pub(crate) fn components(&self) -> Vec<ComponentStatus> {
        self.models.iter().map(ModelProvider::component).collect()
    }

    /// Calls the providers in order until one responds within `remaining`. The response is streamed as it arrives.
    pub(crate) async fn ask(
        &self,
        remaining: Duration,
        prompt: impl Fn() -> Prompt,
        streamer: &mut AnswerStreamer<'_>,
    ) -> ProviderCalls {
        let end = Instant::now() + remaining.saturating_sub(FALLBACK_RESERVE);
        let live = streamer.live();
        let mut calls = ProviderCalls::default();
        self.retry_budget.deposit();
        for model in &self.models {
            let left = end.saturating_duration_since(Instant::now());
            let again = !calls.attempts.is_empty();
            if left < MIN_CALL_TIME || (again && !self.retry_budget.withdraw()) {
                break;
            }
            let Some(permit) = model.breaker.permit() else { continue };
            let began = Instant::now();
            let (prompt, mut response) = (prompt(), StreamedResponse::default());
            // Dropping the call closes the connection, which stops the provider.
            let result = tokio::select! {
                biased;
                () = live.stopped() => Err(CallError::Stopped),
                result = stream_response(model, &prompt, left, &mut response, streamer) => result,
            };
            let took = began.elapsed();
            record_metrics(&model.name, &result, took);
            let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
            let error = result.as_ref().err().map(ToString::to_string);
            let stopped = matches!(result, Err(CallError::Stopped));
            let wrote = (result.is_ok() || stopped).then(|| response.recorded(model, &prompt));
            let provider = model.name.clone();
            calls.attempts.push(ProviderAttempt { provider: provider.clone(), took_ms, error, wrote });
            match result {
                Ok(()) => {
                    permit.succeeded();
                    calls.response =
                        calls.last_response().map(|wrote| ModelResponse::from_recorded(provider, wrote));
                    break;
                }
                Err(CallError::Stopped) => {
                    calls.stopped =
                        calls.last_response().map(|wrote| ModelResponse::from_recorded(provider, wrote));
                    break;
                }
                Err(error) => {
                    streamer.retract(VoidReason::ProviderFailed);
                    debug!(provider = model.name, %error, "trying the next provider");
                    // A timeout that our own deadline shortened is not the provider's fault.
                    let hurried = matches!(error, CallError::Timeout { .. }) && took < model.first_token;
                    if !hurried || took >= model.total {
                        permit.failed(error);
                    }
                }
            }
        }
        calls
    }
}

fn record_metrics(provider: &str, result: &Result<(), CallError>, took: Duration) {
    let outcome = match result {
        Ok(_) => "answered",
        Err(CallError::Unreachable(_)) => "unreachable",
        Err(CallError::Timeout { .. }) => "timeout",
        Err(CallError::Status(_)) => "refused",
        Err(CallError::Invalid(_)) => "invalid",
        Err(CallError::Empty) => "empty",
        Err(CallError::NoKey(_)) => "no_key",
        Err(CallError::Stopped) => "stopped",
    };
    let labels = [("provider", provider.to_string()), ("outcome", outcome.to_string())];
    metrics::counter!("hoidap_provider_calls_total", &labels).increment(1);
    metrics::histogram!("hoidap_provider_seconds", "provider" => provider.to_string())
        .record(took.as_secs_f64());
}

/// One call. The first event must come within `first_token`, the first text within `first_token` or, if the model
/// thinks, within `thinking`, the end within `total`, and everything within `left`.
async fn stream_response(
    model: &ModelProvider,
    prompt: &Prompt,
    left: Duration,
    response: &mut StreamedResponse,
    streamer: &mut AnswerStreamer<'_>,
) -> Result<(), CallError> {
    let began = Instant::now();
    let mut deltas = within(model.first_token.min(left), "first words", async {
        let mut deltas = model.llm.ask(prompt).await?;
        while response.is_empty() && response.read_next(&mut deltas).await? {}
        Ok(deltas)
    })
    .await?;
    let thinking = model.thinking.min(left).saturating_sub(began.elapsed());
    within(thinking, "words of a model that thinks", async {
        while response.text.is_empty() && response.read_next(&mut deltas).await? {}
        Ok(())
    })
    .await?;
    let rest = model.total.min(left).saturating_sub(began.elapsed());
    within(rest, "end of the answer", async {
        streamer.update(&model.name, &response.text).await;
        while response.read_next(&mut deltas).await? {
            streamer.update(&model.name, &response.text).await;
        }
        Ok(())
    })
    .await?;
    if clean_model_text(&response.text).contains(char::is_alphanumeric) {
        Ok(())
    } else {
        Err(CallError::Empty)
    }
}

async fn within<T>(
    time: Duration,
    what: &'static str,
    work: impl Future<Output = Result<T, CallError>>,
) -> Result<T, CallError> {
    timeout(time, work).await.unwrap_or(Err(CallError::Timeout { what, after_ms: time.as_millis() }))
}

/// A response as received so far.
#[derive(Default)]
struct StreamedResponse {
    text: String,
    prompt_tokens: u32,
    completion_tokens: u32,
    cut_off: bool,
    delta_count: u32,
    is_thinking: bool,
}

impl StreamedResponse {
    /// Whether nothing has arrived.
    fn is_empty(&self) -> bool {
        self.text.is_empty() && !self.is_thinking
    }

    /// The text and tokens so far. Providers report tokens at the end; until then each delta counts as one.
    fn recorded(&self, model: &ModelProvider, prompt: &Prompt) -> ProviderOutput {
        let estimated = self.completion_tokens == 0 && self.delta_count > 0;
        let usage = if estimated {
            model.usage(prompt.tokens(), self.delta_count, true)
        } else {
            model.usage(self.prompt_tokens, self.completion_tokens, false)
        };
        ProviderOutput {
            model: model.model.clone(),
            prompt: prompt.digest(),
            text: self.text.clone(),
            cut_off: self.cut_off,
            usage,
        }
    }

    /// Reads the next delta; false at the end.
    async fn read_next(&mut self, deltas: &mut DeltaStream) -> Result<bool, CallError> {
        match deltas.next().await {
            None => return Ok(false),
            Some(delta) => match delta? {
                ResponseDelta::Text(text) => {
                    self.text.push_str(&text);
                    self.delta_count = self.delta_count.saturating_add(1);
                }
                ResponseDelta::Thinking => self.is_thinking = true,
                ResponseDelta::CutOff => self.cut_off = true,
                ResponseDelta::Tokens { prompt, completion } => {
                    self.prompt_tokens = prompt.unwrap_or(self.prompt_tokens);
                    self.completion_tokens = completion.unwrap_or(self.completion_tokens);
                }
            },
        }
        Ok(true)
    }
}
