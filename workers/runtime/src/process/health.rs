//! `/healthz`, `/readyz` and `/metrics` of a worker process.

use std::{future::Future, net::SocketAddr};

use anyhow::Context as _;
use axum::{Router, extract::State, http::StatusCode, routing::get};
use hoidap_shared::broker::Broker;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::{net::TcpListener, sync::watch};
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::runner::Pauses;

/// The state behind the answers.
#[derive(Clone)]
pub(super) struct HealthState {
    metrics: PrometheusHandle,
    broker: Broker,
    open: watch::Receiver<Vec<&'static str>>,
    expected: usize,
    pauses: Pauses,
}

impl HealthState {
    pub(super) fn new(
        metrics: PrometheusHandle,
        broker: Broker,
        open: watch::Receiver<Vec<&'static str>>,
        expected: usize,
        pauses: Pauses,
    ) -> Self {
        Self { metrics, broker, open, expected, pauses }
    }
}

/// Binds the address and returns the server, to be run until the process stops.
pub(super) async fn serve(
    listen: SocketAddr,
    health: HealthState,
    stop: CancellationToken,
) -> anyhow::Result<impl Future<Output = anyhow::Result<()>>> {
    let listener = TcpListener::bind(listen).await.with_context(|| {
        format!("{listen} cannot be listened on: free it, or set worker.listen (port 0 picks a free one)")
    })?;
    info!(address = %listener.local_addr()?, "serving /healthz, /readyz and /metrics");
    let router = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(health);
    Ok(async move {
        let server = axum::serve(listener, router).with_graceful_shutdown(stop.clone().cancelled_owned());
        tokio::select! {
            result = server => result.context("the health server failed"),
            // A client that keeps its connection open must not keep the process alive.
            () = stop.cancelled() => Ok(()),
        }
    })
}

async fn ready(State(health): State<HealthState>) -> (StatusCode, String) {
    if health.broker.client.connection_state() != async_nats::connection::State::Connected {
        return (StatusCode::SERVICE_UNAVAILABLE, "NATS is away\n".into());
    }
    let open = health.open.borrow().clone();
    let paused = health.pauses.all();
    let ready = open.len() == health.expected && paused.is_empty();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let reasons: String =
        paused.iter().map(|(stage, reason)| format!("{stage} takes no jobs: {reason}\n")).collect();
    (status, format!("open: {}\n{reasons}", open.join(" ")))
}

async fn metrics(State(health): State<HealthState>) -> String {
    health.metrics.run_upkeep();
    health.metrics.render()
}
