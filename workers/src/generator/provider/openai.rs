use futures::future::BoxFuture;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName};
use serde_json::{Value, json};

use super::{
    CallError, Delta, Deltas, Llm,
    http::{Event, Http},
};
use crate::generator::prompt::Prompt;

/// `POST {base_url}/chat/completions`, as OpenAI, Gemini, Ollama, vLLM and llama.cpp speak it.
pub(crate) struct OpenAi {
    http: Http,
}

impl OpenAi {
    /// Speaks to the given server.
    pub(crate) fn new(http: Http) -> Self {
        Self { http }
    }
}

fn key(key: &str) -> (HeaderName, String) {
    (AUTHORIZATION, format!("Bearer {key}"))
}

impl Llm for OpenAi {
    fn ask<'a>(&'a self, prompt: &'a Prompt) -> BoxFuture<'a, Result<Deltas, CallError>> {
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
        Box::pin(async move { self.http.ask("/chat/completions", key, HeaderMap::new(), &body, read).await })
    }

    fn probe(&self) -> BoxFuture<'_, Result<(), CallError>> {
        Box::pin(self.http.probe(key, HeaderMap::new()))
    }
}

/// What one event means. Words are taken wherever servers put them; what holds none is passed over.
fn read(data: &str) -> Result<Event, CallError> {
    if data == "[DONE]" {
        return Ok(Event::End);
    }
    if data.is_empty() {
        return Ok(Event::Deltas(Vec::new()));
    }
    let chunk: Value = serde_json::from_str(data)
        .map_err(|_| CallError::Invalid("an event is not the expected JSON".into()))?;
    if chunk.get("error").is_some_and(|error| !error.is_null()) {
        return Err(CallError::Invalid("the server reported an error in the stream".into()));
    }
    let choice = &chunk["choices"][0];
    // A server that does not stream sends a message in place of a delta.
    let message = if choice["delta"].is_object() { &choice["delta"] } else { &choice["message"] };
    let mut deltas = Vec::new();
    let text = text_of(&message["content"]);
    if !text.is_empty() {
        deltas.push(Delta::Text(text));
    } else if ["reasoning_content", "reasoning"].iter().any(|thought| !text_of(&message[*thought]).is_empty())
    {
        deltas.push(Delta::Thinking);
    }
    let reason = choice["finish_reason"].as_str().filter(|reason| !reason.is_empty());
    match reason {
        Some("length") => deltas.push(Delta::CutOff),
        Some("content_filter") => {
            return Err(CallError::Invalid("the server withheld the answer".into()));
        }
        _ => {}
    }
    let count = |of: &str| chunk["usage"][of].as_u64().and_then(|count| u32::try_from(count).ok());
    let (prompt, completion) = (count("prompt_tokens"), count("completion_tokens"));
    if prompt.is_some() || completion.is_some() {
        deltas.push(Delta::Tokens { prompt, completion });
    }
    Ok(if reason.is_some() { Event::Last(deltas) } else { Event::Deltas(deltas) })
}

/// The words of a content: a text, or a list of parts of which some are text.
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
        assert_eq!(read(words), Ok(Event::Deltas(vec![Delta::Text("Xin".into())])));
        let last = r#"{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2}}"#;
        assert_eq!(
            read(last),
            Ok(Event::Deltas(vec![Delta::Tokens { prompt: Some(7), completion: Some(2) }]))
        );
        let cut = r#"{"choices":[{"delta":{},"finish_reason":"length"}]}"#;
        assert_eq!(read(cut), Ok(Event::Last(vec![Delta::CutOff])));
        assert_eq!(read("[DONE]"), Ok(Event::End));
    }

    #[test]
    fn words_are_taken_and_what_holds_none_is_passed_over() {
        let text = |text: &str| vec![Delta::Text(text.into())];
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
            (r#"{"choices":[{"delta":{"reasoning_content":"hm"}}]}"#, vec![Delta::Thinking]),
            (r#"{"choices":[{"delta":{"reasoning":"hm","content":""}}]}"#, vec![Delta::Thinking]),
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
            assert_eq!(read(data), Ok(Event::Deltas(deltas)), "{data}");
        }
        let whole = r#"{"choices":[{"message":{"content":"Xin chào"},"finish_reason":"stop"}],"usage":{"prompt_tokens":7}}"#;
        let tokens = Delta::Tokens { prompt: Some(7), completion: None };
        assert_eq!(read(whole), Ok(Event::Last(vec![Delta::Text("Xin chào".into()), tokens])));
    }

    #[test]
    fn anything_else_is_an_error_without_the_servers_words() {
        for bad in ["{", "no json", r#"{"error":{"message":"sk-secret"}}"#] {
            let error = read(bad).unwrap_err();
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
