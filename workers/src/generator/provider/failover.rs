//! From provider to provider until one gives words, within the time that the visitor waits.

use std::{future::Future, time::Duration};

use futures::StreamExt as _;
use hoidap_shared::{
    config::{Config, ProviderKind},
    job::{ProviderAttempt, Usage, Wrote},
    live::Reason,
    stage::Component,
};
use tokio::time::{Instant, timeout};
use tower::retry::budget::{Budget as _, TpsBudget};
use tracing::debug;

use crate::generator::{
    answer::streamer::Aloud,
    prompt::Prompt,
    provider::{CallError, Delta, Deltas, Model, recorded_responses::AskedModel},
    text::cleaning::model_text,
};

/// Time that is left for the answer made without a model.
const RESERVE: Duration = Duration::from_millis(600);
/// With less time than this, no model is asked.
const TOO_LITTLE: Duration = Duration::from_millis(300);
/// How long a question counts towards the budget of second calls.
const BUDGET_WINDOW: Duration = Duration::from_secs(10);
/// Second calls a second that are allowed whatever the budget.
const BUDGET_FLOOR: u32 = 1;

/// What a model wrote.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    /// The provider's name.
    pub(crate) provider: String,
    /// Its model.
    pub(crate) model: String,
    /// Its words, cleaned.
    pub(crate) text: String,
    /// Tokens and their cost.
    pub(crate) usage: Usage,
    /// Whether it stopped because it had no room left.
    pub(crate) cut_off: bool,
}

impl Written {
    /// What is made of a provider's words.
    pub(crate) fn of(provider: String, wrote: &Wrote) -> Self {
        Self {
            provider,
            model: wrote.model.clone(),
            text: model_text(&wrote.text),
            usage: wrote.usage.clone(),
            cut_off: wrote.cut_off,
        }
    }
}

/// What came of asking.
#[derive(Default)]
pub(crate) struct Calls {
    /// The words of the first model that gave some.
    pub(crate) written: Option<Written>,
    /// The call that the visitor stopped, its words and tokens as far as they had come.
    pub(crate) stopped: Option<Written>,
    /// Every call that was made, in order.
    pub(crate) attempts: Vec<ProviderAttempt>,
}

impl Calls {
    /// The words of the last call.
    fn words(&self) -> Option<&Wrote> {
        self.attempts.last().and_then(|attempt| attempt.wrote.as_ref())
    }
}

/// The models in the order they are tried.
pub(crate) struct Failover {
    models: Vec<Model>,
    /// Bounds how many calls an outage may add: a share of the questions may be asked a second time.
    second_calls: TpsBudget,
}

impl Failover {
    /// The configured providers up to the first that needs no model: what comes after it is never reached.
    ///
    /// # Errors
    /// When a provider's address cannot be used.
    pub(crate) fn open(config: &Config) -> anyhow::Result<Self> {
        let settings = &config.generator;
        let breaker = (
            settings.breaker_failures,
            Duration::from_millis(settings.breaker_open_ms),
            Duration::from_millis(settings.probe_ms.max(100)),
        );
        let mut models = Vec::new();
        for name in &settings.providers {
            let Some(provider) = config.providers.get(name) else { continue };
            if provider.kind == ProviderKind::Extractive {
                break;
            }
            models.extend(Model::open(name, provider, breaker)?);
        }
        let share = settings.second_call_share.clamp(0.0, 1.0);
        Ok(Self { models, second_calls: TpsBudget::new(BUDGET_WINDOW, BUDGET_FLOOR, share) })
    }

    /// The models that are asked, in order.
    pub(in crate::generator) fn asked(&self) -> Vec<AskedModel> {
        let asked = |model: &Model| AskedModel { provider: model.name.clone(), model: model.model.clone() };
        self.models.iter().map(asked).collect()
    }

    /// How each provider is doing.
    pub(crate) fn components(&self) -> Vec<Component> {
        self.models.iter().map(Model::component).collect()
    }

    /// The first words that a provider gives within `remaining`, said aloud while they come.
    pub(crate) async fn write(
        &self,
        remaining: Duration,
        prompt: impl Fn() -> Prompt,
        aloud: &mut Aloud<'_>,
    ) -> Calls {
        let end = Instant::now() + remaining.saturating_sub(RESERVE);
        let live = aloud.live();
        let mut calls = Calls::default();
        self.second_calls.deposit();
        for model in &self.models {
            let left = end.saturating_duration_since(Instant::now());
            let again = !calls.attempts.is_empty();
            if left < TOO_LITTLE || (again && !self.second_calls.withdraw()) {
                break;
            }
            let Some(permit) = model.breaker.permit() else { continue };
            let began = Instant::now();
            let (prompt, mut spoken) = (prompt(), Spoken::default());
            // Dropping the call closes its connection, and the provider stops.
            let result = tokio::select! {
                biased;
                () = live.stopped() => Err(CallError::Stopped),
                result = call(model, &prompt, left, &mut spoken, aloud) => result,
            };
            let took = began.elapsed();
            count(&model.name, &result, took);
            let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
            let error = result.as_ref().err().map(ToString::to_string);
            let stopped = matches!(result, Err(CallError::Stopped));
            let wrote = (result.is_ok() || stopped).then(|| spoken.wrote(model, &prompt));
            let provider = model.name.clone();
            calls.attempts.push(ProviderAttempt { provider: provider.clone(), took_ms, error, wrote });
            match result {
                Ok(()) => {
                    permit.succeeded();
                    calls.written = calls.words().map(|wrote| Written::of(provider, wrote));
                    break;
                }
                Err(CallError::Stopped) => {
                    calls.stopped = calls.words().map(|wrote| Written::of(provider, wrote));
                    break;
                }
                Err(error) => {
                    aloud.void(Reason::ProviderFailed);
                    debug!(provider = model.name, %error, "the next provider is asked");
                    // Our own haste is not the provider's fault.
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

fn count(provider: &str, result: &Result<(), CallError>, took: Duration) {
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

/// One call: a sign of life within `first_token`, the first words then, too, or within `thinking` of a model that
/// thinks, all of them within `total`, and all within `left`.
async fn call(
    model: &Model,
    prompt: &Prompt,
    left: Duration,
    spoken: &mut Spoken,
    aloud: &mut Aloud<'_>,
) -> Result<(), CallError> {
    let began = Instant::now();
    let mut deltas = within(model.first_token.min(left), "first words", async {
        let mut deltas = model.llm.ask(prompt).await?;
        while spoken.is_silent() && spoken.take(&mut deltas).await? {}
        Ok(deltas)
    })
    .await?;
    let thinking = model.thinking.min(left).saturating_sub(began.elapsed());
    within(thinking, "words of a model that thinks", async {
        while spoken.text.is_empty() && spoken.take(&mut deltas).await? {}
        Ok(())
    })
    .await?;
    let rest = model.total.min(left).saturating_sub(began.elapsed());
    within(rest, "end of the answer", async {
        aloud.hear(&spoken.text).await;
        while spoken.take(&mut deltas).await? {
            aloud.hear(&spoken.text).await;
        }
        Ok(())
    })
    .await?;
    if model_text(&spoken.text).contains(char::is_alphanumeric) { Ok(()) } else { Err(CallError::Empty) }
}

async fn within<T>(
    time: Duration,
    what: &'static str,
    work: impl Future<Output = Result<T, CallError>>,
) -> Result<T, CallError> {
    timeout(time, work).await.unwrap_or(Err(CallError::Timeout { what, after_ms: time.as_millis() }))
}

/// What has arrived of an answer.
#[derive(Default)]
struct Spoken {
    text: String,
    prompt_tokens: u32,
    completion_tokens: u32,
    cut_off: bool,
    pieces: u32,
    thinks: bool,
}

impl Spoken {
    /// Whether there was no sign of life yet.
    fn is_silent(&self) -> bool {
        self.text.is_empty() && !self.thinks
    }

    /// The words and tokens by now. A provider tells the tokens at its end; before that, a piece counts as one.
    fn wrote(&self, model: &Model, prompt: &Prompt) -> Wrote {
        let estimated = self.completion_tokens == 0 && self.pieces > 0;
        let usage = if estimated {
            model.usage(prompt.tokens(), self.pieces, true)
        } else {
            model.usage(self.prompt_tokens, self.completion_tokens, false)
        };
        Wrote {
            model: model.model.clone(),
            prompt: prompt.digest(),
            text: self.text.clone(),
            cut_off: self.cut_off,
            usage,
        }
    }

    /// Takes the next piece; false at the end.
    async fn take(&mut self, deltas: &mut Deltas) -> Result<bool, CallError> {
        match deltas.next().await {
            None => return Ok(false),
            Some(delta) => match delta? {
                Delta::Text(text) => {
                    self.text.push_str(&text);
                    self.pieces = self.pieces.saturating_add(1);
                }
                Delta::Thinking => self.thinks = true,
                Delta::CutOff => self.cut_off = true,
                Delta::Tokens { prompt, completion } => {
                    self.prompt_tokens = prompt.unwrap_or(self.prompt_tokens);
                    self.completion_tokens = completion.unwrap_or(self.completion_tokens);
                }
            },
        }
        Ok(true)
    }
}
