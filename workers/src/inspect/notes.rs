use std::time::Duration;

use hoidap_shared::subjects::ANSWER_RETENTION;
use jiff::Timestamp;

use super::{
    collected::Collected,
    story::{Answered, End, State, Visit},
};
use crate::recording::DONE;

/// How long events are kept.
const EVENTS_KEPT: Duration = Duration::from_hours(24 * 3);

/// What is missing or out of the ordinary, in sentences.
pub(super) fn notes(
    found: &Collected,
    state: State,
    visits: &[Visit],
    answers: &[Answered],
    now: Timestamp,
) -> Vec<String> {
    let mut notes = Vec::new();
    let mut say = |note: &str| notes.push(note.to_string());
    if !found.is_live {
        say(
            "A recording holds the jobs stream, and ratings beside it: dead letters, events and what was told on the \
             way are not in it.",
        );
    }
    match found.chats.last().map(|(_, chat)| chat.outcome.as_str()) {
        _ if !found.messages.is_empty() => {}
        Some("cached") => {
            say("Answered from the cache: no stage worked on it, so that its event is all there is.");
        }
        Some("rate_limited" | "rejected") => {
            say("Refused by the gateway: no stage worked on it, so that its event is all there is.");
        }
        Some(_) if found.is_live => {
            say(
                "The jobs stream has no message of it (any more): the gateway could not publish it, or it is older \
                 than nats.jobs_max_age_days.",
            );
        }
        None if !found.letters.is_empty() => {
            say(
                "The jobs stream has no message of it any more; what was asked is read from its dead letter.",
            );
        }
        _ => {}
    }
    if found.messages.first().is_some_and(|first| first.last_hop().is_some()) {
        say(
            "Its first messages are gone: the jobs stream drops what is older than nats.jobs_max_age_days, and the \
             oldest when it is full. What is there begins in the middle.",
        );
    }
    if found.beyond > 0 {
        say(&format!("{} more messages of this job are not shown.", found.beyond));
    }
    let last = found.last().unwrap_or(now);
    let age = Duration::try_from(now.duration_since(last)).unwrap_or_default();
    let has_record = found.messages.iter().any(|message| message.stage == DONE);
    if found.is_live && has_record && found.chats.is_empty() && age < EVENTS_KEPT {
        say("Its analytics event is not in the stream, though events are kept for three days: \
             `hoidap-worker rebuild analytics` makes it again.");
    }
    if found.kept.is_some() && !has_record {
        say(
            "The answer is stored, but its lasting record is not: the worker was interrupted in between. The next \
             delivery makes up for it.",
        );
    }
    let given_up =
        |visit: &Visit| found.advisories.iter().any(|advisory| advisory.is_of(visit.seq, &visit.stage));
    if visits.iter().any(|visit| visit.end == End::Open && given_up(visit)) {
        say("The server gave its message up after the deliveries named above: no worker is handed it again.");
    } else if state == State::Unfinished && visits.last().is_some_and(|visit| visit.end == End::Open) {
        if !found.is_live {
            say("The recording has no answer of it: it was made before the job ended, or holds a part.");
        } else if age > ANSWER_RETENTION {
            say(
                "Nobody gave it an answer within an hour, and workers acknowledge older messages without work.",
            );
        }
    }
    let again = answers.len() > 1 || visits.iter().any(|visit| visit.redrive.is_some());
    if again && answers.last().is_some_and(|answer| answer.problem.is_none() && answer.redrive.is_some()) {
        say("It failed first, was sent again by an operator, and has its answer since.");
    }
    notes.extend(found.notes.iter().cloned());
    notes
}
