use hoidap_shared::job::now_ms;
use serde::{Deserialize, Serialize};

use crate::identity::signing::Signer;

/// How long a ticket is valid, in seconds.
pub const TICKET_TTL_SECS: u64 = 12 * 3_600;

/// The signed value of the dashboard's cookie. It stands for the admin token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ticket {
    /// The id of its sign-in.
    pub id: String,
    /// When it expires, in seconds since the Unix epoch.
    pub end: u64,
}

impl Ticket {
    /// Seconds until it expires.
    pub fn left(&self) -> u64 {
        self.end.saturating_sub(now_ms() / 1000)
    }
}

/// Signs tickets with the admin token. Any gateway with the same token can open them; a new token voids them.
pub struct Tickets {
    signer: Signer,
}

impl Tickets {
    /// Signs and opens tickets with this admin token.
    pub fn new(token: &str) -> Self {
        Self { signer: Signer::new(token.as_bytes(), "admin") }
    }

    /// A new ticket, and its text.
    pub fn issue(&self) -> (Ticket, String) {
        let id = uuid::Uuid::new_v4().simple().to_string();
        let ticket = Ticket { id, end: now_ms() / 1000 + TICKET_TTL_SECS };
        let text = self.signer.sign(&ticket);
        (ticket, text)
    }

    /// The ticket of a signed text, unless it has expired.
    pub fn open(&self, text: &str) -> Option<Ticket> {
        self.signer.open::<Ticket>(text).filter(|ticket| ticket.left() > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_ends_and_belongs_to_one_token() {
        let tickets = Tickets::new("s3cret");
        let (ticket, text) = tickets.issue();
        assert_eq!(tickets.open(&text), Some(ticket.clone()));
        assert!(!text.contains("s3cret") && (TICKET_TTL_SECS - 2..=TICKET_TTL_SECS).contains(&ticket.left()));
        assert_ne!(tickets.issue().0.id, ticket.id);
        assert_eq!(Tickets::new("another").open(&text), None);
        let over = tickets.signer.sign(&Ticket { id: ticket.id, end: now_ms() / 1000 });
        for bad in [over.as_str(), "", ".", &text[1..]] {
            assert_eq!(tickets.open(bad), None, "{bad}");
        }
    }
}
