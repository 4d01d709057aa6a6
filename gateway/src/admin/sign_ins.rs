//! Which sign-ins have not been signed out of: in Redis for all gateways, and in this process while Redis is away.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hoidap_shared::job::now_ms;
use tracing::warn;

use super::ticket::Ticket;
use crate::redis::{Away, Redis};

/// Sign-ins that are remembered here; of more, those that end first are forgotten.
const MOST: usize = 1_000;
/// How soon Redis is told again of a sign-out that it did not hear.
const AGAIN: Duration = Duration::from_secs(1);

/// What this process knows of a sign-in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    /// It is good, and Redis knew it.
    Good,
    /// It is good, and Redis could not be told.
    Untold,
    /// It was signed out of.
    Out,
}

/// The sign-ins to the dashboard. A cookie is good while its sign-in is known.
pub struct SignIns {
    redis: Arc<Redis>,
    memory: Mutex<HashMap<String, (Known, u64)>>,
}

impl SignIns {
    /// Nobody has signed in yet.
    pub fn new(redis: Arc<Redis>) -> Self {
        Self { redis, memory: Mutex::default() }
    }

    /// Remembers a sign-in.
    pub(super) async fn enter(&self, ticket: &Ticket) {
        self.remember(ticket, Known::Untold);
        self.tell(ticket).await;
    }

    /// Whether a ticket's sign-in is known and was not signed out of.
    pub(super) async fn holds(&self, ticket: &Ticket) -> bool {
        let known = self.known(ticket);
        if known == Some(Known::Out) {
            return false;
        }
        let key = self.key(ticket);
        let asked = self.redis.run(move |connection| {
            Box::pin(async move { redis::cmd("EXISTS").arg(key).query_async::<bool>(connection).await })
        });
        match (asked.await, known) {
            (Ok(true), _) => {
                self.remember(ticket, Known::Good);
                true
            }
            (Ok(false), Some(Known::Untold)) => {
                self.tell(ticket).await;
                true
            }
            (Ok(false), _) => {
                self.remember(ticket, Known::Out);
                false
            }
            (Err(_), known) => known.is_some(),
        }
    }

    /// Signs out, here at once and on all gateways as soon as Redis hears of it.
    pub(super) async fn leave(&self, ticket: &Ticket) {
        if self.known(ticket) == Some(Known::Out) {
            return;
        }
        self.remember(ticket, Known::Out);
        let (redis, key, ticket) = (self.redis.clone(), self.key(ticket), ticket.clone());
        if let Err(error) = forget(&redis, &key).await {
            warn!(%error, "other gateways hear of a sign-out as soon as Redis is back");
            tokio::spawn(async move {
                while ticket.left() > 0 && forget(&redis, &key).await.is_err() {
                    tokio::time::sleep(AGAIN).await;
                }
            });
        }
    }

    async fn tell(&self, ticket: &Ticket) {
        let (key, left) = (self.key(ticket), ticket.left().max(1));
        let told = self.redis.run(move |connection| {
            Box::pin(async move {
                redis::cmd("SET").arg(key).arg(1).arg("EX").arg(left).query_async::<()>(connection).await
            })
        });
        match told.await {
            Ok(()) if self.known(ticket) != Some(Known::Out) => self.remember(ticket, Known::Good),
            Ok(()) => {}
            Err(error) => warn!(%error, "a sign-in counts on this gateway alone until Redis is back"),
        }
    }

    fn key(&self, ticket: &Ticket) -> String {
        self.redis.key("admin", &ticket.id)
    }

    fn known(&self, ticket: &Ticket) -> Option<Known> {
        self.with(|memory| memory.get(&ticket.id).map(|(known, _)| *known))
    }

    fn remember(&self, ticket: &Ticket, known: Known) {
        self.with(|memory| {
            if memory.len() >= MOST && !memory.contains_key(&ticket.id) {
                let now = now_ms() / 1000;
                memory.retain(|_, (_, end)| *end > now);
                let first = memory.iter().min_by_key(|(_, (_, end))| *end).map(|(id, _)| id.clone());
                if let Some(first) = first.filter(|_| memory.len() >= MOST) {
                    memory.remove(&first);
                }
            }
            memory.insert(ticket.id.clone(), (known, ticket.end));
        });
    }

    fn with<T>(&self, work: impl FnOnce(&mut HashMap<String, (Known, u64)>) -> T) -> T {
        work(&mut self.memory.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn forget(redis: &Redis, key: &str) -> Result<(), Away> {
    let key = key.to_string();
    redis
        .run(move |connection| {
            Box::pin(async move { redis::cmd("DEL").arg(key).query_async::<()>(connection).await })
        })
        .await
}
