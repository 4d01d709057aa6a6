use std::collections::BTreeMap;

use axum::http::HeaderMap;
use hoidap_shared::{
    events::{ChatEvent, truncate_answer},
    job::{Envelope, JobId, Outcome, Question, SCHEMA, Usage},
    text::Language,
};
use tokio::time::Instant;

use super::final_answer::record_duration;
use crate::{identity::client::Peer, state::AppState, storage::cache::CachedAnswer};

/// A chat request's job id, client, time and trace.
pub struct RequestContext {
    pub job_id: JobId,
    pub client: String,
    pub rate_limit_key: String,
    pub accepted_ms: u64,
    started: Instant,
    trace: Option<String>,
}

impl RequestContext {
    pub fn new(state: &AppState, peer: Peer, headers: &HeaderMap) -> Self {
        let address = state.clients.address(peer, headers);
        let started = Instant::now();
        Self {
            job_id: JobId::new(),
            client: state.clients.hashed_id(address),
            rate_limit_key: state.clients.rate_limit_key(address),
            started,
            accepted_ms: state.broker.now_ms(),
            trace: headers.get("traceparent").and_then(|value| value.to_str().ok()).and_then(traceparent),
        }
    }

    /// Records the duration of a chat that ended in the gateway.
    pub fn record_duration(&self, outcome: &str) {
        record_duration(outcome, self.started.elapsed().as_secs_f64());
    }

    /// The job's message for the fleet.
    pub fn envelope(&self, state: &AppState, question: Question, stream: bool) -> Envelope<Question> {
        Envelope {
            schema: SCHEMA,
            job_id: self.job_id.clone(),
            trace: self.trace.clone(),
            deadline_ms: self.accepted_ms + state.config.gateway.answer_timeout_ms,
            accepted_ms: self.accepted_ms,
            gateway: state.broker.gateway().to_string(),
            stream,
            hops: vec![],
            body: question,
        }
    }

    /// The event of a chat that ended in the gateway. It has an id of its own: a job's event comes from its worker. A question
    /// that could not be read is left empty.
    pub fn chat_event(&self, outcome: &str, problem: Option<&str>, question: Option<&Question>) -> ChatEvent {
        let took_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let text = |of: fn(&Question) -> &str| question.map(of).unwrap_or_default().to_string();
        ChatEvent {
            schema: SCHEMA,
            job_id: JobId::new(),
            at_ms: self.accepted_ms.saturating_add(took_ms),
            outcome: outcome.to_string(),
            times: 1,
            problem: problem.map(str::to_string),
            session_id: text(|question| &question.session_id),
            user_id: question.and_then(|question| question.user_id.clone()),
            client: self.client.clone(),
            question: text(|question| &question.message),
            answer: String::new(),
            page: text(|question| &question.context.url),
            intent: "unknown".to_string(),
            product: None,
            language: question.map(|q| Language::guess(&q.message).code()).unwrap_or_default().to_string(),
            confidence: 0.0,
            took_ms,
            provider: None,
            model: None,
            attempts: vec![],
            usage: Usage::default(),
            hops: vec![],
            sources: vec![],
            versions: BTreeMap::new(),
        }
    }

    /// The event of a chat that was answered from the cache.
    pub fn cached_event(
        &self,
        question: &Question,
        cached: &CachedAnswer,
        versions: BTreeMap<String, String>,
    ) -> ChatEvent {
        // A question in return is not an answer, also when it comes from the cache.
        let outcome = if cached.outcome == Outcome::AskedBack { cached.outcome.name() } else { "cached" };
        ChatEvent {
            job_id: self.job_id.clone(),
            answer: truncate_answer(&cached.text),
            intent: cached.intent.clone(),
            product: cached.product.clone(),
            language: cached.language.code().to_string(),
            confidence: cached.confidence,
            sources: cached.sources.iter().map(|source| source.metadata.url.clone()).collect(),
            versions,
            ..self.chat_event(outcome, None, Some(question))
        }
    }
}

/// A valid W3C `traceparent`: version, trace, parent and flags in lower-case hexadecimal.
fn traceparent(value: &str) -> Option<String> {
    let parts: Vec<&str> = value.split('-').collect();
    let fits = matches!(parts.as_slice(), [v, trace, parent, flags]
        if v.len() == 2 && trace.len() == 32 && parent.len() == 16 && flags.len() == 2);
    let hex = parts.iter().all(|part| part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')));
    (fits && hex).then(|| value.to_string())
}
