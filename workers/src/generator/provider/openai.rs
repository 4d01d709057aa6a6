use futures::future::BoxFuture;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName};
use serde::Deserialize;
use serde_json::json;

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

#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Option<Tokens>,
    #[serde(default)]
    error: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    delta: Option<Message>,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    content: Option<String>,
}

#[derive(Deserialize)]
struct Tokens {
    #[serde(default)]
    prompt_tokens: Option<u32>,
    #[serde(default)]
    completion_tokens: Option<u32>,
}

fn read(data: &str) -> Result<Event, CallError> {
    if data == "[DONE]" {
        return Ok(Event::End);
    }
    if data.is_empty() {
        return Ok(Event::Deltas(Vec::new()));
    }
    let chunk: Chunk = serde_json::from_str(data)
        .map_err(|_| CallError::Invalid("an event is not the expected JSON".into()))?;
    if chunk.error.is_some() {
        return Err(CallError::Invalid("the server reported an error in the stream".into()));
    }
    let mut deltas = Vec::new();
    if let Some(choice) = chunk.choices.into_iter().next() {
        let text = choice.delta.and_then(|delta| delta.content).unwrap_or_default();
        if !text.is_empty() {
            deltas.push(Delta::Text(text));
        }
        match choice.finish_reason.as_deref() {
            Some("length") => deltas.push(Delta::CutOff),
            Some("content_filter") => {
                return Err(CallError::Invalid("the server withheld the answer".into()));
            }
            _ => {}
        }
    }
    if let Some(tokens) = chunk.usage {
        deltas.push(Delta::Tokens { prompt: tokens.prompt_tokens, completion: tokens.completion_tokens });
    }
    Ok(Event::Deltas(deltas))
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
        assert_eq!(read(cut), Ok(Event::Deltas(vec![Delta::CutOff])));
        assert_eq!(read("[DONE]"), Ok(Event::End));
    }

    #[test]
    fn anything_else_is_an_error_without_the_servers_words() {
        for bad in
            ["{", "[1]", r#"{"error":{"message":"sk-secret"}}"#, r#"{"choices":[{"delta":{"content":5}}]}"#]
        {
            let error = read(bad).unwrap_err();
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
