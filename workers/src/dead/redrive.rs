use std::io::Write as _;

use anyhow::{Context as _, bail, ensure};
use async_nats::{HeaderMap, header::NATS_MESSAGE_ID, jetstream::stream::Stream};
use hoidap_shared::broker::Broker;

use super::letter::Letter;
use crate::{process::ANALYTICS, runner::REDRIVE};

/// How a redrive went.
#[derive(Debug, Default)]
pub(super) struct Tally {
    sent: usize,
    failed: usize,
}

impl Tally {
    /// Says it, and fails when a letter could not be sent.
    pub(super) fn report(&self, dry_run: bool) -> anyhow::Result<()> {
        let what = if dry_run { "would be sent again" } else { "sent again" };
        let _ = writeln!(std::io::stdout(), "{} messages {what}", self.sent);
        ensure!(self.failed == 0, "{} could not be sent again; their letters are kept", self.failed);
        Ok(())
    }
}

/// Sends one letter's message again and says so.
pub(super) async fn redrive(
    broker: &Broker,
    stream: &Stream,
    letter: &Letter,
    dry_run: bool,
    tally: &mut Tally,
) {
    match send(broker, stream, letter, dry_run).await {
        Ok(()) => {
            tally.sent += 1;
            // A reader that is gone must not stop the work half way.
            let _ = writeln!(std::io::stdout(), "{} {} -> {}", letter.seq, letter.reason, letter.subject);
        }
        Err(error) => {
            tally.failed += 1;
            let _ = writeln!(std::io::stderr(), "{} {}: {error:#}", letter.seq, letter.reason);
        }
    }
}

/// Publishes first and removes then: cut off in between, the letter stays, and sending it once more within the
/// duplicate window stores nothing new, because its id is made of the letter's own place.
async fn send(broker: &Broker, stream: &Stream, letter: &Letter, dry_run: bool) -> anyhow::Result<()> {
    check_subject(broker, letter)?;
    let message = letter.message(broker).await?;
    if dry_run {
        return Ok(());
    }
    let made = stream.cached_info().created.unix_timestamp();
    let token = format!("{made}-{}", letter.seq);
    let mut headers = HeaderMap::new();
    headers.insert(NATS_MESSAGE_ID, format!("redrive.{token}"));
    headers.insert(REDRIVE, token);
    let sent = broker.jetstream.publish_with_headers(letter.subject.clone(), headers, message);
    sent.await?.await.with_context(|| format!("{} does not take the message", letter.subject))?;
    let removed = stream.delete_message(letter.seq).await;
    removed.context("the message was sent, but its letter could not be removed: it would be sent twice")?;
    Ok(())
}

/// A letter names where its message came from; only a stage's own jobs, or events, are believed.
fn check_subject(broker: &Broker, letter: &Letter) -> anyhow::Result<()> {
    let subjects = &broker.subjects;
    let known = if letter.stage == ANALYTICS {
        letter.subject.starts_with(&subjects.events("")) && !letter.subject.contains(['*', '>', ' '])
    } else {
        !letter.stage.is_empty() && letter.subject == subjects.jobs(&letter.stage)
    };
    if !known {
        bail!("`{}` is not where messages for `{}` come from", letter.subject, letter.stage);
    }
    Ok(())
}
