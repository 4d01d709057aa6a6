//! The connection to NATS, and the streams that the fleet needs there.

mod clock;
mod streams;

use std::time::Duration;

use anyhow::bail;
use async_nats::{
    Client, ConnectOptions, Event, ServerError,
    jetstream::{
        self, Context, ErrorCode,
        context::{PublishError, PublishErrorKind},
    },
};
use secrecy::ExposeSecret as _;
use tokio::{
    sync::broadcast,
    time::{Instant, sleep, timeout_at},
};
use tracing::{debug, info, warn};

pub use self::clock::BrokerClock;
use crate::{address::without_credentials, config::NatsConfig, subjects::Subjects};

/// Longest wait for a server.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// Delay between attempts to connect.
const RETRY_DELAY: Duration = Duration::from_millis(500);

/// A connection, and the names of subjects and streams on it.
#[derive(Clone, Debug)]
pub struct Broker {
    /// The connection.
    pub client: Client,
    /// JetStream on this connection.
    pub jetstream: Context,
    /// The names of subjects and streams.
    pub subjects: Subjects,
    /// The broker's time.
    pub clock: BrokerClock,
    /// Permission errors of the server: a forbidden request itself gets no reply.
    violations: broadcast::Sender<String>,
}

impl Broker {
    /// Connects, waits for a server that is not up yet, and reconnects for ever.
    ///
    /// # Errors
    /// When the server refuses the credentials or cannot be reached within [`CONNECT_TIMEOUT`].
    pub async fn connect(nats: &NatsConfig, name: &str) -> anyhow::Result<Self> {
        let violations = broadcast::Sender::new(16);
        let sender = violations.clone();
        let mut options = ConnectOptions::new()
            .name(name)
            .connection_timeout(Duration::from_secs(5))
            .request_timeout(Some(Duration::from_secs(5)))
            .subscription_capacity(65_536)
            .reconnect_delay_callback(|attempt| Duration::from_millis(50 * 2_u64.pow(attempt.min(5) as u32)))
            .event_callback(move |event| {
                let sender = sender.clone();
                async move { handle_event(&event, &sender) }
            });
        if !nats.user.is_empty() {
            options = options.user_and_password(nats.user.clone(), nats.password.expose_secret().to_string());
            // Accounts with permissions let each user read only its own inbox.
            options = options.custom_inbox_prefix(format!("_INBOX_{}", nats.user));
        }
        let servers: Vec<&str> = nats.url.split(',').map(str::trim).collect();
        let address = without_credentials(&nats.url);
        let deadline = Instant::now() + CONNECT_TIMEOUT;
        let mut last_error = "no answer".to_string();
        while let Ok(connected) = timeout_at(deadline, options.clone().connect(&servers)).await {
            match connected {
                Ok(client) => {
                    let jetstream = jetstream::new(client.clone());
                    let (subjects, clock) = (Subjects::new(&nats.prefix), BrokerClock::default());
                    return Ok(Self { client, jetstream, subjects, clock, violations });
                }
                Err(error) if error.to_string().contains("authorization") => {
                    bail!(
                        "NATS at {address} refuses user `{}`: set nats.user and nats.password: {error}",
                        nats.user
                    )
                }
                Err(error) => last_error = error.to_string(),
            }
            sleep(RETRY_DELAY).await;
        }
        bail!("NATS at {address} cannot be reached ({last_error}): start it, or set nats.url")
    }
}

/// Whether a message was refused because its subject's last sequence is not the expected one. While another message is on
/// its way to the subject, a cluster refuses with a code of its own, which the client library does not know.
pub fn is_wrong_last_sequence(error: &PublishError) -> bool {
    use std::error::Error as _;
    let is_constant =
        |error: &jetstream::Error| error.error_code() == ErrorCode::STREAM_WRONG_LAST_SEQUENCE_CONSTANT;
    error.kind() == PublishErrorKind::WrongLastSequence
        || error.source().and_then(|source| source.downcast_ref()).is_some_and(is_constant)
}

fn handle_event(event: &Event, violations: &broadcast::Sender<String>) {
    match event {
        Event::Connected => info!("connected to NATS"),
        Event::Closed | Event::Draining => debug!(%event, "NATS connection"),
        Event::SlowConsumer(id) => warn!(id, "a subscription is full: messages were dropped"),
        Event::ServerError(ServerError::Other(what)) => {
            warn!(what, "NATS");
            // Nobody may be listening.
            let _ = violations.send(what.clone());
        }
        other => warn!(%other, "NATS connection"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_refuses_a_second_message_by_another_code() {
        let refusal = |code: u64| {
            let error =
                serde_json::json!({"code": 400, "err_code": code, "description": "wrong last sequence"});
            let error: jetstream::Error = serde_json::from_value(error).unwrap();
            PublishError::with_source(PublishErrorKind::Other, error)
        };
        assert!(is_wrong_last_sequence(&refusal(10_164)));
        assert!(is_wrong_last_sequence(&PublishError::new(PublishErrorKind::WrongLastSequence)));
        assert!(!is_wrong_last_sequence(&refusal(10_077)), "a full stream");
        assert!(!is_wrong_last_sequence(&PublishError::new(PublishErrorKind::TimedOut)));
    }
}
