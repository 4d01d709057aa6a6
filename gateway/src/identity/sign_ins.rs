//! Operators' sign-ins that are still valid: in Redis for all gateways, and in this process while Redis is down.

mod ticket;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hoidap_shared::job::now_ms;
pub use ticket::{TICKET_TTL_SECS, Ticket, Tickets};
use tracing::warn;

use crate::storage::redis::{Redis, RedisUnavailable};

/// Sign-ins in this process's memory; beyond that, those that expire first are removed.
const MAX_SIGN_INS: usize = 1_000;
/// Delay between attempts to store a sign-out in Redis.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// The state of a sign-in in this process.
#[derive(Clone, Copy, PartialEq, Eq)]
enum SignInState {
    /// Valid, and stored in Redis.
    Confirmed,
    /// Valid, but not stored in Redis yet.
    LocalOnly,
    /// Signed out.
    SignedOut,
}

/// A sign-in in this process's memory.
#[derive(Clone, Copy)]
struct LocalSignIn {
    state: SignInState,
    /// When it expires, in seconds since the Unix epoch.
    expires: u64,
}

/// The sign-ins to the dashboard. A cookie is valid while its sign-in is registered.
pub struct SignInRegistry {
    redis: Arc<Redis>,
    memory: Mutex<HashMap<String, LocalSignIn>>,
}

impl SignInRegistry {
    /// A registry without sign-ins.
    pub fn new(redis: Arc<Redis>) -> Self {
        Self { redis, memory: Mutex::default() }
    }

    /// Registers a sign-in.
    pub async fn sign_in(&self, ticket: &Ticket) {
        self.remember(ticket, SignInState::LocalOnly);
        self.publish_sign_in(ticket).await;
    }

    /// Whether a ticket's sign-in is registered and not signed out.
    pub async fn is_signed_in(&self, ticket: &Ticket) -> bool {
        let known = self.local_state(ticket);
        if known == Some(SignInState::SignedOut) {
            return false;
        }
        let key = self.key(ticket);
        let asked = self.redis.run(move |connection| {
            Box::pin(async move { redis::cmd("EXISTS").arg(key).query_async::<bool>(connection).await })
        });
        match (asked.await, known) {
            (Ok(true), _) => {
                self.remember(ticket, SignInState::Confirmed);
                true
            }
            (Ok(false), Some(SignInState::LocalOnly)) => {
                self.publish_sign_in(ticket).await;
                true
            }
            (Ok(false), _) => {
                self.remember(ticket, SignInState::SignedOut);
                false
            }
            (Err(_), known) => known.is_some(),
        }
    }

    /// Signs out: here at once, on all gateways once Redis has stored it.
    pub async fn sign_out(&self, ticket: &Ticket) {
        if self.local_state(ticket) == Some(SignInState::SignedOut) {
            return;
        }
        self.remember(ticket, SignInState::SignedOut);
        let (redis, key, ticket) = (self.redis.clone(), self.key(ticket), ticket.clone());
        if let Err(error) = delete_sign_in(&redis, &key).await {
            warn!(%error, "a sign-out reaches other gateways once Redis is back");
            tokio::spawn(async move {
                while ticket.left() > 0 && delete_sign_in(&redis, &key).await.is_err() {
                    tokio::time::sleep(RETRY_DELAY).await;
                }
            });
        }
    }

    async fn publish_sign_in(&self, ticket: &Ticket) {
        let (key, left) = (self.key(ticket), ticket.left().max(1));
        let told = self.redis.run(move |connection| {
            Box::pin(async move {
                redis::cmd("SET").arg(key).arg(1).arg("EX").arg(left).query_async::<()>(connection).await
            })
        });
        match told.await {
            Ok(()) if self.local_state(ticket) != Some(SignInState::SignedOut) => {
                self.remember(ticket, SignInState::Confirmed)
            }
            Ok(()) => {}
            Err(error) => warn!(%error, "a sign-in is valid on this gateway only until Redis is back"),
        }
    }

    fn key(&self, ticket: &Ticket) -> String {
        self.redis.key("admin", &ticket.id)
    }

    fn local_state(&self, ticket: &Ticket) -> Option<SignInState> {
        self.with(|memory| memory.get(&ticket.id).map(|local| local.state))
    }

    fn remember(&self, ticket: &Ticket, state: SignInState) {
        self.with(|memory| {
            if memory.len() >= MAX_SIGN_INS && !memory.contains_key(&ticket.id) {
                let now = now_ms() / 1000;
                memory.retain(|_, local| local.expires > now);
                let first = memory.iter().min_by_key(|(_, local)| local.expires).map(|(id, _)| id.clone());
                if let Some(first) = first.filter(|_| memory.len() >= MAX_SIGN_INS) {
                    memory.remove(&first);
                }
            }
            memory.insert(ticket.id.clone(), LocalSignIn { state, expires: ticket.end });
        });
    }

    fn with<T>(&self, work: impl FnOnce(&mut HashMap<String, LocalSignIn>) -> T) -> T {
        work(&mut self.memory.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn delete_sign_in(redis: &Redis, key: &str) -> Result<(), RedisUnavailable> {
    let key = key.to_string();
    redis
        .run(move |connection| {
            Box::pin(async move { redis::cmd("DEL").arg(key).query_async::<()>(connection).await })
        })
        .await
}
