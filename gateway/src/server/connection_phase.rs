//! What a connection waits for, and how long it may.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::body::{Body, Bytes};
use hyper::body::{Frame, SizeHint};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::Notify,
    time::{Instant, timeout_at},
};

/// What the connection waits for, and since when.
#[derive(Clone, Copy, PartialEq)]
enum Phase {
    /// The headers of a request.
    Headers(Instant),
    /// The end of a response.
    Response,
    /// The first byte of the next request.
    NextRequest(Instant),
}

/// The phase of one connection. Clones share it.
#[derive(Clone)]
pub(super) struct ConnectionPhase(Arc<(Mutex<Phase>, Notify)>);

impl ConnectionPhase {
    /// A new connection, whose first request must come at once.
    pub(super) fn new() -> Self {
        Self(Arc::new((Mutex::new(Phase::Headers(Instant::now())), Notify::new())))
    }

    /// The headers of a request have been read. It is served until its response, which is given to
    /// [`ConnectionPhase::until_sent`], has been sent.
    pub(super) fn begin_request(&self) {
        self.change(|_| Phase::Response);
    }

    /// The response's body; once it has been sent, the next request is waited for.
    pub(super) fn until_sent(&self, body: Body) -> Body {
        Body::new(SentBody { body, phase: self.clone() })
    }

    /// Waits until the headers of a request have taken longer than `headers`, or the next request longer than `idle`.
    /// Returns which limit it was.
    pub(super) async fn overdue(&self, headers: Duration, idle: Duration) -> Duration {
        loop {
            let changed = self.0.1.notified();
            let (since, limit) = match self.get() {
                Phase::Headers(since) => (since, headers),
                Phase::NextRequest(since) => (since, idle),
                Phase::Response => {
                    changed.await;
                    continue;
                }
            };
            if timeout_at(since + limit, changed).await.is_err() {
                return limit;
            }
        }
    }

    /// A response's body is dropped before its last bytes are sent: the time for the next request begins with the last of them.
    fn has_written(&self, written: &Poll<io::Result<usize>>) {
        if matches!(written, Poll::Ready(Ok(1..))) {
            self.change(|phase| match phase {
                Phase::NextRequest(_) => Phase::NextRequest(Instant::now()),
                other => other,
            });
        }
    }

    fn get(&self) -> Phase {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(Phase) -> Phase) {
        let mut phase = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        let next = change(*phase);
        if *phase != next {
            *phase = next;
            // One task waits; where it does not yet, its next wait ends at once.
            self.0.1.notify_one();
        }
    }
}

/// A connection's stream, which tells when the first byte of a request comes, and when bytes of a response have been sent.
pub(super) struct PhasedStream<S> {
    pub(super) stream: S,
    pub(super) phase: ConnectionPhase,
}

impl<S: AsyncRead + Unpin> AsyncRead for PhasedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.phase.change(|phase| match phase {
                Phase::NextRequest(_) => Phase::Headers(Instant::now()),
                other => other,
            });
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for PhasedStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.phase.has_written(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, buffers);
        self.phase.has_written(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// A response's body. It is dropped once the connection has all of it.
struct SentBody {
    body: Body,
    phase: ConnectionPhase,
}

impl hyper::body::Body for SentBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for SentBody {
    fn drop(&mut self) {
        self.phase.change(|_| Phase::NextRequest(Instant::now()));
    }
}
