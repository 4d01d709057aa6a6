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
    app::{App, router},
    refusals::WINDOW,
    secrets,
    server::serve,
};

/// How often latency samples are folded into their histograms, so that they do not pile up between scrapes.
const UPKEEP: Duration = Duration::from_secs(5);
/// How long to wait for NATS before it listens without, so that health can tell what is missing.
const PATIENCE: Duration = Duration::from_secs(5);
/// Connections that the system keeps waiting until they are taken.
const BACKLOG: u32 = 1_024;

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
        secrets::check(&config)?;
        let wanted = config.gateway.listen;
        let no_port = || {
            format!(
                "gateway.listen: {wanted} cannot be listened on: choose another port, or stop what uses it"
            )
        };
        // The port is taken first, but whoever connects is refused until it listens.
        let socket = bind(wanted).with_context(no_port)?;
        let upkeep = prometheus.clone();
        let app = Arc::new(App::new(config, prometheus)?);
        let router = router(app.clone())?;
        if timeout(PATIENCE, app.link.ready()).await.is_err() {
            warn!("questions cannot be taken yet, for want of NATS or its streams: listening all the same");
        }
        let listener = socket.listen(BACKLOG).with_context(no_port)?;
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let serving = tokio::spawn(run(listener, router, app, upkeep, stop.clone()));
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
    app: Arc<App>,
    prometheus: PrometheusHandle,
    stop: CancellationToken,
) {
    let serving = serve(listener, router, &app, stop);
    tokio::pin!(serving);
    let (mut upkeep, mut window) = (interval(UPKEEP), interval(WINDOW));
    window.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = &mut serving => break,
            _ = upkeep.tick() => prometheus.run_upkeep(),
            _ = window.tick() => drop(tokio::spawn(tell_refusals(app.clone()))),
        }
    }
    tell_refusals(app.clone()).await;
}

async fn tell_refusals(app: Arc<App>) {
    for event in app.refusals.take() {
        app.link.tell(event).await;
    }
}

fn bind(address: SocketAddr) -> std::io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}
