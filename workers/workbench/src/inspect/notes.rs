use std::time::Duration;

use hoidap_shared::subjects::ANSWER_RETENTION;
use jiff::Timestamp;

use super::{
    records::CollectedRecords,
    trace::{ExecutionEnd, JobState, StageExecution, TracedAnswer},
};

/// How long events are kept.
const EVENTS_RETENTION: Duration = Duration::from_hours(24 * 3);

/// Notes on what is missing or unusual.
pub(super) fn notes(
    found: &CollectedRecords,
    state: JobState,
    executions: &[StageExecution<'_>],
    answers: &[TracedAnswer<'_>],
    now: Timestamp,
) -> Vec<String> {
    let mut notes = Vec::new();
    let mut say = |note: &str| notes.push(note.to_string());
    if !found.is_live {
        say(
            "A recording holds the jobs stream, and ratings beside it: dead letters, events and live output are \
             not in it.",
        );
    }
    match found.chat_events.last().map(|(_, chat)| chat.outcome.as_str()) {
        _ if !found.messages.is_empty() => {}
        Some("cached") => {
            say("Answered from the cache: no stage worked on it, so its event is the only record.");
        }
        Some("rate_limited" | "rejected") => {
            say("Refused by the gateway: no stage worked on it, so its event is the only record.");
        }
        Some(_) if found.is_live => {
            say(
                "The jobs stream has no message of it (any more): the gateway could not publish it, or it is older \
                 than nats.jobs_max_age_days.",
            );
        }
        None if !found.dead_letters.is_empty() => {
            say("The jobs stream has no message of it any more; the question is read from its dead letter.");
        }
        _ => {}
    }
    if found.messages.first().is_some_and(|first| first.last_hop().is_some()) {
        say(
            "Its first messages are missing: the jobs stream drops what is older than nats.jobs_max_age_days, and the \
             oldest when it is full. The trace begins in the middle.",
        );
    }
    if found.omitted > 0 {
        say(&format!("{} more messages of this job are not shown.", found.omitted));
    }
    let last = found.last_stored().unwrap_or(now);
    let age = Duration::try_from(now.duration_since(last)).unwrap_or_default();
    if found.is_live && found.has_answer() && found.chat_events.is_empty() && age < EVENTS_RETENTION {
        say("Its analytics event is not in the stream, though events are kept for three days: \
             `hoidap-worker rebuild analytics` makes it again.");
    }
    if found.stored_answer.is_some() && !found.has_answer() {
        say(
            "The answer is stored, but its lasting record is not: the worker was interrupted in between. The next \
             delivery repairs it.",
        );
    }
    let open = |execution: &&StageExecution<'_>| execution.end == ExecutionEnd::Open;
    if executions.iter().filter(open).any(|execution| found.is_given_up(execution.seq, execution.stage)) {
        say("The server gave its message up after the deliveries named above: it is not delivered again.");
    } else if state == JobState::Unfinished && executions.last().is_some_and(|last| open(&last)) {
        if !found.is_live {
            say(
                "The recording has no answer of it: it was exported before the job ended, or holds only a part.",
            );
        } else if age > ANSWER_RETENTION {
            say("It got no answer within an hour: a worker that receives it now makes it a dead letter.");
        }
    }
    let answered_again =
        |answer: &TracedAnswer<'_>| answer.answer.problem.is_none() && answer.redrive.is_some();
    let again = answers.len() > 1 || executions.iter().any(|execution| execution.redrive.is_some());
    if again && answers.last().is_some_and(answered_again) {
        say("It failed first, was redriven by an operator, and has its answer since.");
    }
    notes.extend(found.notes.iter().cloned());
    notes
}
