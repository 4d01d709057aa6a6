//! The gateway as a process: it starts on a port and stops on request.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context as _;
use hoidap_shared::{
    config::{Config, LogFormat},
    telemetry::METRICS_UPKEEP_INTERVAL,
};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::{
    net::{TcpListener, TcpSocket},
    task::JoinHandle,
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    identity::secret_strength::require_strong_secrets, limits::refused_requests::REFUSAL_WINDOW,
    router::router, server::serve, state::AppState,
};

/// How long to wait for NATS before listening without it. The health report then names what is missing.
const NATS_START_TIMEOUT: Duration = Duration::from_secs(5);
/// Connections that the operating system queues until they are accepted.
const LISTEN_BACKLOG: u32 = 1_024;

/// A running gateway.
pub struct Gateway {
    /// Where it listens.
    pub address: SocketAddr,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl Gateway {
    /// Starts to listen and serve. Redis and ClickHouse may be down; they are used once they are up. NATS may be down too,
    /// but the gateway first waits for it for `NATS_START_TIMEOUT`.
    /// The process must have called `telemetry::init_tls` before.
    ///
    /// # Errors
    /// When a setting is invalid, production lacks a secret, or the port cannot be bound: the sentence names it.
    pub async fn start(config: Config, prometheus: PrometheusHandle) -> anyhow::Result<Self> {
        require_strong_secrets(&config)?;
        let address = config.gateway.listen;
        let no_port = || {
            format!(
                "gateway.listen: {address} cannot be listened on: choose another port, or stop what uses it"
            )
        };
        // The port is bound first; connections are refused until it listens.
        let socket = bind(address).with_context(no_port)?;
        let upkeep = prometheus.clone();
        let state = Arc::new(AppState::new(config, prometheus)?);
        let router = router(state.clone())?;
        if timeout(NATS_START_TIMEOUT, state.broker.ready()).await.is_err() {
            warn!(
                "NATS or its streams are not available yet: listening, but questions are answered with 503 until they are"
            );
        }
        let listener = socket.listen(LISTEN_BACKLOG).with_context(no_port)?;
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let serving = tokio::spawn(run(listener, router, state, upkeep, stop.clone()));
        Ok(Self { address, stop, serving })
    }

    /// Prints the address: to standard output for people, to the log where that is JSON.
    pub fn announce(&self, format: LogFormat) {
        let address = self.address;
        match format {
            LogFormat::Text => println!("hoidap-gateway listens on http://{address}"),
            LogFormat::Json => info!("hoidap-gateway listens on http://{address}"),
        }
    }

    /// Accepts no more connections, and returns once the requests in flight have ended or the drain timeout is over.
    pub async fn stop(self) {
        self.stop.cancel();
        let _ = self.serving.await;
    }
}

/// Serves until `stop`. Meanwhile it merges metrics and publishes the counted refusals.
async fn run(
    listener: TcpListener,
    router: axum::Router,
    state: Arc<AppState>,
    prometheus: PrometheusHandle,
    stop: CancellationToken,
) {
    let serving = serve(listener, router, &state, stop);
    tokio::pin!(serving);
    let (mut upkeep, mut window) = (interval(METRICS_UPKEEP_INTERVAL), interval(REFUSAL_WINDOW));
    window.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = &mut serving => break,
            _ = upkeep.tick() => prometheus.run_upkeep(),
            _ = window.tick() => drop(tokio::spawn(publish_refusals(state.clone()))),
        }
    }
    publish_refusals(state.clone()).await;
}

async fn publish_refusals(state: Arc<AppState>) {
    for event in state.refused_requests.drain(state.broker.now_ms()) {
        state.broker.publish_chat_event(event).await;
    }
}

fn bind(address: SocketAddr) -> std::io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}
