use hoidap_shared::job::now_ms;

use crate::signed::Signer;

/// How long a ticket is good, in seconds.
const GOOD: u64 = 12 * 3_600;

/// Stand in for the admin token in a browser: the moment they end, signed with the token. Any gateway that has the same
/// token takes them, and none does once the token is another.
pub(super) struct Tickets {
    signer: Signer,
}

impl Tickets {
    /// Tickets for one admin token.
    pub(super) fn new(token: &str) -> Self {
        Self { signer: Signer::new(token.as_bytes(), "admin") }
    }

    /// A new ticket, and the seconds it is good.
    pub(super) fn give(&self) -> (String, u64) {
        (self.until(now_ms() / 1000 + GOOD), GOOD)
    }

    fn until(&self, end: u64) -> String {
        self.signer.sign(&end)
    }

    /// Whether a ticket was given for this token and is still good.
    pub(super) fn takes(&self, ticket: &str) -> bool {
        self.signer.open::<u64>(ticket).is_some_and(|end| now_ms() / 1000 < end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_ends_and_belongs_to_one_token() {
        let tickets = Tickets::new("s3cret");
        let (ticket, _) = tickets.give();
        assert!(tickets.takes(&ticket) && !ticket.contains("s3cret"));
        assert!(!Tickets::new("another").takes(&ticket));
        assert!(!tickets.takes(&tickets.until(now_ms() / 1000)));
        assert!(!tickets.takes("") && !tickets.takes(".") && !tickets.takes(&ticket[1..]));
    }
}
