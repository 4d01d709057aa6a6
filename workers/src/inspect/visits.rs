use std::collections::HashSet;

use hoidap_shared::{job::Outcome, progress::ProgressLine};

use super::{
    clock::Clock,
    collected::{Body, Collected, Message},
    story::{Answered, DeadLetter, End, Made, Run, Visit},
};
use crate::recording::DONE;

/// Every message that a stage was to work on, with what came of it.
pub(super) fn visits(
    found: &Collected,
    clock: Clock,
    letters: &[DeadLetter],
    answers: &[Answered],
) -> Vec<Visit> {
    let mut claimed = HashSet::new();
    let mut visits: Vec<Visit> = Vec::new();
    for (place, message) in found.messages.iter().enumerate().filter(|(_, message)| message.stage != DONE) {
        let follows = |later: &&Message| {
            later.redrive == message.redrive
                && later.last_hop().is_some_and(|hop| hop.stage == message.stage)
                && !claimed.contains(&later.seq)
        };
        let next = found.messages[place + 1..].iter().find(follows);
        // An answer whose record is missing follows the last message of its stage.
        let kept = found.kept.as_ref().map(|kept| &kept.answer).filter(|answer| {
            next.is_none()
                && answer.hops.last().is_some_and(|hop| hop.stage == message.stage)
                && !found.messages.iter().any(|message| message.stage == DONE)
        });
        let letter = letters.iter().find(|letter| letter.message == Some(message.seq));
        let failed = || {
            let is_last = found.messages[place + 1..]
                .iter()
                .all(|later| later.stage == DONE || later.redrive != message.redrive);
            answers
                .iter()
                .find(|answer| is_last && answer.redrive == message.redrive && answer.problem.is_some())
        };
        let end = match (next, letter) {
            (_, Some(letter)) => End::Dead { reason: letter.reason.clone() },
            (Some(next), None) => {
                claimed.insert(next.seq);
                match (next.stage == DONE, failure(next)) {
                    (true, Some(reason)) => End::Dead { reason },
                    (true, None) => End::Answered,
                    (false, _) => End::Passed { to: next.stage.clone(), seq: next.seq },
                }
            }
            (None, None) if kept.is_some() => End::Answered,
            (None, None) => match failed().and_then(|answer| answer.problem.clone()) {
                Some(reason) => End::Dead { reason },
                None if answers.iter().any(|answer| counts_for(answer, message)) => End::AnsweredBefore,
                None => End::Open,
            },
        };
        let hop = next.and_then(Message::last_hop).or_else(|| kept.and_then(|answer| answer.hops.last()));
        let (made, fault) = made(next);
        visits.push(Visit {
            stage: message.stage.clone(),
            seq: message.seq,
            at_ms: clock.at(message.stored),
            redrive: message.redrive.clone(),
            took: took(message),
            waited_ms: hop.map(|hop| hop.waited_ms),
            worked_ms: hop.map(|hop| hop.worked_ms),
            delivery: hop.map(|hop| hop.delivery).or_else(|| u32::try_from(letter?.deliveries?).ok()),
            canary: hop.is_some_and(|hop| hop.canary),
            runs: Vec::new(),
            end,
            made,
            unread: message.read.as_ref().err().cloned().or(fault),
        });
    }
    runs(found, clock, &mut visits);
    visits
}

/// Whether a message waits for nothing because of an answer: a failure says nothing to a message that was sent again.
fn counts_for(answer: &Answered, message: &Message) -> bool {
    message.redrive.is_none() || message.redrive == answer.redrive || answer.problem.is_none()
}

/// The problem of an answer that is a failure.
fn failure(message: &Message) -> Option<String> {
    match message.body()? {
        Body::Answer(answer) if answer.outcome == Outcome::Failed => answer.problem.clone(),
        _ => None,
    }
}

fn made(next: Option<&Message>) -> (Option<Made>, Option<String>) {
    match next.map(|next| &next.read) {
        Some(Ok((_, Body::Classified(classified)))) => (Some(Made::meaning(classified)), None),
        Some(Ok((_, Body::Retrieved(retrieved)))) => (Some(Made::passages(retrieved)), None),
        Some(Err(fault)) => (None, Some(fault.clone())),
        _ => (None, None),
    }
}

/// What a message holds, in a sentence.
fn took(message: &Message) -> String {
    match message.body() {
        Some(Body::Question(question)) => {
            let turns = question.history.len();
            let turns =
                if turns > 0 { format!(", {}", counted(turns, "earlier turn")) } else { String::new() };
            format!("a question of {} characters{turns}", question.message.chars().count())
        }
        Some(Body::Classified(classified)) => format!(
            "{} for {}",
            counted(classified.queries.len(), "wording"),
            if classified.collections.is_empty() {
                "no collection".into()
            } else {
                classified.collections.join(", ")
            }
        ),
        Some(Body::Retrieved(retrieved)) => {
            format!("{}, support {:.2}", counted(retrieved.passages.len(), "passage"), retrieved.support)
        }
        Some(Body::Answer(_) | Body::Other) => "a message whose form this command does not know".into(),
        None => "a message that cannot be read".into(),
    }
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Puts each delivery that was told of beside the message it was of: the latest of its stage that was stored by then.
fn runs(found: &Collected, clock: Clock, visits: &mut [Visit]) {
    for (time, line) in &found.lines {
        let ProgressLine::Stage { name, run } = line else { continue };
        let at_ms = clock.at(*time);
        let (process, delivery) = match run.rsplit_once('.') {
            Some((process, delivery)) => (process.to_string(), delivery.parse().ok()),
            None => (run.clone(), None),
        };
        let of_stage = |visit: &&mut Visit| visit.stage == *name && visit.at_ms <= at_ms;
        if let Some(visit) = visits.iter_mut().rev().find(of_stage) {
            visit.runs.push(Run { at_ms, process, delivery });
        }
    }
}
