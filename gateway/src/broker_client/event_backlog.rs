use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use hoidap_shared::events::ChatEvent;
use tracing::error;

/// Most queued events: about 10 MB.
const MAX_EVENTS: usize = 10_000;

/// Events that wait for NATS, the oldest first.
#[derive(Default)]
pub(super) struct EventBacklog {
    events: Mutex<VecDeque<ChatEvent>>,
}

impl EventBacklog {
    /// Queues an event. Beyond [`MAX_EVENTS`] the oldest is dropped and counted.
    pub(super) fn push(&self, event: ChatEvent) {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.push_back(event);
        if events.len() > MAX_EVENTS {
            events.pop_front();
            metrics::counter!("hoidap_gateway_events_lost_total").increment(1);
            error!("NATS has been down for too long: the oldest queued analytics event is lost");
        }
    }

    /// Takes the oldest event.
    pub(super) fn pop(&self) -> Option<ChatEvent> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}
