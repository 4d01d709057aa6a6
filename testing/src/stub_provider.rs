//! A stub of a model provider: it speaks the streaming protocols of OpenAI and Anthropic, and fails on demand.

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

/// How the server replies to one request.
#[derive(Clone, Debug)]
pub enum StubReply {
    /// Streams these parts, then ends normally.
    Stream(Vec<String>),
    /// Sends nothing for a while, then answers.
    DelayFirst(Duration, String),
    /// Sends this text and then nothing, without closing.
    Hang(String),
    /// Sends this text and closes the connection.
    Disconnect(String),
    /// Answers with this status.
    Status(u16),
    /// Sends events that are not the protocol.
    Malformed,
    /// Streams words without end.
    Endless,
    /// Redirects to another address.
    Redirect(String),
    /// Ends normally without any text.
    Empty,
    /// Ends at the token limit after this text.
    Truncated(String),
    /// Streams these parts with a pause before each, then ends normally.
    StreamSlowly(Vec<String>, Duration),
    /// Sends these events verbatim, with a pause before each, then ends like this.
    RawEvents(Vec<String>, Duration, StreamEnding),
    /// Sends this JSON body without streaming.
    Json(Value),
    /// Rejects requests with one of these parameters, with this status and a text that names the parameter. Answers other
    /// requests with this text.
    RejectParameters(u16, Vec<&'static str>, String),
}

/// What the server does after its last event.
#[derive(Clone, Copy, Debug)]
pub enum StreamEnding {
    /// It closes the connection in order.
    Closes,
    /// It aborts the connection.
    Breaks,
    /// It sends nothing and keeps the connection open.
    Hangs,
}

/// A request that the server received.
#[derive(Clone, Debug)]
pub struct ReceivedRequest {
    /// The path.
    pub path: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Value,
}

#[derive(Default)]
struct StubState {
    script: VecDeque<StubReply>,
    default_reply: Option<StubReply>,
    requests: Vec<ReceivedRequest>,
    model_list_requests: usize,
    disconnects: Vec<Instant>,
}

/// A running server, stopped when dropped.
pub struct StubProvider {
    state: Arc<Mutex<StubState>>,
    port: u16,
    _task: AbortOnDropHandle<()>,
}

impl StubProvider {
    /// A server that always replies the same.
    pub async fn always(reply: StubReply) -> Self {
        Self::start(Vec::new(), Some(reply), 0).await
    }

    /// A server that replies by a script, then with 503.
    pub async fn scripted(script: Vec<StubReply>) -> Self {
        Self::start(script, None, 0).await
    }

    /// A server on the given port; 0 for a free one.
    pub async fn start(script: Vec<StubReply>, default_reply: Option<StubReply>, port: u16) -> Self {
        let state =
            Arc::new(Mutex::new(StubState { script: script.into(), default_reply, ..StubState::default() }));
        let app = Router::new()
            .route("/v1/models", get(list_models))
            .route("/v1/chat/completions", post(serve_request))
            .route("/v1/messages", post(serve_request))
            .with_state(Arc::clone(&state));
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { state, port, _task: AbortOnDropHandle::new(task) }
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its address, up to the version.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/v1", self.port)
    }

    /// The requests so far.
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        self.state.lock().unwrap().requests.clone()
    }

    /// The number of requests for the list of models.
    pub fn model_list_requests(&self) -> usize {
        self.state.lock().unwrap().model_list_requests
    }

    /// When clients closed their connections before a slow answer had ended.
    pub fn disconnects(&self) -> Vec<Instant> {
        self.state.lock().unwrap().disconnects.clone()
    }

    /// Replies like this from now on.
    pub fn set_reply(&self, reply: StubReply) {
        let mut state = self.state.lock().unwrap();
        state.script.clear();
        state.default_reply = Some(reply);
    }
}

/// Records when a body is dropped before its end.
struct DisconnectRecorder {
    state: Arc<Mutex<StubState>>,
    ended: bool,
}

impl Drop for DisconnectRecorder {
    fn drop(&mut self) {
        if !self.ended {
            self.state.lock().unwrap().disconnects.push(Instant::now());
        }
    }
}

async fn list_models(State(state): State<Arc<Mutex<StubState>>>) -> Response {
    state.lock().unwrap().model_list_requests += 1;
    axum::Json(json!({"object": "list", "data": []})).into_response()
}

async fn serve_request(State(state): State<Arc<Mutex<StubState>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let path = parts.uri.path().to_string();
    let anthropic = path.ends_with("/messages");
    let reply = {
        let mut state = state.lock().unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        state.requests.push(ReceivedRequest { path, headers: parts.headers, body: body.clone() });
        let next = state.script.pop_front();
        match next.or_else(|| state.default_reply.clone()).unwrap_or(StubReply::Status(503)) {
            StubReply::RejectParameters(status, parameters, words) => {
                match parameters.iter().find(|name| body.get(**name).is_some()) {
                    Some(name) => return rejection(status, name),
                    None => StubReply::Stream(vec![words]),
                }
            }
            other => other,
        }
    };
    let words_event = move |text: &str| if anthropic { anthropic_words(text) } else { openai_words(text) };
    let end = move |cut| if anthropic { anthropic_end(cut) } else { openai_end(cut) };
    match reply {
        StubReply::Stream(pieces) => {
            let mut events: Vec<Bytes> = pieces.iter().map(|piece| words_event(piece)).collect();
            events.push(end(false));
            event_stream(stream::iter(events))
        }
        StubReply::Truncated(text) => event_stream(stream::iter([words_event(&text), end(true)])),
        StubReply::Empty => event_stream(stream::iter([end(false)])),
        StubReply::DelayFirst(wait, text) => {
            let words = [words_event(&text), end(false)];
            event_stream(
                stream::once(tokio::time::sleep(wait)).flat_map(move |()| stream::iter(words.clone())),
            )
        }
        StubReply::Hang(text) => event_stream(stream::iter([words_event(&text)]).chain(stream::pending())),
        StubReply::Disconnect(text) => {
            let words = stream::iter([Ok(words_event(&text))]);
            let broken = stream::once(async {
                tokio::time::sleep(Duration::from_millis(50)).await;
                Err(std::io::Error::other("the server closes the connection"))
            });
            sse_response(Body::from_stream(words.chain(broken)))
        }
        StubReply::Endless => {
            let words = words_event(&"lời ".repeat(256));
            event_stream(stream::repeat(words))
        }
        StubReply::StreamSlowly(pieces, pause) => {
            let guard = DisconnectRecorder { state, ended: false };
            let mut events: VecDeque<Bytes> = pieces.iter().map(|piece| words_event(piece)).collect();
            events.push_back(end(false));
            event_stream(stream::unfold((events, guard), move |(mut events, mut guard)| async move {
                let event = events.pop_front()?;
                tokio::time::sleep(pause).await;
                guard.ended = events.is_empty();
                Some((event, (events, guard)))
            }))
        }
        StubReply::RawEvents(events, pause, ending) => {
            let events = stream::iter(events).then(move |data| async move {
                tokio::time::sleep(pause).await;
                Ok(Bytes::from(format!("data: {data}\n\n")))
            });
            let end = stream::once(async move {
                match ending {
                    StreamEnding::Closes => None,
                    StreamEnding::Breaks => {
                        tokio::time::sleep(Duration::from_millis(50)).await;
                        Some(Err(std::io::Error::other("the server closes the connection")))
                    }
                    StreamEnding::Hangs => std::future::pending().await,
                }
            });
            sse_response(Body::from_stream(events.chain(end.filter_map(|end| async { end }))))
        }
        StubReply::Json(body) => axum::Json(body).into_response(),
        // Decided above.
        StubReply::RejectParameters(status, ..) => rejection(status, ""),
        StubReply::Malformed => {
            event_stream(stream::iter([Bytes::from_static(b"data: {\"choices\": [nonsense\n\n")]))
        }
        StubReply::Status(status) => {
            (StatusCode::from_u16(status).unwrap(), "key sk-from-the-server").into_response()
        }
        StubReply::Redirect(to) => (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to)]).into_response(),
    }
}

fn rejection(status: u16, parameter: &str) -> Response {
    let body = if status == 422 {
        json!({"detail": [{"type": "extra_forbidden", "loc": ["body", parameter], "msg": "Extra inputs are not permitted"}]})
    } else {
        json!({"error": {"message": format!("Unsupported parameter: '{parameter}' (key sk-from-the-server)"), "param": parameter}})
    };
    (StatusCode::from_u16(status).unwrap(), axum::Json(body)).into_response()
}

fn event_stream(events: impl futures::Stream<Item = Bytes> + Send + 'static) -> Response {
    sse_response(Body::from_stream(events.map(Ok::<_, Infallible>)))
}

fn sse_response(body: Body) -> Response {
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
