use hoidap_shared::{
    job::{Answer, Envelope, Job as _, MessageBody},
    progress::{ProgressLine, VoidReason},
    subjects::ANSWER_RETENTION,
};
use jiff::Timestamp;

use super::{
    executions::trace_executions,
    notes::notes,
    records::{CollectedRecords, StreamMessage},
    relative_clock::{RelativeClock, unix_ms},
    trace::{
        ExecutionEnd, JobState, JobTrace, LiveOutput, QuestionDetails, StageExecution, Timed, TracedAnswer,
        WaitingJob,
    },
};
use crate::recording::DecodedMessage;

/// Assembles the trace from the records. `now` is when they were read.
pub(super) fn assemble(found: &CollectedRecords, now: Timestamp) -> JobTrace<'_> {
    let accepted_ms = accepted_ms(found);
    let clock = RelativeClock::new(accepted_ms.unwrap_or(0));
    let mut answers = traced_answers(found, clock);
    let executions = trace_executions(found, clock, &answers);
    for answer in &mut answers {
        let by = |execution: &&StageExecution<'_>| {
            execution.end == ExecutionEnd::Answered && execution.redrive == answer.redrive
        };
        answer.stage = executions.iter().rev().find(by).map(|execution| execution.stage);
    }
    let waiting = waiting_job(found, &executions, now);
    let state = if waiting.is_some() {
        JobState::Waiting
    } else if !answers.is_empty() {
        JobState::Ended
    } else if executions.is_empty() && found.dead_letters.is_empty() {
        JobState::NoJob
    } else {
        JobState::Unfinished
    };
    let first = found.messages.first().and_then(|message| message.read.as_ref().ok());
    let first = first.or_else(|| found.letter_messages().next()).map(|message| &message.envelope);
    let event_took = || i64::try_from(found.chat_events.last()?.1.took_ms).ok();
    let at = |time| Some(clock.offset_of(time));
    let at_ms = |ms| Some(clock.offset_of_ms(ms));
    let letters = found.dead_letters.iter().map(|it| Timed::new(Some(it.seq), at(it.stored), it));
    let given_up = found.advisories.iter().map(|it| Timed::new(None, at(it.timestamp), it));
    let events = found.chat_events.iter().map(|(seq, it)| Timed::new(Some(*seq), at_ms(it.at_ms), it));
    let feedback = found.feedback.iter().map(|it| Timed::new(None, it.at_ms.and_then(at_ms), it));
    JobTrace {
        job: &found.job,
        source: &found.source,
        state,
        accepted: accepted_ms.and_then(|ms| Timestamp::from_millisecond(i64::try_from(ms).ok()?).ok()),
        deadline_at_ms: first.map(|envelope| clock.offset_of_ms(envelope.deadline_ms)),
        took_ms: answers.last().map(|answer| answer.at_ms).or_else(event_took),
        now_ms: accepted_ms.map(|_| clock.offset_of(now)),
        gateway: first.map(|envelope| envelope.gateway.as_str()),
        trace: first.and_then(|envelope| envelope.trace.as_deref()),
        stream: first.is_some_and(|envelope| envelope.stream),
        asked: question_details(found),
        letters: letters.collect(),
        given_up: given_up.collect(),
        told: live_output(found, clock),
        events: events.collect(),
        feedback: feedback.collect(),
        notes: notes(found, state, &executions, &answers, now),
        executions,
        answers,
        waiting,
    }
}

/// When the gateway accepted the question. A redriven message has a new time, so the earliest counts.
fn accepted_ms(found: &CollectedRecords) -> Option<u64> {
    let messages = found.messages.iter().map(|message| message.header.accepted_ms);
    let answer = found.stored_answer.iter().map(|stored| stored.answer.accepted_ms);
    let letters = found.letter_messages().map(|message| message.envelope.accepted_ms);
    let events = found.chat_events.iter().map(|(_, chat)| chat.at_ms.saturating_sub(chat.took_ms));
    let of_job = messages.chain(answer).chain(letters).filter(|ms| *ms > 0).min();
    of_job.or_else(|| events.min()).or_else(|| found.feedback.first().and_then(|said| said.at_ms))
}

fn question_details(found: &CollectedRecords) -> Option<QuestionDetails<'_>> {
    let messages = found.messages.iter().filter_map(StreamMessage::body);
    let letters = found.letter_messages().filter_map(|message| message.body.as_ref());
    let asked = messages.chain(letters).next().map(|body| match body {
        MessageBody::Question(question) => QuestionDetails::of(question),
        MessageBody::Classified(classified) => QuestionDetails::of(&classified.question),
        MessageBody::Retrieved(retrieved) => QuestionDetails::of(retrieved.question()),
        MessageBody::Answer(answer) => QuestionDetails::of_answer(answer),
    });
    let stored = || found.stored_answer.as_ref().map(|kept| QuestionDetails::of_answer(&kept.answer.body));
    let event = || found.chat_events.first().map(|(_, chat)| QuestionDetails::of_event(chat));
    asked.or_else(stored).or_else(event)
}

fn traced_answers(found: &CollectedRecords, clock: RelativeClock) -> Vec<TracedAnswer<'_>> {
    let traced = |answer, ended_ms: Option<u64>, stored| TracedAnswer {
        at_ms: clock.offset_of_ms(ended_ms.unwrap_or_else(|| unix_ms(stored))),
        stage: None,
        seq: None,
        redrive: None,
        readable_until: None,
        answer,
    };
    let stored_answer = found.stored_answer.as_ref();
    let readable_until = stored_answer.and_then(|kept| kept.stored.checked_add(ANSWER_RETENTION).ok());
    let mut kept = stored_answer;
    let mut answers = Vec::new();
    for message in &found.messages {
        let Ok(DecodedMessage { envelope, body: Some(MessageBody::Answer(answer)) }) = &message.read else {
            continue;
        };
        let is_kept = kept.take_if(|kept| is_same(&kept.answer, envelope, answer)).is_some();
        answers.push(TracedAnswer {
            seq: Some(message.seq),
            redrive: message.redrive.as_deref(),
            readable_until: readable_until.filter(|_| is_kept),
            ..traced(answer, message.ended_ms, message.stored)
        });
    }
    // The worker died before it recorded the stored answer, or the record cannot be decoded.
    answers.extend(kept.map(|kept| TracedAnswer {
        readable_until,
        ..traced(&kept.answer.body, kept.ended_ms, kept.stored)
    }));
    answers
}

/// Whether the stored answer is the recorded one. Not compared as a whole: a recording cannot hold every number.
fn is_same(kept: &Envelope<Answer>, record: &Envelope<()>, answer: &Answer) -> bool {
    kept.hops == record.hops && kept.body.outcome == answer.outcome && kept.body.text == answer.text
}

fn live_output(found: &CollectedRecords, clock: RelativeClock) -> Option<LiveOutput> {
    let mut output = LiveOutput::default();
    for (time, line) in &found.live_lines {
        let at_ms = clock.offset_of(*time);
        match line {
            ProgressLine::Delta { .. } if output.first_words_at_ms.is_none() => {
                output.first_words_at_ms = Some(at_ms)
            }
            ProgressLine::Void { reason, .. } => output.void.push((at_ms, void_reason(*reason))),
            ProgressLine::End => output.end_at_ms = Some(at_ms),
            _ => {}
        }
    }
    (!found.live_lines.is_empty()).then_some(output)
}

fn void_reason(reason: VoidReason) -> &'static str {
    match reason {
        VoidReason::TakenOver => "another worker took the job over",
        VoidReason::ProviderFailed => "the provider failed in the middle",
        VoidReason::Unsupported => "the passages do not support what the model wrote",
        VoidReason::Incomplete => "some of it was missing",
    }
}

/// The last message, if it waits for its stage or for that stage's result.
fn waiting_job<'a>(
    found: &CollectedRecords,
    executions: &[StageExecution<'a>],
    now: Timestamp,
) -> Option<WaitingJob<'a>> {
    let &StageExecution { stage, seq, end, .. } = executions.last()?;
    let message = found.messages.iter().find(|message| message.seq == seq)?;
    let waits = now.duration_since(message.stored);
    let counts = u128::try_from(waits.as_millis()).unwrap_or(0) <= ANSWER_RETENTION.as_millis();
    if !found.is_live || end != ExecutionEnd::Open || !counts || found.is_given_up(seq, stage) {
        return None;
    }
    let consumer = found.consumer.as_ref();
    Some(WaitingJob {
        stage,
        seq,
        waits_ms: i64::try_from(waits.as_millis()).unwrap_or(i64::MAX),
        delivered: consumer.map(|consumer| seq <= consumer.delivered),
        undelivered: consumer.map(|consumer| consumer.undelivered),
        asking: consumer.map(|consumer| consumer.open_pulls),
    })
}
