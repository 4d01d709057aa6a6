//! Who may be connected: so many at once, few of them from one address, and a reserve that health is answered from.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hoidap_shared::config::Gateway;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use crate::identity::client::network_prefix;

/// Connections beside `gateway.max_connections`, in which health is answered and others are told to come back; those of
/// one client among them; and those that may wait for a better place, and for how long.
const RESERVED_CONNECTIONS: usize = 32;
const MAX_RESERVED_PER_CLIENT: usize = 4;
const MAX_WAITING: usize = 16;
const PROMOTION_TIMEOUT: Duration = Duration::from_secs(2);
/// Fewest connections of one client that are allowed, however few there are.
const MIN_PER_CLIENT: usize = 2;

/// How many connections one client has: all, and those in the reserve.
type Counts = HashMap<Vec<u8>, (usize, usize)>;

/// The places for connections. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub(super) struct ConnectionSlots {
    main: Arc<Semaphore>,
    reserve: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    per_client: usize,
    clients: Arc<Mutex<Counts>>,
}

/// Room for one connection, before it is known whose.
pub(super) struct SlotPermit {
    _permit: OwnedSemaphorePermit,
    reserved: bool,
}

/// One connection's place, given back when dropped.
pub(super) struct ConnectionSlot {
    room: SlotPermit,
    slots: ConnectionSlots,
    client: Option<Vec<u8>>,
}

/// A client has as many connections as it may have.
pub(super) struct TooManyConnections;

impl ConnectionSlots {
    pub(super) fn new(gateway: &Gateway) -> Self {
        // However it is configured, one client never has more than half of all.
        let half = gateway.max_connections / 2;
        Self {
            main: Arc::new(Semaphore::new(gateway.max_connections.min(Semaphore::MAX_PERMITS))),
            reserve: Arc::new(Semaphore::new(RESERVED_CONNECTIONS)),
            waiting: Arc::new(Semaphore::new(MAX_WAITING)),
            per_client: gateway.max_connections_per_client.min(half).max(MIN_PER_CLIENT),
            clients: Arc::default(),
        }
    }

    /// Waits until there is room. What comes meanwhile waits in the system's own queue.
    pub(super) async fn room(&self) -> Option<SlotPermit> {
        tokio::select! {
            biased;
            permit = self.main.clone().acquire_owned() => permit.ok().map(|permit| SlotPermit { _permit: permit, reserved: false }),
            permit = self.reserve.clone().acquire_owned() => permit.ok().map(|permit| SlotPermit { _permit: permit, reserved: true }),
        }
    }

    /// Takes a place for a client; `None` for a trusted proxy, behind which there are many.
    pub(super) fn assign(
        &self,
        room: SlotPermit,
        client: Option<IpAddr>,
    ) -> Result<ConnectionSlot, TooManyConnections> {
        let client = client.map(network_prefix);
        if let Some(client) = &client {
            let mut clients = self.clients();
            let (all, reserved) = clients.get(client).copied().unwrap_or_default();
            if all >= self.per_client || (room.reserved && reserved >= MAX_RESERVED_PER_CLIENT) {
                return Err(TooManyConnections);
            }
            clients.insert(client.clone(), (all + 1, reserved + usize::from(room.reserved)));
        }
        Ok(ConnectionSlot { room, slots: self.clone(), client })
    }

    fn clients(&self) -> std::sync::MutexGuard<'_, Counts> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ConnectionSlot {
    /// Whether it is one of the reserve.
    pub(super) fn is_reserved(&self) -> bool {
        self.room.reserved
    }

    /// Moves out of the reserve, waiting a little for room if not too many wait already.
    pub(super) async fn promote(&mut self) -> bool {
        if !self.room.reserved {
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
        self.room = SlotPermit { _permit: permit, reserved: false };
        true
    }

    fn leave_reserve(&self) {
        if let (true, Some(client)) = (self.room.reserved, &self.client)
            && let Some((_, reserved)) = self.slots.clients().get_mut(client)
        {
            *reserved -= 1;
        }
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        self.leave_reserve();
        let Some(client) = &self.client else { return };
        let mut clients = self.slots.clients();
        if let Some((all, _)) = clients.get_mut(client) {
            *all -= 1;
            if *all == 0 {
                clients.remove(client);
            }
        }
    }
}
