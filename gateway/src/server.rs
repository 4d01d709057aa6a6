//! Accepting and serving connections: their number, their timeouts, and their end.

mod connection;
mod connection_phase;
mod connection_slots;
mod error_responses;

use std::{sync::Arc, time::Duration};

use axum::Router;
use tokio::{net::TcpListener, sync::Semaphore, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{info, warn};

use crate::{identity::client::Peer, state::AppState};
use connection::ConnectionTimeouts;
use connection_slots::ConnectionSlots;

/// How long requests in flight may take after the stop signal.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(20);
/// Refused connections that get an error response at the same time; others are closed without one.
const MAX_REFUSING: usize = 64;

/// Serves `router` on `listener` until `stop`, then waits for the requests in flight.
pub async fn serve(listener: TcpListener, router: Router, state: &AppState, stop: CancellationToken) {
    let gateway = &state.config.gateway;
    let times = ConnectionTimeouts {
        headers: Duration::from_millis(gateway.header_timeout_ms),
        idle: Duration::from_millis(gateway.idle_timeout_ms),
        write: Duration::from_millis(gateway.write_timeout_ms),
    };
    let (slots, refusing) = (ConnectionSlots::new(gateway), Arc::new(Semaphore::new(MAX_REFUSING)));
    let connections = TaskTracker::new();
    loop {
        // A permit first: connections beyond the limit wait in the operating system's queue.
        let accepted = async {
            let permit = slots.acquire().await;
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            () = stop.cancelled() => break,
            accepted = accepted => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // For example too many open files: wait until some are closed.
                warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Some(permit) = permit else { continue };
        let client = (!state.clients.trusts(peer.ip())).then(|| peer.ip());
        match slots.assign(permit, client) {
            Ok(slot) => {
                let (router, stop) = (router.clone(), stop.clone());
                connections.spawn(connection::serve(stream, Peer(peer), router, times, slot, stop));
            }
            Err(_) => {
                if let Ok(refusal) = refusing.clone().try_acquire_owned() {
                    tokio::spawn(async move {
                        connection::refuse(stream).await;
                        drop(refusal);
                    });
                }
            }
        }
    }
    drop(listener);
    connections.close();
    info!(in_flight = connections.len(), "no more connections are taken");
    if timeout(DRAIN_TIMEOUT, connections.wait()).await.is_err() {
        warn!(
            in_flight = connections.len(),
            "these did not end within {} s and are closed",
            DRAIN_TIMEOUT.as_secs()
        );
    }
}
