use futures::future::BoxFuture;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName};
use serde_json::{Value, json};

use super::{
    CallError, DeltaStream, Llm, ResponseDelta,
    http::{HttpClient, StreamEvent},
};
use crate::generator::prompt::Prompt;

/// The OpenAI protocol, as OpenAI, Gemini, Ollama, vLLM and llama.cpp speak it: `POST {base_url}/chat/completions`.
pub(crate) struct OpenAi {
    http: HttpClient,
}

impl OpenAi {
    /// A client for the given server.
    pub(crate) fn new(http: HttpClient) -> Self {
        Self { http }
    }
}

fn key_header(key: &str) -> (HeaderName, String) {
    (AUTHORIZATION, format!("Bearer {key}"))
}

impl Llm for OpenAi {
    fn ask<'a>(&'a self, prompt: &'a Prompt) -> BoxFuture<'a, Result<DeltaStream, CallError>> {
        let mut body = json!({
            "model": self.http.model,
            "messages": [
                {"role": "system", "content": prompt.system},
                {"role": "user", "content": prompt.user},
            ],
            "temperature": 0,
            "max_tokens": prompt.max_tokens,
            "stream": true,
            "stream_options": {"include_usage": true},
        });
        if !prompt.stop.is_empty() {
            body["stop"] = json!(prompt.stop);
        }
        Box::pin(async move {
            self.http.ask("/chat/completions", key_header, HeaderMap::new(), &body, decode_event).await
        })
    }

    fn probe(&self) -> BoxFuture<'_, Result<(), CallError>> {
        Box::pin(self.http.probe(key_header, HeaderMap::new()))
    }
}

/// Decodes one event. Text is accepted wherever servers put it; events without text are ignored.
fn decode_event(data: &str) -> Result<StreamEvent, CallError> {
    if data == "[DONE]" {
        return Ok(StreamEvent::End);
    }
    if data.is_empty() {
        return Ok(StreamEvent::Deltas(Vec::new()));
    }
    let chunk: Value = serde_json::from_str(data)
        .map_err(|_| CallError::Invalid("an event is not the expected JSON".into()))?;
    if chunk.get("error").is_some_and(|error| !error.is_null()) {
        return Err(CallError::Invalid("the server reported an error in the stream".into()));
    }
    let choice = &chunk["choices"][0];
    // A server that does not stream sends a message instead of a delta.
    let message = if choice["delta"].is_object() { &choice["delta"] } else { &choice["message"] };
    let mut deltas = Vec::new();
    let text = text_of(&message["content"]);
    if !text.is_empty() {
        deltas.push(ResponseDelta::Text(text));
    } else if ["reasoning_content", "reasoning"].iter().any(|thought| !text_of(&message[*thought]).is_empty())
    {
        deltas.push(ResponseDelta::Thinking);
    }
    let reason = choice["finish_reason"].as_str().filter(|reason| !reason.is_empty());
    match reason {
        Some("length") => deltas.push(ResponseDelta::CutOff),
        Some("content_filter") => {
            return Err(CallError::Invalid("the server withheld the answer".into()));
        }
        _ => {}
    }
    let count = |of: &str| chunk["usage"][of].as_u64().and_then(|count| u32::try_from(count).ok());
    let (prompt, completion) = (count("prompt_tokens"), count("completion_tokens"));
    if prompt.is_some() || completion.is_some() {
        deltas.push(ResponseDelta::Tokens { prompt, completion });
    }
    Ok(if reason.is_some() { StreamEvent::Last(deltas) } else { StreamEvent::Deltas(deltas) })
}

/// The text of a content field: a string, or a list of parts.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            parts.iter().filter_map(|part| part.as_str().or_else(|| part["text"].as_str())).collect()
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_words_tokens_and_an_end() {
        let words = r#"{"choices":[{"delta":{"role":"assistant","content":"Xin"},"finish_reason":null}],"usage":null}"#;
        assert_eq!(decode_event(words), Ok(StreamEvent::Deltas(vec![ResponseDelta::Text("Xin".into())])));
        let last = r#"{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2}}"#;
        assert_eq!(
            decode_event(last),
            Ok(StreamEvent::Deltas(vec![ResponseDelta::Tokens { prompt: Some(7), completion: Some(2) }]))
        );
        let cut = r#"{"choices":[{"delta":{},"finish_reason":"length"}]}"#;
        assert_eq!(decode_event(cut), Ok(StreamEvent::Last(vec![ResponseDelta::CutOff])));
        assert_eq!(decode_event("[DONE]"), Ok(StreamEvent::End));
    }

    #[test]
    fn words_are_taken_and_what_holds_none_is_passed_over() {
        let text = |text: &str| vec![ResponseDelta::Text(text.into())];
        for (data, deltas) in [
            (
                r#"{"choices":[{"delta":{"content":[{"type":"text","text":"Gói "},{"type":"image_url"},{"text":"Pro"}]}}]}"#,
                text("Gói Pro"),
            ),
            (r#"{"choices":[{"delta":{"content":["a","b"]}}],"error":null}"#, text("ab")),
            (
                r#"{"choices":[{"delta":{"content":"c","reasoning_content":"d"}}],"usage":{"prompt_tokens":null}}"#,
                text("c"),
            ),
            (r#"{"choices":[{"delta":{"reasoning_content":"hm"}}]}"#, vec![ResponseDelta::Thinking]),
            (r#"{"choices":[{"delta":{"reasoning":"hm","content":""}}]}"#, vec![ResponseDelta::Thinking]),
            (r#"{"choices":[{"delta":{"role":"assistant","reasoning":""}}]}"#, vec![]),
            (r#"{"choices":null}"#, vec![]),
            (r#"{"choices":{}}"#, vec![]),
            (r#"{"choices":[null]}"#, vec![]),
            (r#"{"choices":[{"delta":null}]}"#, vec![]),
            (r#"{"choices":[{"delta":{"content":5}}]}"#, vec![]),
            (r#"{"object":"ping"}"#, vec![]),
            ("[1]", vec![]),
            ("null", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(decode_event(data), Ok(StreamEvent::Deltas(deltas)), "{data}");
        }
        let whole = r#"{"choices":[{"message":{"content":"Xin chào"},"finish_reason":"stop"}],"usage":{"prompt_tokens":7}}"#;
        let tokens = ResponseDelta::Tokens { prompt: Some(7), completion: None };
        assert_eq!(
            decode_event(whole),
            Ok(StreamEvent::Last(vec![ResponseDelta::Text("Xin chào".into()), tokens]))
        );
    }

    #[test]
    fn anything_else_is_an_error_without_the_servers_words() {
        for bad in ["{", "no json", r#"{"error":{"message":"sk-secret"}}"#] {
            let error = decode_event(bad).unwrap_err();
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
