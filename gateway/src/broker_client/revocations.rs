//! Revoked sessions. The broker stores them, so that every gateway knows them and none is lost on a restart.

use async_nats::jetstream::{message::PublishMessage, stream::DirectGetErrorKind};
use tokio::time::timeout;
use tracing::warn;

use super::{BrokerClient, PUBLISH_ATTEMPTS, ROUND_TRIP_TIMEOUT, Unavailable, publish};

impl BrokerClient {
    /// Stores that a session is revoked.
    ///
    /// # Errors
    /// [`Unavailable`] when it is not stored.
    pub async fn revoke(&self, session: &str) -> Result<(), Unavailable> {
        let broker = &self.connected()?.broker;
        let message = PublishMessage::build().payload("revoked".into());
        publish(broker, broker.subjects.revoked_session(session), message, PUBLISH_ATTEMPTS).await?;
        Ok(())
    }

    /// Whether a session is revoked; `false` while the broker is down, since no question can be asked or read then either.
    ///
    /// # Errors
    /// [`Unavailable`] when the broker is there, but it cannot be read.
    pub async fn is_revoked(&self, session: &str) -> Result<bool, Unavailable> {
        let Ok(connected) = self.connected() else { return Ok(false) };
        let subject = connected.broker.subjects.revoked_session(session);
        match timeout(ROUND_TRIP_TIMEOUT, connected.revoked.direct_get_last_for_subject(subject)).await {
            Ok(Ok(_)) => Ok(true),
            Ok(Err(error)) if error.kind() == DirectGetErrorKind::NotFound => Ok(false),
            failed => {
                warn!(?failed, "revoked sessions could not be read: run `hoidap-worker setup` if this stays");
                Err(Unavailable("revoked sessions cannot be read".into()))
            }
        }
    }
}
