//! Connections: how many, how long their headers may take, and how they end.

use std::{convert::Infallible, future::poll_fn, pin::Pin, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    http::{Request, Response},
};
use hoidap_shared::config::Gateway;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt as _;
use tracing::{debug, info, warn};

use crate::{
    client::Peer,
    error::{ApiError, Code, FieldError},
};

/// How long requests in flight may take after the process was told to stop.
const DRAIN: Duration = Duration::from_secs(20);
/// Bounds of the HTTP library itself, which answers without words; the gateway's own are smaller and have them.
const MAX_HEADERS: usize = 256;
const MAX_BUFFER: usize = 64 * 1024;
/// Longest wait for the last words to be taken.
const LAST_WORDS: Duration = Duration::from_secs(1);

type Reply = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

/// Serves `router` on `listener` until `stop`, then lets what is in flight end.
pub async fn serve(listener: TcpListener, router: Router, gateway: &Gateway, stop: CancellationToken) {
    let free = Arc::new(Semaphore::new(gateway.max_connections));
    let header_timeout = Duration::from_millis(gateway.header_timeout_ms);
    let connections = TaskTracker::new();
    loop {
        // A permit first: what is beyond the limit waits in the system's own queue.
        let accepted = async {
            let permit = free.clone().acquire_owned().await;
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            () = stop.cancelled() => break,
            accepted = accepted => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let connection = connection(stream, Peer(peer), router.clone(), header_timeout, stop.clone());
                connections.spawn(async move {
                    connection.await;
                    drop(permit);
                });
            }
            Err(error) => {
                // Such as too many open files: wait until some are closed.
                warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop(listener);
    connections.close();
    info!(in_flight = connections.len(), "no more connections are taken");
    if timeout(DRAIN, connections.wait()).await.is_err() {
        warn!(
            in_flight = connections.len(),
            "these did not end within {} s and are cut off",
            DRAIN.as_secs()
        );
    }
}

async fn connection(
    stream: TcpStream,
    peer: Peer,
    router: Router,
    header_timeout: Duration,
    stop: CancellationToken,
) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |mut request: Request<Incoming>| -> Reply {
        request.extensions_mut().insert(peer);
        Box::pin(router.clone().oneshot(request))
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_BUFFER)
        .serve_connection(TokioIo::new(stream), service);
    let mut stopping = false;
    let end = loop {
        tokio::select! {
            end = poll_fn(|cx| connection.poll_without_shutdown(cx)) => break end,
            () = stop.cancelled(), if !stopping => {
                stopping = true;
                Pin::new(&mut connection).graceful_shutdown();
            }
        }
    };
    let parts = connection.into_parts();
    let mut stream = parts.io.into_inner();
    if let Err(error) = end {
        debug!(%error, "a connection ended early");
        if error.is_timeout() && !parts.read_buf.is_empty() {
            let _ = timeout(LAST_WORDS, stream.write_all(&too_slow(&parts.read_buf, header_timeout))).await;
        }
    }
    let _ = timeout(LAST_WORDS, stream.shutdown()).await;
}

/// The answer to headers that do not end, naming the one that was being read.
fn too_slow(read: &[u8], waited: Duration) -> Vec<u8> {
    let line = read.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
    let token = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-' || *byte == b'_';
    let name = match std::str::from_utf8(name) {
        Ok(name) if (1..=64).contains(&name.len()) && name.as_bytes().iter().all(token) => name,
        _ => "the header section",
    };
    let detail = format!("did not end within {} seconds", waited.as_secs_f32());
    let error = ApiError::of_field(Code::RequestTimeout, FieldError::parameter(name, "too_slow", detail));
    let id = uuid::Uuid::now_v7().to_string();
    // A problem is made of text and numbers, which always have a form in JSON.
    let body = serde_json::to_string(&error.problem("/", &id)).unwrap_or_default();
    format!(
        "HTTP/1.1 408 Request Timeout\r\ncontent-type: application/problem+json\r\nx-request-id: {id}\r\n\
         retry-after: 1\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
