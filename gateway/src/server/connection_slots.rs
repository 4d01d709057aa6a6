//! Limits on open connections: in total, for each client, and a reserve that answers health requests.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hoidap_shared::config::GatewayConfig;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use crate::identity::client::network_prefix;

/// Reserved connections beyond `gateway.max_connections`. They answer health requests, and other requests with 503.
const RESERVED_CONNECTIONS: usize = 32;
/// Reserved connections of one client.
const MAX_RESERVED_PER_CLIENT: usize = 4;
/// Reserved connections that may wait for a normal slot at the same time, and for how long.
const MAX_WAITING: usize = 16;
const PROMOTION_TIMEOUT: Duration = Duration::from_secs(2);
/// Lower bound of the connections that one client may have, whatever the settings.
const MIN_PER_CLIENT: usize = 2;

/// Open connections of one client.
#[derive(Clone, Copy, Default)]
struct ClientConnections {
    all: usize,
    reserved: usize,
}

/// Open connections by the network prefix of the client.
type ConnectionCounts = HashMap<Vec<u8>, ClientConnections>;

/// The slots for connections. Clones share their state.
#[derive(Clone)]
pub(super) struct ConnectionSlots {
    main: Arc<Semaphore>,
    reserve: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    per_client: usize,
    clients: Arc<Mutex<ConnectionCounts>>,
}

/// A permit for one connection, before its client is known.
pub(super) struct SlotPermit {
    _permit: OwnedSemaphorePermit,
    reserved: bool,
}

/// One connection's slot, released when dropped.
pub(super) struct ConnectionSlot {
    permit: SlotPermit,
    slots: ConnectionSlots,
    client: Option<Vec<u8>>,
}

/// The client has too many connections open.
pub(super) struct TooManyConnections;

impl ConnectionSlots {
    pub(super) fn new(gateway: &GatewayConfig) -> Self {
        // Whatever the settings, one client never gets more than half of the connections.
        let half = gateway.max_connections / 2;
        Self {
            main: Arc::new(Semaphore::new(gateway.max_connections.min(Semaphore::MAX_PERMITS))),
            reserve: Arc::new(Semaphore::new(RESERVED_CONNECTIONS)),
            waiting: Arc::new(Semaphore::new(MAX_WAITING)),
            per_client: gateway.max_connections_per_client.min(half).max(MIN_PER_CLIENT),
            clients: Arc::default(),
        }
    }

    /// Waits for a free permit. Connections that arrive meanwhile wait in the operating system's queue.
    pub(super) async fn acquire(&self) -> Option<SlotPermit> {
        tokio::select! {
            biased;
            permit = self.main.clone().acquire_owned() => permit.ok().map(|permit| SlotPermit { _permit: permit, reserved: false }),
            permit = self.reserve.clone().acquire_owned() => permit.ok().map(|permit| SlotPermit { _permit: permit, reserved: true }),
        }
    }

    /// Assigns a slot to a client; `client` is `None` for a trusted proxy, behind which there are many.
    pub(super) fn assign(
        &self,
        permit: SlotPermit,
        client: Option<IpAddr>,
    ) -> Result<ConnectionSlot, TooManyConnections> {
        let client = client.map(network_prefix);
        if let Some(client) = &client {
            let mut clients = self.clients();
            let ClientConnections { all, reserved } = clients.get(client).copied().unwrap_or_default();
            if all >= self.per_client || (permit.reserved && reserved >= MAX_RESERVED_PER_CLIENT) {
                return Err(TooManyConnections);
            }
            let reserved = reserved + usize::from(permit.reserved);
            clients.insert(client.clone(), ClientConnections { all: all + 1, reserved });
        }
        Ok(ConnectionSlot { permit, slots: self.clone(), client })
    }

    fn clients(&self) -> std::sync::MutexGuard<'_, ConnectionCounts> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ConnectionSlot {
    /// Whether it is one of the reserve.
    pub(super) fn is_reserved(&self) -> bool {
        self.permit.reserved
    }

    /// Moves from the reserve to a normal slot. Waits up to [`PROMOTION_TIMEOUT`] for one, unless too many wait already.
    pub(super) async fn promote(&mut self) -> bool {
        if !self.permit.reserved {
            return true;
        }
        let permit = match self.slots.main.clone().try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => {
                let Ok(_waiting) = self.slots.waiting.clone().try_acquire_owned() else { return false };
                match timeout(PROMOTION_TIMEOUT, self.slots.main.clone().acquire_owned()).await {
                    Ok(Ok(permit)) => permit,
                    _ => return false,
                }
            }
        };
        self.leave_reserve();
        self.permit = SlotPermit { _permit: permit, reserved: false };
        true
    }

    fn leave_reserve(&self) {
        if let (true, Some(client)) = (self.permit.reserved, &self.client)
            && let Some(connections) = self.slots.clients().get_mut(client)
        {
            connections.reserved -= 1;
        }
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        self.leave_reserve();
        let Some(client) = &self.client else { return };
        let mut clients = self.slots.clients();
        if let Some(connections) = clients.get_mut(client) {
            connections.all -= 1;
            if connections.all == 0 {
                clients.remove(client);
            }
        }
    }
}
