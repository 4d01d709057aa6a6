//! Refused chats: the first few of each client become one event each, the rest one event with their number.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use hoidap_shared::{
    events::ChatEvent,
    job::{JobId, SCHEMA, Usage},
};

/// How often the counted refusals are published.
pub const REFUSAL_WINDOW: Duration = Duration::from_secs(60);
/// Refusals of one client in a window that get an event each.
const MAX_SINGLE_REFUSALS: u32 = 10;
/// Clients that are counted apart in a window; all others are counted together.
const MAX_CLIENTS: usize = 1_000;

/// The client, outcome and problem of a refusal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct RefusalKind {
    client: String,
    outcome: &'static str,
    problem: String,
}

/// The refusals since the last window began.
#[derive(Default)]
pub struct RefusedRequestCounter {
    window: Mutex<RefusalWindow>,
}

#[derive(Default)]
struct RefusalWindow {
    single: HashMap<String, u32>,
    counted: HashMap<RefusalKind, u32>,
}

impl RefusedRequestCounter {
    /// Whether a refusal gets an event of its own. If not, it is counted.
    pub fn report_individually(&self, client: &str, outcome: &'static str, problem: &str) -> bool {
        metrics::counter!("hoidap_gateway_refused_total", "problem" => problem.to_string()).increment(1);
        self.with(|window| {
            let known = window.single.len() < MAX_CLIENTS || window.single.contains_key(client);
            if known {
                let told = window.single.entry(client.to_string()).or_default();
                if *told < MAX_SINGLE_REFUSALS {
                    *told += 1;
                    return true;
                }
            }
            window.count(if known { client } else { "" }, outcome, problem);
            false
        })
    }

    /// Counts a refusal of a request that is not a chat.
    pub fn count(&self, client: &str, outcome: &'static str, problem: &str) {
        metrics::counter!("hoidap_gateway_refused_total", "problem" => problem.to_string()).increment(1);
        self.with(|window| {
            let known = window.single.len() < MAX_CLIENTS || window.single.contains_key(client);
            if known {
                window.single.entry(client.to_string()).or_default();
            }
            window.count(if known { client } else { "" }, outcome, problem);
        });
    }

    /// The events of the counted refusals, at that time; starts a new window.
    pub fn drain(&self, at_ms: u64) -> Vec<ChatEvent> {
        let counted = self.with(std::mem::take).counted;
        counted.into_iter().map(|(kind, times)| event(kind, times, at_ms)).collect()
    }

    fn with<T>(&self, work: impl FnOnce(&mut RefusalWindow) -> T) -> T {
        work(&mut self.window.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl RefusalWindow {
    fn count(&mut self, client: &str, outcome: &'static str, problem: &str) {
        let kind = RefusalKind { client: client.into(), outcome, problem: problem.into() };
        let count = self.counted.entry(kind).or_default();
        *count = count.saturating_add(1);
    }
}

fn event(kind: RefusalKind, times: u32, at_ms: u64) -> ChatEvent {
    ChatEvent {
        schema: SCHEMA,
        job_id: JobId::new(),
        at_ms,
        outcome: kind.outcome.to_string(),
        times,
        problem: Some(kind.problem),
        session_id: String::new(),
        user_id: None,
        client: kind.client,
        question: String::new(),
        answer: String::new(),
        page: String::new(),
        intent: "unknown".to_string(),
        product: None,
        language: String::new(),
        confidence: 0.0,
        took_ms: 0,
        provider: None,
        model: None,
        attempts: vec![],
        usage: Usage::default(),
        hops: vec![],
        sources: vec![],
        versions: BTreeMap::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_events_does_not_grow_with_that_of_refusals_or_of_clients() {
        let refusals = RefusedRequestCounter::default();
        let mut singles = 0;
        for number in 0..100_000_u32 {
            let client = format!("client {}", number % 5_000);
            singles += u32::from(refusals.report_individually(&client, "rejected", "fields_invalid"));
        }
        let events = refusals.drain(0);
        assert_eq!(singles, 10_000, "ten of each of a thousand clients");
        assert_eq!(events.len(), 1_001);
        assert_eq!(events.iter().map(|event| event.times).sum::<u32>(), 90_000);
        assert_eq!(refusals.drain(0), [], "a new window begins");
    }
}
