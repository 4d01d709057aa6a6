use futures::future::BoxFuture;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::json;

use super::{
    CallError, DeltaStream, Llm, ResponseDelta,
    http::{HttpClient, StreamEvent},
};
use crate::generator::prompt::Prompt;

const PROTOCOL_VERSION: &str = "2023-06-01";

/// The Anthropic protocol: `POST {base_url}/messages`.
pub(crate) struct Anthropic {
    http: HttpClient,
}

impl Anthropic {
    /// A client for the given server.
    pub(crate) fn new(http: HttpClient) -> Self {
        Self { http }
    }
}

fn key_header(key: &str) -> (HeaderName, String) {
    (HeaderName::from_static("x-api-key"), key.to_string())
}

fn version_header() -> HeaderMap {
    HeaderMap::from_iter([(
        HeaderName::from_static("anthropic-version"),
        HeaderValue::from_static(PROTOCOL_VERSION),
    )])
}

impl Llm for Anthropic {
    fn ask<'a>(&'a self, prompt: &'a Prompt) -> BoxFuture<'a, Result<DeltaStream, CallError>> {
        let mut body = json!({
            "model": self.http.model,
            "system": prompt.system,
            "messages": [{"role": "user", "content": prompt.user}],
            "temperature": 0,
            "max_tokens": prompt.max_tokens,
            "stream": true,
        });
        // This protocol rejects stop sequences of whitespace only.
        let stop: Vec<&str> = prompt.stop.iter().copied().filter(|stop| !stop.trim().is_empty()).collect();
        if !stop.is_empty() {
            body["stop_sequences"] = json!(stop);
        }
        Box::pin(async move {
            self.http.ask("/messages", key_header, version_header(), &body, decode_event).await
        })
    }

    fn probe(&self) -> BoxFuture<'_, Result<(), CallError>> {
        Box::pin(self.http.probe(key_header, version_header()))
    }
}

#[derive(Deserialize)]
#[serde(tag = "type")]
enum AnthropicEvent {
    #[serde(rename = "message_start")]
    Start { message: MessageStart },
    #[serde(rename = "content_block_delta")]
    Words { delta: ContentBlock },
    #[serde(rename = "message_delta")]
    Change {
        delta: MessageDelta,
        #[serde(default)]
        usage: Option<TokenUsage>,
    },
    #[serde(rename = "message_stop")]
    End,
    #[serde(rename = "error")]
    Error,
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct MessageStart {
    #[serde(default)]
    usage: Option<TokenUsage>,
}

#[derive(Deserialize)]
struct ContentBlock {
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    thinking: Option<String>,
}

#[derive(Deserialize)]
struct MessageDelta {
    #[serde(default)]
    stop_reason: Option<String>,
}

#[derive(Deserialize)]
struct TokenUsage {
    #[serde(default)]
    input_tokens: Option<u32>,
    #[serde(default)]
    output_tokens: Option<u32>,
}

impl TokenUsage {
    fn delta(self) -> ResponseDelta {
        ResponseDelta::Tokens { prompt: self.input_tokens, completion: self.output_tokens }
    }
}

fn decode_event(data: &str) -> Result<StreamEvent, CallError> {
    if data.is_empty() {
        return Ok(StreamEvent::Deltas(Vec::new()));
    }
    let sent: AnthropicEvent = serde_json::from_str(data)
        .map_err(|_| CallError::Invalid("an event is not the expected JSON".into()))?;
    let deltas = match sent {
        AnthropicEvent::Start { message } => message.usage.map(TokenUsage::delta).into_iter().collect(),
        AnthropicEvent::Words { delta } => {
            let thought =
                delta.thinking.filter(|thought| !thought.is_empty()).map(|_| ResponseDelta::Thinking);
            delta.text.map(ResponseDelta::Text).or(thought).into_iter().collect()
        }
        AnthropicEvent::Change { delta, usage } => {
            let reason = delta.stop_reason.as_deref();
            if reason == Some("refusal") {
                return Err(CallError::Invalid("the server withheld the answer".into()));
            }
            let cut = (reason == Some("max_tokens")).then_some(ResponseDelta::CutOff);
            let deltas = cut.into_iter().chain(usage.map(TokenUsage::delta)).collect();
            return Ok(if reason.is_some() {
                StreamEvent::Last(deltas)
            } else {
                StreamEvent::Deltas(deltas)
            });
        }
        AnthropicEvent::End => return Ok(StreamEvent::End),
        AnthropicEvent::Error => {
            return Err(CallError::Invalid("the server reported an error in the stream".into()));
        }
        AnthropicEvent::Other => Vec::new(),
    };
    Ok(StreamEvent::Deltas(deltas))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_words_tokens_and_an_end() {
        let start =
            r#"{"type":"message_start","message":{"id":"m","usage":{"input_tokens":9,"output_tokens":1}}}"#;
        assert_eq!(
            decode_event(start),
            Ok(StreamEvent::Deltas(vec![ResponseDelta::Tokens { prompt: Some(9), completion: Some(1) }]))
        );
        let words = r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Chào"}}"#;
        assert_eq!(decode_event(words), Ok(StreamEvent::Deltas(vec![ResponseDelta::Text("Chào".into())])));
        let last =
            r#"{"type":"message_delta","delta":{"stop_reason":"max_tokens"},"usage":{"output_tokens":4}}"#;
        let tokens = ResponseDelta::Tokens { prompt: None, completion: Some(4) };
        assert_eq!(decode_event(last), Ok(StreamEvent::Last(vec![ResponseDelta::CutOff, tokens])));
        let thought =
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}"#;
        assert_eq!(decode_event(thought), Ok(StreamEvent::Deltas(vec![ResponseDelta::Thinking])));
        assert_eq!(decode_event(r#"{"type":"ping"}"#), Ok(StreamEvent::Deltas(vec![])));
        assert_eq!(decode_event(r#"{"type":"message_stop"}"#), Ok(StreamEvent::End));
    }

    #[test]
    fn anything_else_is_an_error() {
        assert!(decode_event(r#"{"type":"error","error":{"type":"overloaded_error"}}"#).is_err());
        assert!(decode_event("no json").is_err() && decode_event("{}").is_err());
    }
}
