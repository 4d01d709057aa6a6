use std::io::Write as _;

use anyhow::{Context as _, bail, ensure};
use async_nats::{HeaderMap, header::NATS_MESSAGE_ID, jetstream::stream::Stream};
use hoidap_shared::{broker::Broker, dead_letter::DeadLetter, fleet::ANALYTICS, headers::REDRIVE};

use super::letter::StoredLetter;

/// How many messages were sent again.
#[derive(Debug, Default)]
pub(super) struct RedriveTally {
    sent: usize,
    failed: usize,
}

impl RedriveTally {
    /// Prints the tally. Fails when a message could not be sent.
    pub(super) fn report(&self, dry_run: bool) -> anyhow::Result<()> {
        let what = if dry_run { "would be sent again" } else { "sent again" };
        let _ = writeln!(std::io::stdout(), "{} messages {what}", self.sent);
        ensure!(self.failed == 0, "{} could not be sent again; their letters are kept", self.failed);
        Ok(())
    }
}

/// Sends the message of one letter again, and prints it.
pub(super) async fn redrive(
    broker: &Broker,
    stream: &Stream,
    letter: &StoredLetter,
    dry_run: bool,
    tally: &mut RedriveTally,
) {
    match send(broker, stream, letter, dry_run).await {
        Ok(()) => {
            tally.sent += 1;
            // A closed pipe must not stop the work half way.
            let _ = writeln!(
                std::io::stdout(),
                "{} {} -> {}",
                letter.sequence,
                letter.letter.reason,
                letter.letter.subject
            );
        }
        Err(error) => {
            tally.failed += 1;
            let _ = writeln!(std::io::stderr(), "{} {}: {error:#}", letter.sequence, letter.letter.reason);
        }
    }
}

/// Publishes the message, then removes the letter. When this is interrupted in between, the letter stays, and sending it
/// again within the duplicate window stores nothing new, because the message id is derived from the letter's sequence.
async fn send(broker: &Broker, stream: &Stream, letter: &StoredLetter, dry_run: bool) -> anyhow::Result<()> {
    check_subject(broker, &letter.letter)?;
    let message = letter.message(broker).await?;
    if dry_run {
        return Ok(());
    }
    let created = stream.cached_info().created.unix_timestamp();
    let token = format!("{created}-{}", letter.sequence);
    let mut headers = HeaderMap::new();
    headers.insert(NATS_MESSAGE_ID, format!("redrive.{token}"));
    headers.insert(REDRIVE, token);
    let sent = broker.jetstream.publish_with_headers(letter.letter.subject.clone(), headers, message);
    sent.await?.await.with_context(|| format!("{} does not accept the message", letter.letter.subject))?;
    let removed = stream.delete_message(letter.sequence).await;
    removed.context("the message was sent, but its letter could not be removed: it would be sent twice")?;
    Ok(())
}

/// Rejects a letter whose subject is not that of its stage's jobs, or of events.
fn check_subject(broker: &Broker, letter: &DeadLetter) -> anyhow::Result<()> {
    let subjects = &broker.subjects;
    let is_known = if letter.stage == ANALYTICS {
        letter.subject.starts_with(&subjects.events("")) && !letter.subject.contains(['*', '>', ' '])
    } else {
        !letter.stage.is_empty() && letter.subject == subjects.jobs(&letter.stage)
    };
    if !is_known {
        bail!("`{}` is not where messages for `{}` come from", letter.subject, letter.stage);
    }
    Ok(())
}
