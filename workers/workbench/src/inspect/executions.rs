use std::collections::HashSet;

use hoidap_shared::{
    job::{MessageBody, Outcome},
    progress::ProgressLine,
};

use super::{
    records::{CollectedRecords, StreamMessage},
    relative_clock::RelativeClock,
    trace::{DeliveryStart, ExecutionEnd, StageExecution, StageResult, TracedAnswer},
};
use crate::recording::DONE;

/// The execution of every stage input.
pub(super) fn trace_executions<'a>(
    found: &'a CollectedRecords,
    clock: RelativeClock,
    answers: &[TracedAnswer<'a>],
) -> Vec<StageExecution<'a>> {
    let mut claimed = HashSet::new();
    let mut executions = Vec::new();
    for (place, message) in found.messages.iter().enumerate().filter(|(_, message)| message.stage != DONE) {
        let redrive = message.redrive.as_deref();
        let later = &found.messages[place + 1..];
        let next = later.iter().find(|later| {
            later.redrive == message.redrive
                && later.last_hop().is_some_and(|hop| hop.stage == message.stage)
                && !claimed.contains(&later.seq)
        });
        // An answer without a record follows the last message of its stage.
        let kept_hop = found
            .stored_answer
            .as_ref()
            .and_then(|kept| kept.answer.hops.last())
            .filter(|hop| next.is_none() && hop.stage == message.stage && !found.has_answer());
        let letter = found.dead_letters.iter().find(|letter| letter.message == Some(message.seq));
        let failed = || {
            let is_last = later.iter().all(|later| later.stage == DONE || later.redrive != message.redrive);
            let problems = answers.iter().filter(|answer| is_last && answer.redrive == redrive);
            problems.filter_map(|answer| answer.answer.problem.as_deref()).next()
        };
        let end = match (next, letter) {
            (_, Some(letter)) => ExecutionEnd::Dead { reason: &letter.reason },
            (Some(next), None) => {
                claimed.insert(next.seq);
                match failure_code(next) {
                    _ if next.stage != DONE => ExecutionEnd::Passed { to: &next.stage, seq: next.seq },
                    Some(reason) => ExecutionEnd::Dead { reason },
                    None => ExecutionEnd::Answered,
                }
            }
            (None, None) if kept_hop.is_some() => ExecutionEnd::Answered,
            (None, None) => match failed() {
                Some(reason) => ExecutionEnd::Dead { reason },
                None if answers.iter().any(|answer| ends_message(answer, redrive)) => {
                    ExecutionEnd::AnsweredBefore
                }
                None => ExecutionEnd::Open,
            },
        };
        let hop = next.and_then(StreamMessage::last_hop).or(kept_hop);
        let made = match next.and_then(StreamMessage::body) {
            Some(MessageBody::Classified(classified)) => Some(StageResult::Meaning(classified)),
            Some(MessageBody::Retrieved(retrieved)) => Some(StageResult::Passages(retrieved)),
            _ => None,
        };
        executions.push(StageExecution {
            stage: &message.stage,
            seq: message.seq,
            at_ms: clock.offset_of(message.stored),
            redrive,
            took: describe_input(message),
            waited_ms: hop.map(|hop| hop.waited_ms),
            worked_ms: hop.map(|hop| hop.worked_ms),
            delivery: hop.map(|hop| hop.delivery).or_else(|| u32::try_from(letter?.deliveries?).ok()),
            canary: hop.is_some_and(|hop| hop.canary),
            runs: Vec::new(),
            end,
            made,
            unread: message.read.as_ref().err().map(String::as_str),
        });
    }
    add_delivery_starts(found, clock, &mut executions);
    executions
}

/// Whether an answer ends a message: a failure does not end a redriven one.
fn ends_message(answer: &TracedAnswer<'_>, redrive: Option<&str>) -> bool {
    redrive.is_none() || redrive == answer.redrive || answer.answer.problem.is_none()
}

/// The problem code of a failed answer.
fn failure_code(message: &StreamMessage) -> Option<&str> {
    match message.body()? {
        MessageBody::Answer(answer) if answer.outcome == Outcome::Failed => answer.problem.as_deref(),
        _ => None,
    }
}

/// Describes a stage's input in a sentence.
fn describe_input(message: &StreamMessage) -> String {
    match message.body() {
        Some(MessageBody::Question(question)) => {
            let turns = match question.history.len() {
                0 => String::new(),
                turns => format!(", {}", pluralised(turns, "earlier turn")),
            };
            format!("a question of {} characters{turns}", question.message.chars().count())
        }
        Some(MessageBody::Classified(classified)) => {
            let names = &classified.collections;
            let names = if names.is_empty() { "no collection".into() } else { names.join(", ") };
            format!("{} for {names}", pluralised(classified.queries.len(), "wording"))
        }
        Some(MessageBody::Retrieved(retrieved)) => {
            format!("{}, support {:.2}", pluralised(retrieved.passages.len(), "passage"), retrieved.support)
        }
        Some(MessageBody::Answer(_)) => "a message whose form this command does not know".into(),
        None => "a message that cannot be read".into(),
    }
}

fn pluralised(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Adds each start of a delivery to the latest execution of its stage stored by then.
fn add_delivery_starts<'a>(
    found: &'a CollectedRecords,
    clock: RelativeClock,
    executions: &mut [StageExecution<'a>],
) {
    for (time, line) in &found.live_lines {
        let ProgressLine::Stage { name, run } = line else { continue };
        let at_ms = clock.offset_of(*time);
        let (process, delivery) = match run.rsplit_once('.') {
            Some((process, delivery)) => (process, delivery.parse().ok()),
            None => (run.as_str(), None),
        };
        let mut latest = executions.iter_mut().rev();
        if let Some(execution) = latest.find(|it| it.stage == name && it.at_ms <= at_ms) {
            execution.runs.push(DeliveryStart { at_ms, process, delivery });
        }
    }
}
