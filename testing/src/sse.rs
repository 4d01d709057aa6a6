//! Server-sent events as a client reads them.

use std::pin::Pin;

use futures::{Stream, StreamExt as _};
use serde_json::Value;
use sse_stream::{Sse, SseByteStream};

/// A server-sent event.
#[derive(Clone, Debug)]
pub struct SseEvent {
    /// Its id.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Its data.
    pub data: Value,
}

/// Reads the events of one response.
pub struct SseReader(Pin<Box<dyn Stream<Item = Result<Sse, sse_stream::Error>> + Send>>);

impl SseReader {
    /// Reads a response, which must be a stream of events.
    pub fn of(response: reqwest::Response) -> Self {
        assert_eq!(response.status(), 200);
        let kind = response.headers()["content-type"].to_str().expect("a readable header").to_string();
        assert!(kind.starts_with("text/event-stream"), "{kind}");
        Self(Box::pin(SseByteStream::new(response.bytes_stream())))
    }

    /// The next event; `None` when the stream ends or breaks.
    pub async fn next(&mut self) -> Option<SseEvent> {
        loop {
            let sse = self.0.next().await?.ok()?;
            // Comments keep the connection open and are skipped.
            let (Some(id), Some(name), Some(data)) = (sse.id, sse.event, sse.data) else { continue };
            let data = serde_json::from_str(&data).unwrap_or_else(|error| panic!("{name}: {data}: {error}"));
            return Some(SseEvent { id: id.parse().expect("ids are numbers"), name, data });
        }
    }

    /// All events up to the end.
    pub async fn all(mut self) -> Vec<SseEvent> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }
}

/// The text that a reader of these events has: the deltas since the last restart. Checks that ids rise by one.
pub fn streamed_text(events: &[SseEvent]) -> String {
    let mut text = String::new();
    for (before, event) in std::iter::once(None).chain(events.iter().map(Some)).zip(events) {
        if let Some(before) = before {
            assert_eq!(event.id, before.id + 1, "{event:?} after {before:?}");
        }
        match event.name.as_str() {
            "delta" => text += event.data["text"].as_str().expect("a delta has a text"),
            "restart" => text.clear(),
            _ => {}
        }
    }
    text
}

/// The answer of a stream. Checks that only its last event ends it, and that the deltas add up to the answer's text.
pub fn final_answer(events: &[SseEvent]) -> Value {
    let ends = events.iter().filter(|event| matches!(event.name.as_str(), "done" | "error")).count();
    let last = events.last().expect("a stream has events");
    assert_eq!((ends, last.name.as_str()), (1, "done"), "{last:?}");
    assert_eq!(streamed_text(events), last.data["response"].as_str().expect("an answer has a text"));
    last.data.clone()
}
