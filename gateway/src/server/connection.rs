//! Serving one connection.

use std::{convert::Infallible, future::poll_fn, pin::Pin, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    http::{HeaderValue, Request, Response, Version, header},
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::Mutex,
    time::timeout,
};
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use tracing::debug;

use super::{
    connection_phase::{ConnectionPhase, PhasedStream},
    connection_slots::ConnectionSlot,
    error_responses::{slow_headers_response, too_busy_response, too_many_open_response},
};
use crate::{health::HEALTH_PATH, identity::client::Peer};

/// Limits of the HTTP library, which answers without a body. The gateway's own limits are smaller and answer with one.
const MAX_HEADERS: usize = 256;
const MAX_BUFFER_BYTES: usize = 64 * 1024;
/// How long the client may take to read the last bytes.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// Header timeout of a reserved connection.
const RESERVED_HEADER_TIMEOUT: Duration = Duration::from_secs(2);

type Reply = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

#[derive(Clone, Copy)]
pub(super) struct ConnectionTimeouts {
    /// For the client to send the headers of a request.
    pub(super) headers: Duration,
    /// For the client to begin the next request.
    pub(super) idle: Duration,
    /// For the client to read what is sent.
    pub(super) write: Duration,
}

/// Serves one connection until it ends, or after `stop` until the request in flight is answered.
pub(super) async fn serve(
    stream: TcpStream,
    peer: Peer,
    router: Router,
    times: ConnectionTimeouts,
    slot: ConnectionSlot,
    stop: CancellationToken,
) {
    let _ = stream.set_nodelay(true);
    // Bytes that are never acknowledged: the client is gone, and nothing else would show it.
    let _ = socket2::SockRef::from(&stream).set_tcp_user_timeout(Some(times.write));
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(times.write));
    let headers = if slot.is_reserved() { times.headers.min(RESERVED_HEADER_TIMEOUT) } else { times.headers };
    let slot = Arc::new(Mutex::new(slot));
    let phase = ConnectionPhase::new();
    let serving = phase.clone();
    let service = service_fn(move |mut request: Request<Incoming>| -> Reply {
        serving.begin_request();
        request.extensions_mut().insert(peer);
        if request.version() < Version::HTTP_11 {
            // Some proxies forward as HTTP/1.0 by default, and add no header that names them.
            request.headers_mut().insert(header::VIA, HeaderValue::from_static("1.0 unnamed"));
        }
        let (router, slot, phase) = (router.clone(), slot.clone(), serving.clone());
        Box::pin(async move { Ok(answer(request, router, slot).await?.map(|body| phase.until_sent(body))) })
    });
    let mut connection = http1::Builder::new()
        // Its own would also end a connection that waits for the next request.
        .header_read_timeout(None)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_BUFFER_BYTES)
        .serve_connection(
            TokioIo::new(Box::pin(PhasedStream { stream: Box::pin(stream), phase: phase.clone() })),
            service,
        );
    let overdue = phase.overdue(headers, times.idle);
    tokio::pin!(overdue);
    let mut stopping = false;
    let waited = loop {
        tokio::select! {
            end = poll_fn(|cx| connection.poll_without_shutdown(cx)) => {
                if let Err(error) = end {
                    debug!(%error, "a connection ended early");
                }
                break None;
            }
            waited = &mut overdue => break Some(waited),
            () = stop.cancelled(), if !stopping => {
                stopping = true;
                Pin::new(&mut connection).graceful_shutdown();
            }
        }
    };
    let parts = connection.into_parts();
    let mut stream = parts.io.into_inner();
    if let Some(waited) = waited
        && !parts.read_buf.is_empty()
    {
        let response = slow_headers_response(&parts.read_buf, waited);
        let _ = timeout(CLOSE_TIMEOUT, stream.write_all(&response)).await;
    }
    let _ = timeout(CLOSE_TIMEOUT, stream.shutdown()).await;
}

/// Answers a request. On a reserved connection only if it is for health, or if a normal slot is free by now.
async fn answer(
    request: Request<Incoming>,
    router: Router,
    slot: Arc<Mutex<ConnectionSlot>>,
) -> Result<Response<Body>, Infallible> {
    let for_health = request.uri().path() == HEALTH_PATH;
    let reserved = {
        let mut slot = slot.lock().await;
        if !for_health && !slot.promote().await {
            metrics::counter!("hoidap_gateway_connections_refused_total", "why" => "too_busy").increment(1);
            return Ok(too_busy_response(request.uri().path()));
        }
        slot.is_reserved()
    };
    let mut response = router.oneshot(request).await?;
    if reserved {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}

/// Answers that the client has too many connections open.
pub(super) async fn refuse(mut stream: TcpStream) {
    metrics::counter!("hoidap_gateway_connections_refused_total", "why" => "too_many_open").increment(1);
    let said = async {
        stream.write_all(&too_many_open_response()).await?;
        stream.shutdown().await?;
        // The request must be read, or the operating system discards the response.
        let mut rest = [0; 4096];
        while stream.read(&mut rest).await? > 0 {}
        std::io::Result::Ok(())
    };
    let _ = timeout(CLOSE_TIMEOUT, said).await;
}
