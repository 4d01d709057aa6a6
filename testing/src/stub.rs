//! A server that speaks the streaming protocols of OpenAI and Anthropic, and misbehaves as it is told.

use std::{
    collections::VecDeque,
    convert::Infallible,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use futures::{StreamExt as _, stream};
use serde_json::{Value, json};
use tokio_util::task::AbortOnDropHandle;

/// What the server does with one question.
#[derive(Clone, Debug)]
pub enum Play {
    /// Streams these pieces, then ends well.
    Say(Vec<String>),
    /// Says nothing for a while, then answers.
    SlowFirst(Duration, String),
    /// Says this and then no more, without closing.
    Hang(String),
    /// Says this and closes the connection.
    Close(String),
    /// Answers with this status.
    Status(u16),
    /// Sends events that are not the protocol.
    Malformed,
    /// Streams words without end.
    Endless,
    /// Points to another address.
    Redirect(String),
    /// Ends well without words.
    Silent,
    /// Stops for want of room after these words.
    CutOff(String),
    /// Streams these pieces with a pause before each, then ends well.
    Slowly(Vec<String>, Duration),
    /// Sends these events as they are, with a pause before each, then does this.
    Events(Vec<String>, Duration, Ending),
    /// Sends this body, as a server does that does not stream.
    Json(Value),
    /// Refuses requests that hold one of these parameters, with this status and a text that names the first of them,
    /// and answers others with these words.
    Refuses(u16, Vec<&'static str>, String),
}

/// What a server does behind its last event.
#[derive(Clone, Copy, Debug)]
pub enum Ending {
    /// It closes the connection in order.
    Closes,
    /// It breaks the connection off.
    Breaks,
    /// It says no more and keeps the connection open.
    Hangs,
}

/// What was asked.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The path.
    pub path: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Value,
}

#[derive(Default)]
struct Stage {
    plays: VecDeque<Play>,
    usual: Option<Play>,
    asked: Vec<Asked>,
    probes: usize,
    closed: Vec<Instant>,
}

/// A running server; ends when dropped.
pub struct Stub {
    stage: Arc<Mutex<Stage>>,
    port: u16,
    _task: AbortOnDropHandle<()>,
}

impl Stub {
    /// A server that always does the same.
    pub async fn always(play: Play) -> Self {
        Self::start(Vec::new(), Some(play), 0).await
    }

    /// A server that does one thing after the other, then refuses.
    pub async fn once(plays: Vec<Play>) -> Self {
        Self::start(plays, None, 0).await
    }

    /// A server on the given port; 0 for a free one.
    pub async fn start(plays: Vec<Play>, usual: Option<Play>, port: u16) -> Self {
        let stage = Arc::new(Mutex::new(Stage { plays: plays.into(), usual, ..Stage::default() }));
        let app = Router::new()
            .route("/v1/models", get(models))
            .route("/v1/chat/completions", post(ask))
            .route("/v1/messages", post(ask))
            .with_state(Arc::clone(&stage));
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { stage, port, _task: AbortOnDropHandle::new(task) }
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its address, up to the version.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/v1", self.port)
    }

    /// The questions so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.stage.lock().unwrap().asked.clone()
    }

    /// The looks at the list of models so far.
    pub fn probes(&self) -> usize {
        self.stage.lock().unwrap().probes
    }

    /// When clients closed their connections before a slow answer had ended.
    pub fn closed(&self) -> Vec<Instant> {
        self.stage.lock().unwrap().closed.clone()
    }

    /// From now on, does this.
    pub fn now(&self, play: Play) {
        let mut stage = self.stage.lock().unwrap();
        stage.plays.clear();
        stage.usual = Some(play);
    }
}

/// Notes when a body is dropped before its end.
struct Unended {
    stage: Arc<Mutex<Stage>>,
    ended: bool,
}

impl Drop for Unended {
    fn drop(&mut self) {
        if !self.ended {
            self.stage.lock().unwrap().closed.push(Instant::now());
        }
    }
}

async fn models(State(stage): State<Arc<Mutex<Stage>>>) -> Response {
    stage.lock().unwrap().probes += 1;
    axum::Json(json!({"object": "list", "data": []})).into_response()
}

async fn ask(State(stage): State<Arc<Mutex<Stage>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let path = parts.uri.path().to_string();
    let anthropic = path.ends_with("/messages");
    let play = {
        let mut stage = stage.lock().unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        stage.asked.push(Asked { path, headers: parts.headers, body: body.clone() });
        let next = stage.plays.pop_front();
        match next.or_else(|| stage.usual.clone()).unwrap_or(Play::Status(503)) {
            Play::Refuses(status, parameters, words) => {
                match parameters.iter().find(|name| body.get(**name).is_some()) {
                    Some(name) => return refusal(status, name),
                    None => Play::Say(vec![words]),
                }
            }
            other => other,
        }
    };
    let speak = move |text: &str| if anthropic { anthropic_words(text) } else { openai_words(text) };
    let end = move |cut| if anthropic { anthropic_end(cut) } else { openai_end(cut) };
    match play {
        Play::Say(pieces) => {
            let mut events: Vec<Bytes> = pieces.iter().map(|piece| speak(piece)).collect();
            events.push(end(false));
            events_of(stream::iter(events))
        }
        Play::CutOff(text) => events_of(stream::iter([speak(&text), end(true)])),
        Play::Silent => events_of(stream::iter([end(false)])),
        Play::SlowFirst(wait, text) => {
            let words = [speak(&text), end(false)];
            events_of(stream::once(tokio::time::sleep(wait)).flat_map(move |()| stream::iter(words.clone())))
        }
        Play::Hang(text) => events_of(stream::iter([speak(&text)]).chain(stream::pending())),
        Play::Close(text) => {
            let words = stream::iter([Ok(speak(&text))]);
            let broken = stream::once(async {
                tokio::time::sleep(Duration::from_millis(50)).await;
                Err(std::io::Error::other("the server goes away"))
            });
            sse(Body::from_stream(words.chain(broken)))
        }
        Play::Endless => {
            let words = speak(&"lời ".repeat(256));
            events_of(stream::repeat(words))
        }
        Play::Slowly(pieces, pause) => {
            let guard = Unended { stage, ended: false };
            let mut events: VecDeque<Bytes> = pieces.iter().map(|piece| speak(piece)).collect();
            events.push_back(end(false));
            events_of(stream::unfold((events, guard), move |(mut events, mut guard)| async move {
                let event = events.pop_front()?;
                tokio::time::sleep(pause).await;
                guard.ended = events.is_empty();
                Some((event, (events, guard)))
            }))
        }
        Play::Events(events, pause, ending) => {
            let events = stream::iter(events).then(move |data| async move {
                tokio::time::sleep(pause).await;
                Ok(Bytes::from(format!("data: {data}\n\n")))
            });
            let end = stream::once(async move {
                match ending {
                    Ending::Closes => None,
                    Ending::Breaks => {
                        tokio::time::sleep(Duration::from_millis(50)).await;
                        Some(Err(std::io::Error::other("the server goes away")))
                    }
                    Ending::Hangs => std::future::pending().await,
                }
            });
            sse(Body::from_stream(events.chain(end.filter_map(|end| async { end }))))
        }
        Play::Json(body) => axum::Json(body).into_response(),
        // Decided above.
        Play::Refuses(status, ..) => refusal(status, ""),
        Play::Malformed => {
            events_of(stream::iter([Bytes::from_static(b"data: {\"choices\": [nonsense\n\n")]))
        }
        Play::Status(status) => {
            (StatusCode::from_u16(status).unwrap(), "key sk-from-the-server").into_response()
        }
        Play::Redirect(to) => (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to)]).into_response(),
    }
}

fn refusal(status: u16, parameter: &str) -> Response {
    let said = if status == 422 {
        json!({"detail": [{"type": "extra_forbidden", "loc": ["body", parameter], "msg": "Extra inputs are not permitted"}]})
    } else {
        json!({"error": {"message": format!("Unsupported parameter: '{parameter}' (key sk-from-the-server)"), "param": parameter}})
    };
    (StatusCode::from_u16(status).unwrap(), axum::Json(said)).into_response()
}

fn events_of(events: impl futures::Stream<Item = Bytes> + Send + 'static) -> Response {
    sse(Body::from_stream(events.map(Ok::<_, Infallible>)))
}

fn sse(body: Body) -> Response {
    ([(header::CONTENT_TYPE, "text/event-stream")], body).into_response()
}

fn event(value: &Value) -> String {
    format!("data: {value}\n\n")
}

fn openai_words(text: &str) -> Bytes {
    event(&json!({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}]})).into()
}

fn openai_end(cut: bool) -> Bytes {
    let reason = if cut { "length" } else { "stop" };
    let stop = event(&json!({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}));
    let usage = event(&json!({"choices": [], "usage": {"prompt_tokens": 100, "completion_tokens": 20}}));
    format!("{stop}{usage}data: [DONE]\n\n").into()
}

fn anthropic_words(text: &str) -> Bytes {
    let delta = json!({"type": "text_delta", "text": text});
    let words = json!({"type": "content_block_delta", "index": 0, "delta": delta});
    format!("event: content_block_delta\n{}", event(&words)).into()
}

fn anthropic_end(cut: bool) -> Bytes {
    let reason = if cut { "max_tokens" } else { "end_turn" };
    let start =
        json!({"type": "message_start", "message": {"usage": {"input_tokens": 100, "output_tokens": 1}}});
    let change =
        json!({"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 20}});
    let parts = [start, change, json!({"type": "ping"}), json!({"type": "message_stop"})];
    parts.iter().map(event).collect::<String>().into()
}
