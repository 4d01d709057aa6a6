use std::collections::HashSet;

use hoidap_shared::{
    job::{MessageBody, Outcome},
    progress::ProgressLine,
};

use crate::{
    inspect::{
        collect::collected_records::{CollectedRecords, StreamMessage},
        trace::{
            job_trace::{
                DeliveryStart, ExecutionEnd, StageExecution, StageResult, TracedAnswer, TracedDeadLetter,
            },
            relative_clock::RelativeClock,
        },
    },
    recording::{DONE, DecodedMessage},
};

/// The execution of every stage input.
pub(in crate::inspect) fn trace_executions(
    found: &CollectedRecords,
    clock: RelativeClock,
    letters: &[TracedDeadLetter],
    answers: &[TracedAnswer],
) -> Vec<StageExecution> {
    let mut claimed = HashSet::new();
    let mut executions: Vec<StageExecution> = Vec::new();
    for (place, message) in found.messages.iter().enumerate().filter(|(_, message)| message.stage != DONE) {
        let follows = |later: &&StreamMessage| {
            later.redrive == message.redrive
                && later.last_hop().is_some_and(|hop| hop.stage == message.stage)
                && !claimed.contains(&later.seq)
        };
        let next = found.messages[place + 1..].iter().find(follows);
        // An answer without a record follows the last message of its stage.
        let kept = found.stored_answer.as_ref().map(|kept| &kept.answer).filter(|answer| {
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
            (_, Some(letter)) => ExecutionEnd::Dead { reason: letter.reason.clone() },
            (Some(next), None) => {
                claimed.insert(next.seq);
                match (next.stage == DONE, failure_code(next)) {
                    (true, Some(reason)) => ExecutionEnd::Dead { reason },
                    (true, None) => ExecutionEnd::Answered,
                    (false, _) => ExecutionEnd::Passed { to: next.stage.clone(), seq: next.seq },
                }
            }
            (None, None) if kept.is_some() => ExecutionEnd::Answered,
            (None, None) => match failed().and_then(|answer| answer.problem.clone()) {
                Some(reason) => ExecutionEnd::Dead { reason },
                None if answers.iter().any(|answer| ends_message(answer, message)) => {
                    ExecutionEnd::AnsweredBefore
                }
                None => ExecutionEnd::Open,
            },
        };
        let hop =
            next.and_then(StreamMessage::last_hop).or_else(|| kept.and_then(|answer| answer.hops.last()));
        let (made, fault) = stage_result(next);
        executions.push(StageExecution {
            stage: message.stage.clone(),
            seq: message.seq,
            at_ms: clock.offset_of(message.stored),
            redrive: message.redrive.clone(),
            took: describe_input(message),
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
    add_delivery_starts(found, clock, &mut executions);
    executions
}

/// Whether an answer ends a message: a failure does not end a redriven one.
fn ends_message(answer: &TracedAnswer, message: &StreamMessage) -> bool {
    message.redrive.is_none() || message.redrive == answer.redrive || answer.problem.is_none()
}

/// The problem code of a failed answer.
fn failure_code(message: &StreamMessage) -> Option<String> {
    match message.body()? {
        MessageBody::Answer(answer) if answer.outcome == Outcome::Failed => answer.problem.clone(),
        _ => None,
    }
}

fn stage_result(next: Option<&StreamMessage>) -> (Option<StageResult>, Option<String>) {
    match next.map(|next| &next.read) {
        Some(Ok(DecodedMessage { body: Some(MessageBody::Classified(classified)), .. })) => {
            (Some(StageResult::from_classified(classified)), None)
        }
        Some(Ok(DecodedMessage { body: Some(MessageBody::Retrieved(retrieved)), .. })) => {
            (Some(StageResult::from_retrieved(retrieved)), None)
        }
        Some(Err(fault)) => (None, Some(fault.clone())),
        _ => (None, None),
    }
}

/// Describes a stage's input in a sentence.
fn describe_input(message: &StreamMessage) -> String {
    match message.body() {
        Some(MessageBody::Question(question)) => {
            let turns = question.history.len();
            let turns =
                if turns > 0 { format!(", {}", pluralised(turns, "earlier turn")) } else { String::new() };
            format!("a question of {} characters{turns}", question.message.chars().count())
        }
        Some(MessageBody::Classified(classified)) => format!(
            "{} for {}",
            pluralised(classified.queries.len(), "wording"),
            if classified.collections.is_empty() {
                "no collection".into()
            } else {
                classified.collections.join(", ")
            }
        ),
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
fn add_delivery_starts(found: &CollectedRecords, clock: RelativeClock, executions: &mut [StageExecution]) {
    for (time, line) in &found.live_lines {
        let ProgressLine::Stage { name, run } = line else { continue };
        let at_ms = clock.offset_of(*time);
        let (process, delivery) = match run.rsplit_once('.') {
            Some((process, delivery)) => (process.to_string(), delivery.parse().ok()),
            None => (run.clone(), None),
        };
        let of_stage = |execution: &&mut StageExecution| execution.stage == *name && execution.at_ms <= at_ms;
        if let Some(execution) = executions.iter_mut().rev().find(of_stage) {
            execution.runs.push(DeliveryStart { at_ms, process, delivery });
        }
    }
}
