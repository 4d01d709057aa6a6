use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use futures::{Stream, StreamExt as _, TryStreamExt as _, future, stream};
use hoidap_shared::config::ProviderConfig as Settings;
use reqwest::{
    Client, Response, StatusCode,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
    redirect,
};
use serde_json::Value;
use sse_stream::SseByteStream;
use tokio::time::timeout;
use url::{Host, Url};

use super::{
    CallError, DeltaStream, ResponseDelta,
    unsupported_parameters::{self, UnsupportedParameters},
};

/// Largest response body, in bytes.
const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;
/// Largest response text, in bytes.
const MAX_TEXT_BYTES: usize = 32 * 1024;
/// How much of an error body is read, in bytes.
const MAX_REFUSAL_BYTES: usize = 16 * 1024;
/// How long to wait for token counts after the last text.
const TRAILING_EVENTS_TIMEOUT: Duration = Duration::from_secs(1);

/// Builds the header that carries a protocol's key.
pub(super) type KeyHeader = fn(&str) -> (HeaderName, String);

/// An HTTP client for one provider: address, key, no redirects.
pub(crate) struct HttpClient {
    client: Client,
    base: String,
    pub(super) model: String,
    key: ApiKey,
    unsupported: UnsupportedParameters,
}

enum ApiKey {
    None,
    Missing(String),
    Value(secrecy::SecretString),
}

impl HttpClient {
    /// # Errors
    /// When the address is not an http or https URL, or the client cannot be built.
    pub(crate) fn new(name: &str, settings: &Settings) -> anyhow::Result<Self> {
        let base = Url::parse(&settings.base_url)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https"))
            .with_context(|| {
                format!("providers.{name}.base_url: `{}` is not an http or https address", settings.base_url)
            })?;
        let mut builder = Client::builder()
            .redirect(redirect::Policy::none())
            .connect_timeout(Duration::from_millis(settings.connect_timeout_ms))
            .user_agent("hoidap");
        if is_loopback(&base) {
            builder = builder.no_proxy();
        }
        let client =
            builder.build().with_context(|| format!("providers.{name}: the HTTP client cannot be built"))?;
        let key = match settings.api_key_env.as_str() {
            "" => ApiKey::None,
            variable => match std::env::var(variable) {
                Ok(key) if !key.trim().is_empty() => ApiKey::Value(key.trim().to_string().into()),
                _ => ApiKey::Missing(variable.into()),
            },
        };
        Ok(Self {
            client,
            base: base.as_str().trim_end_matches('/').into(),
            model: settings.model.clone(),
            key,
            unsupported: UnsupportedParameters::new(name, &settings.omit),
        })
    }

    fn headers(&self, key_header: KeyHeader) -> Result<HeaderMap, CallError> {
        let mut headers = HeaderMap::new();
        match &self.key {
            ApiKey::None => {}
            ApiKey::Missing(variable) => return Err(CallError::NoKey(variable.clone())),
            ApiKey::Value(key) => {
                let (name, value) = key_header(secrecy::ExposeSecret::expose_secret(key));
                let mut value = HeaderValue::from_str(&value).map_err(|_| {
                    CallError::Invalid("the key holds characters that no header can carry".into())
                })?;
                value.set_sensitive(true);
                headers.insert(name, value);
            }
        }
        Ok(headers)
    }

    /// Posts a prompt; `decode_event` decodes one event's data. If the server rejects an optional parameter, the
    /// request is repeated without it, and later requests omit it.
    pub(super) async fn ask(
        &self,
        path: &str,
        key_header: KeyHeader,
        extra: HeaderMap,
        body: &Value,
        decode_event: fn(&str) -> Result<StreamEvent, CallError>,
    ) -> Result<DeltaStream, CallError> {
        let headers = self.headers(key_header)?;
        let mut omitted = self.unsupported.omitted();
        loop {
            let body = unsupported_parameters::without_parameters(body, &omitted);
            let request = self.client.post(format!("{}{path}", self.base)).headers(headers.clone());
            let response =
                request.headers(extra.clone()).json(&body).send().await.map_err(connection_error)?;
            let status = response.status();
            if status.is_success() {
                self.unsupported.remember(omitted);
                return read_answer(response, decode_event).await;
            }
            let refusal = Err(CallError::Status(status.as_u16()));
            if !matches!(status, StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY) {
                return refusal;
            }
            match unsupported_parameters::refused_parameter(
                &body,
                &read_prefix(response, MAX_REFUSAL_BYTES).await,
            ) {
                Some(name) if omitted.insert(name.to_string()) => {}
                _ => return refusal,
            }
        }
    }

    /// Requests the list of models; only the status matters.
    pub(super) async fn probe(&self, key_header: KeyHeader, extra: HeaderMap) -> Result<(), CallError> {
        let request = self
            .client
            .get(format!("{}/models", self.base))
            .headers(self.headers(key_header)?)
            .headers(extra);
        match check_status(request.send().await.map_err(connection_error)?) {
            Ok(_) => Ok(()),
            // Not every compatible server has this list.
            Err(CallError::Status(404 | 405)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Traffic to this machine must not go through a proxy.
fn is_loopback(base: &Url) -> bool {
    match base.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// One decoded event of a stream.
#[derive(Debug, PartialEq)]
pub(super) enum StreamEvent {
    /// Deltas, possibly none.
    Deltas(Vec<ResponseDelta>),
    /// The last text, possibly none; only token counts may follow.
    Last(Vec<ResponseDelta>),
    /// The end of the response.
    End,
}

/// Reads a response: an event stream, or a single JSON body from a server that does not stream.
async fn read_answer(
    response: Response,
    decode_event: fn(&str) -> Result<StreamEvent, CallError>,
) -> Result<DeltaStream, CallError> {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.trim_start().to_ascii_lowercase().starts_with("application/json") {
        let events = SseByteStream::new(Box::pin(limit_body(response.bytes_stream())));
        return Ok(delta_stream(events, decode_event));
    }
    let parts: Vec<Bytes> = limit_body(response.bytes_stream()).try_collect().await.map_err(|error| {
        CallError::Invalid(format!("the answer broke: {error}").chars().take(200).collect())
    })?;
    let event = |data: &str| Ok(sse_stream::Sse::default().data(data));
    let whole = String::from_utf8_lossy(&parts.concat()).into_owned();
    Ok(delta_stream(stream::iter([event(&whole), event("[DONE]")]), decode_event))
}

/// The first bytes of a body, at most `most`.
async fn read_prefix(response: Response, most: usize) -> String {
    let mut body = response.bytes_stream();
    let mut read = Vec::new();
    while read.len() < most
        && let Some(Ok(part)) = body.next().await
    {
        read.extend_from_slice(&part[..part.len().min(most - read.len())]);
    }
    String::from_utf8_lossy(&read).into_owned()
}

fn check_status(response: Response) -> Result<Response, CallError> {
    if response.status().is_success() {
        Ok(response)
    } else {
        Err(CallError::Status(response.status().as_u16()))
    }
}

/// The innermost cause says most. The URL is removed, since it may contain a key.
fn connection_error(error: reqwest::Error) -> CallError {
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(below) = cause.source() {
        cause = below;
    }
    CallError::Unreachable(cause.to_string().chars().take(200).collect())
}

/// Passes the body through until it is too large, then fails.
fn limit_body(
    body: impl Stream<Item = reqwest::Result<Bytes>> + Send + 'static,
) -> impl Stream<Item = std::io::Result<Bytes>> + Send {
    body.scan(0_usize, |read, part| {
        future::ready(Some(part.map_err(|error| std::io::Error::other(error.without_url())).and_then(
            |part| {
                *read = read.saturating_add(part.len());
                let fits = *read <= MAX_BODY_BYTES;
                fits.then_some(part)
                    .ok_or_else(|| std::io::Error::other(format!("it is larger than {MAX_BODY_BYTES} bytes")))
            },
        )))
    })
}

/// The state of reading a stream.
struct StreamEventReader<S> {
    events: S,
    /// Bytes of text so far.
    length: usize,
    /// Whether the last text has arrived.
    is_text_complete: bool,
    failed: bool,
}

impl<S> StreamEventReader<S>
where
    S: Stream<Item = Result<sse_stream::Sse, sse_stream::Error>> + Unpin,
{
    /// Decodes the next event; `None` at the end. After the last text nothing fails any more: a server that closes,
    /// breaks or stalls there has answered.
    async fn next(
        &mut self,
        decode_event: fn(&str) -> Result<StreamEvent, CallError>,
    ) -> Option<Result<Vec<ResponseDelta>, CallError>> {
        if !self.is_text_complete {
            let event = self.events.next().await;
            return self.decode(event, decode_event).transpose();
        }
        let event = timeout(TRAILING_EVENTS_TIMEOUT, self.events.next()).await.ok()?;
        self.decode(event, decode_event).ok().flatten().map(Ok)
    }

    fn decode(
        &mut self,
        event: Option<Result<sse_stream::Sse, sse_stream::Error>>,
        decode_event: fn(&str) -> Result<StreamEvent, CallError>,
    ) -> Result<Option<Vec<ResponseDelta>>, CallError> {
        let invalid = |what: String| CallError::Invalid(what.chars().take(200).collect());
        let event = match event {
            None => return Err(invalid("the stream ended before the answer did".into())),
            Some(event) => event.map_err(|error| invalid(format!("the stream broke: {error}")))?,
        };
        let deltas = match decode_event(event.data.as_deref().unwrap_or_default().trim())? {
            StreamEvent::End => return Ok(None),
            StreamEvent::Deltas(deltas) => deltas,
            StreamEvent::Last(deltas) => {
                self.is_text_complete = true;
                deltas
            }
        };
        let words =
            |delta: &ResponseDelta| if let ResponseDelta::Text(text) = delta { text.len() } else { 0 };
        self.length += deltas.iter().map(words).sum::<usize>();
        if self.length > MAX_TEXT_BYTES {
            return Err(invalid(format!("it has more than {MAX_TEXT_BYTES} bytes of words")));
        }
        Ok(Some(deltas))
    }
}

fn delta_stream<S>(events: S, decode_event: fn(&str) -> Result<StreamEvent, CallError>) -> DeltaStream
where
    S: Stream<Item = Result<sse_stream::Sse, sse_stream::Error>> + Send + Unpin + 'static,
{
    let start = StreamEventReader { events, length: 0, is_text_complete: false, failed: false };
    stream::unfold(start, move |mut reading| async move {
        if reading.failed {
            return None;
        }
        let result = reading.next(decode_event).await?;
        reading.failed = result.is_err();
        let items: Vec<Result<ResponseDelta, CallError>> = match result {
            Ok(deltas) => deltas.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        };
        Some((stream::iter(items), reading))
    })
    .flatten()
    .fuse()
    .boxed()
}
