//! A whole gateway: started on a port, stopped when told to.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context as _;
use hoidap_shared::config::{Config, LogFormat};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::{
    net::{TcpListener, TcpSocket},
    task::JoinHandle,
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    identity::secret_strength::require_strong_secrets, limits::refusals::REFUSAL_WINDOW, router::router,
    server::serve, state::AppState,
};

/// How often latency samples are folded into their histograms, so that they do not pile up between scrapes.
const METRICS_UPKEEP_INTERVAL: Duration = Duration::from_secs(5);
/// How long to wait for NATS before it listens without, so that health can tell what is missing.
const NATS_START_TIMEOUT: Duration = Duration::from_secs(5);
/// Connections that the system keeps waiting until they are taken.
const LISTEN_BACKLOG: u32 = 1_024;

/// A running gateway.
pub struct Gateway {
    /// Where it listens.
    pub address: SocketAddr,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl Gateway {
    /// Listens once questions can be taken, and serves. Redis and ClickHouse may be away; they are used as soon as they are
    /// there. So may NATS, but it is waited for a little first.
    /// The process must have chosen its cryptography before (`telemetry::init_tls`).
    ///
    /// # Errors
    /// When a setting makes no sense, production lacks a secret, or the port cannot be had: the sentence names it.
    pub async fn start(config: Config, prometheus: PrometheusHandle) -> anyhow::Result<Self> {
        require_strong_secrets(&config)?;
        let address = config.gateway.listen;
        let no_port = || {
            format!(
                "gateway.listen: {address} cannot be listened on: choose another port, or stop what uses it"
            )
        };
        // The port is taken first, but whoever connects is refused until it listens.
        let socket = bind(address).with_context(no_port)?;
        let upkeep = prometheus.clone();
        let state = Arc::new(AppState::new(config, prometheus)?);
        let router = router(state.clone())?;
        if timeout(NATS_START_TIMEOUT, state.broker.ready()).await.is_err() {
            warn!("questions cannot be taken yet, for want of NATS or its streams: listening all the same");
        }
        let listener = socket.listen(LISTEN_BACKLOG).with_context(no_port)?;
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let serving = tokio::spawn(run(listener, router, state, upkeep, stop.clone()));
        Ok(Self { address, stop, serving })
    }

    /// Says where it listens: on standard output for people, in the log where that is JSON.
    pub fn announce(&self, format: LogFormat) {
        let address = self.address;
        match format {
            LogFormat::Text => println!("hoidap-gateway listens on http://{address}"),
            LogFormat::Json => info!("hoidap-gateway listens on http://{address}"),
        }
    }

    /// Takes no more connections, lets requests in flight end, and returns when they have or the time for it is over.
    pub async fn stop(self) {
        self.stop.cancel();
        let _ = self.serving.await;
    }
}

/// Serves until `stop`; meanwhile folds figures, and tells of what was refused by the hundred.
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
    for event in state.refusals.drain() {
        state.broker.publish_chat_event(event).await;
    }
}

fn bind(address: SocketAddr) -> std::io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}
