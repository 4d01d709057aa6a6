use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use futures::{Stream, StreamExt as _, future, stream};
use hoidap_shared::config::Provider as Settings;
use reqwest::{
    Client, Response,
    header::{HeaderMap, HeaderName, HeaderValue},
    redirect,
};
use serde_json::Value;
use sse_stream::SseByteStream;
use url::{Host, Url};

use super::{CallError, Delta, Deltas};

/// Largest body of an answer, in bytes.
const MAX_BODY: usize = 4 * 1024 * 1024;
/// Most words of an answer, in bytes.
const MAX_TEXT: usize = 32 * 1024;

/// How a protocol carries its key.
pub(super) type KeyHeader = fn(&str) -> (HeaderName, String);

/// One provider's server: its address, its key, a client that follows no redirect.
pub(crate) struct Http {
    client: Client,
    base: String,
    pub(super) model: String,
    key: Key,
}

enum Key {
    None,
    Missing(String),
    Value(secrecy::SecretString),
}

impl Http {
    /// # Errors
    /// When the address is no http or https URL, or no client can be made.
    pub(crate) fn new(name: &str, settings: &Settings) -> anyhow::Result<Self> {
        let base = Url::parse(&settings.base_url)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https"))
            .with_context(|| {
                format!("providers.{name}.base_url: `{}` is no http or https address", settings.base_url)
            })?;
        let mut builder = Client::builder()
            .redirect(redirect::Policy::none())
            .connect_timeout(Duration::from_millis(settings.connect_timeout_ms))
            .user_agent("hoidap");
        if is_loopback(&base) {
            builder = builder.no_proxy();
        }
        let client =
            builder.build().with_context(|| format!("providers.{name}: no HTTP client can be made"))?;
        let key = match settings.api_key_env.as_str() {
            "" => Key::None,
            variable => match std::env::var(variable) {
                Ok(key) if !key.trim().is_empty() => Key::Value(key.trim().to_string().into()),
                _ => Key::Missing(variable.into()),
            },
        };
        Ok(Self {
            client,
            base: base.as_str().trim_end_matches('/').into(),
            model: settings.model.clone(),
            key,
        })
    }

    fn headers(&self, carry: KeyHeader) -> Result<HeaderMap, CallError> {
        let mut headers = HeaderMap::new();
        match &self.key {
            Key::None => {}
            Key::Missing(variable) => return Err(CallError::NoKey(variable.clone())),
            Key::Value(key) => {
                let (name, value) = carry(secrecy::ExposeSecret::expose_secret(key));
                let mut value = HeaderValue::from_str(&value).map_err(|_| {
                    CallError::Invalid("the key holds characters that no header can carry".into())
                })?;
                value.set_sensitive(true);
                headers.insert(name, value);
            }
        }
        Ok(headers)
    }

    /// Posts a question; `read` turns the data of one event into what it means.
    pub(super) async fn ask(
        &self,
        path: &str,
        carry: KeyHeader,
        extra: HeaderMap,
        body: &Value,
        read: fn(&str) -> Result<Event, CallError>,
    ) -> Result<Deltas, CallError> {
        let request =
            self.client.post(format!("{}{path}", self.base)).headers(self.headers(carry)?).headers(extra);
        let response = request.json(body).send().await.map_err(unreachable)?;
        let response = checked(response)?;
        let events = SseByteStream::new(Box::pin(bounded(response.bytes_stream())));
        Ok(deltas(events, read))
    }

    /// Gets the list of models, of which only the status counts.
    pub(super) async fn probe(&self, carry: KeyHeader, extra: HeaderMap) -> Result<(), CallError> {
        let request =
            self.client.get(format!("{}/models", self.base)).headers(self.headers(carry)?).headers(extra);
        match checked(request.send().await.map_err(unreachable)?) {
            Ok(_) => Ok(()),
            // Not every compatible server has a list.
            Err(CallError::Status(404 | 405)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// A proxy of the environment must not see what stays on this machine.
fn is_loopback(base: &Url) -> bool {
    match base.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// What one event of a stream means.
#[derive(Debug, PartialEq)]
pub(super) enum Event {
    /// Some deltas, perhaps none.
    Deltas(Vec<Delta>),
    /// The answer is whole.
    End,
}

fn checked(response: Response) -> Result<Response, CallError> {
    if response.status().is_success() {
        Ok(response)
    } else {
        Err(CallError::Status(response.status().as_u16()))
    }
}

/// The last cause is the telling one; the address is left out, it may hold a key.
fn unreachable(error: reqwest::Error) -> CallError {
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(below) = cause.source() {
        cause = below;
    }
    CallError::Unreachable(cause.to_string().chars().take(200).collect())
}

/// The body until it is too large: then an error ends it.
fn bounded(
    body: impl Stream<Item = reqwest::Result<Bytes>> + Send + 'static,
) -> impl Stream<Item = std::io::Result<Bytes>> + Send {
    body.scan(0_usize, |read, part| {
        future::ready(Some(part.map_err(|error| std::io::Error::other(error.without_url())).and_then(
            |part| {
                *read = read.saturating_add(part.len());
                let fits = *read <= MAX_BODY;
                fits.then_some(part)
                    .ok_or_else(|| std::io::Error::other(format!("it is larger than {MAX_BODY} bytes")))
            },
        )))
    })
}

fn deltas<S>(events: S, read: fn(&str) -> Result<Event, CallError>) -> Deltas
where
    S: Stream<Item = Result<sse_stream::Sse, sse_stream::Error>> + Send + Unpin + 'static,
{
    let start = (events, 0_usize, false);
    stream::unfold(start, move |(mut events, mut length, done)| async move {
        if done {
            return None;
        }
        let result = match events.next().await {
            None => Err(CallError::Invalid("the stream ended before the answer did".into())),
            Some(Err(error)) => {
                Err(CallError::Invalid(format!("the stream broke: {error}").chars().take(200).collect()))
            }
            Some(Ok(event)) => match read(event.data.as_deref().unwrap_or_default().trim()) {
                Ok(Event::End) => return None,
                Ok(Event::Deltas(deltas)) => Ok(deltas),
                Err(error) => Err(error),
            },
        };
        let result = result.and_then(|deltas| {
            length += deltas
                .iter()
                .map(|delta| if let Delta::Text(text) = delta { text.len() } else { 0 })
                .sum::<usize>();
            let fits = length <= MAX_TEXT;
            fits.then_some(deltas)
                .ok_or_else(|| CallError::Invalid(format!("it has more than {MAX_TEXT} bytes of words")))
        });
        let failed = result.is_err();
        let items: Vec<Result<Delta, CallError>> = match result {
            Ok(deltas) => deltas.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        };
        Some((stream::iter(items), (events, length, failed)))
    })
    .flatten()
    .fuse()
    .boxed()
}
