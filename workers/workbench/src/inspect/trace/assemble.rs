use hoidap_shared::{
    job::{Answer, Envelope, Job as _, MessageBody},
    progress::{ProgressLine, VoidReason},
    subjects::ANSWER_RETENTION,
};
use jiff::Timestamp;

use crate::{
    inspect::{
        collect::collected_records::{AnswerRecord, CollectedRecords, StreamMessage},
        trace::{
            executions::trace_executions,
            job_trace::{
                AbandonedDelivery, AnalyticsEvent, ExecutionEnd, JobState, JobTrace, LiveOutput,
                QuestionDetails, StageExecution, TracedAnswer, TracedDeadLetter, VisitorFeedback, WaitingJob,
            },
            notes::notes,
            relative_clock::{RelativeClock, unix_ms},
            stage_result::{cited_sources, provider_calls},
        },
    },
    recording::DecodedMessage,
};

/// Assembles the trace from the records. `now` is when they were read.
pub(in crate::inspect) fn assemble(found: CollectedRecords, now: Timestamp) -> JobTrace {
    let accepted_ms = accepted_ms(&found);
    let clock = RelativeClock { accepted_ms: accepted_ms.unwrap_or(0) };
    let mut answers = traced_answers(&found, clock);
    let letters: Vec<TracedDeadLetter> = found
        .dead_letters
        .iter()
        .map(|letter| TracedDeadLetter {
            seq: letter.seq,
            at_ms: clock.offset_of(letter.stored),
            stage: letter.stage.clone(),
            reason: letter.reason.clone(),
            detail: letter.detail.clone(),
            deliveries: letter.deliveries,
            message: letter.message,
        })
        .collect();
    let executions = trace_executions(&found, clock, &letters, &answers);
    for answer in &mut answers {
        let by = |execution: &&StageExecution| {
            execution.end == ExecutionEnd::Answered && execution.redrive == answer.redrive
        };
        answer.stage = executions.iter().rev().find(by).map(|execution| execution.stage.clone());
    }
    let waiting = waiting_job(&found, &executions, now);
    let state = if waiting.is_some() {
        JobState::Waiting
    } else if !answers.is_empty() {
        JobState::Ended
    } else if executions.is_empty() && letters.is_empty() {
        JobState::NoJob
    } else {
        JobState::Unfinished
    };
    let notes = notes(&found, state, &executions, &answers, now);
    let first = found
        .messages
        .first()
        .and_then(|message| message.read.as_ref().ok())
        .map(|message| &message.envelope);
    let first =
        first.or_else(|| found.dead_letters.iter().find_map(|letter| Some(&letter.read.as_ref()?.envelope)));
    let events: Vec<AnalyticsEvent> = found
        .chat_events
        .iter()
        .map(|(seq, chat)| AnalyticsEvent {
            seq: *seq,
            at_ms: clock.offset_of_ms(chat.at_ms),
            chat: chat.clone(),
        })
        .collect();
    JobTrace {
        job: found.job.clone(),
        source: found.source.clone(),
        state,
        accepted: accepted_ms.and_then(|ms| Timestamp::from_millisecond(i64::try_from(ms).ok()?).ok()),
        deadline_at_ms: first.map(|envelope| clock.offset_of_ms(envelope.deadline_ms)),
        took_ms: answers
            .last()
            .map(|answer| answer.at_ms)
            .or_else(|| events.last().and_then(|event| i64::try_from(event.chat.took_ms).ok())),
        now_ms: accepted_ms.map(|_| clock.offset_of(now)),
        gateway: first.map(|envelope| envelope.gateway.clone()),
        trace: first.and_then(|envelope| envelope.trace.clone()),
        stream: first.is_some_and(|envelope| envelope.stream),
        asked: question_details(&found),
        executions,
        answers,
        letters,
        given_up: found
            .advisories
            .iter()
            .map(|advisory| AbandonedDelivery {
                at_ms: clock.offset_of(advisory.timestamp),
                consumer: advisory.consumer.clone(),
                message: advisory.stream_seq,
                deliveries: advisory.deliveries,
                what: if advisory.kind.contains("max_deliver") { "max_deliveries" } else { "terminated" }
                    .into(),
            })
            .collect(),
        told: live_output(&found, clock),
        events,
        feedback: found
            .feedback
            .iter()
            .map(|said| VisitorFeedback {
                at_ms: said.at_ms.map(|ms| clock.offset_of_ms(ms)),
                rating: said.rating.name().into(),
                reason: said.reason.clone(),
                comment: said.comment.clone(),
            })
            .collect(),
        waiting,
        notes,
    }
}

/// When the gateway accepted the question. A redriven message has a new time, so the earliest counts.
fn accepted_ms(found: &CollectedRecords) -> Option<u64> {
    let named = found.messages.iter().map(|message| message.header.accepted_ms);
    let kept = found.stored_answer.iter().map(|kept| kept.answer.accepted_ms);
    let letters =
        found.dead_letters.iter().filter_map(|letter| Some(letter.read.as_ref()?.envelope.accepted_ms));
    let from_events = found.chat_events.iter().map(|(_, chat)| chat.at_ms.saturating_sub(chat.took_ms));
    let of_job = named.chain(kept).chain(letters).filter(|ms| *ms > 0).min();
    of_job.or_else(|| from_events.min()).or_else(|| found.feedback.first().and_then(|said| said.at_ms))
}

fn question_details(found: &CollectedRecords) -> Option<QuestionDetails> {
    let messages = found.messages.iter().filter_map(StreamMessage::body);
    let letters = found.dead_letters.iter().filter_map(|letter| letter.read.as_ref()?.body.as_ref());
    let asked = messages.chain(letters).next().map(|body| match body {
        MessageBody::Question(question) => QuestionDetails::of(question),
        MessageBody::Classified(classified) => QuestionDetails::of(classified.question()),
        MessageBody::Retrieved(retrieved) => QuestionDetails::of(retrieved.question()),
        MessageBody::Answer(answer) => QuestionDetails::of_answer(answer),
    });
    asked
        .or_else(|| found.stored_answer.as_ref().map(|kept| QuestionDetails::of_answer(&kept.answer.body)))
        .or_else(|| {
            found.chat_events.first().map(|(_, chat)| QuestionDetails {
                message: chat.question.clone(),
                history: Vec::new(),
                page: chat.page.clone(),
                page_title: String::new(),
                page_product: None,
                page_section: None,
                session_id: chat.session_id.clone(),
                user_id: chat.user_id.clone(),
                client: chat.client.clone(),
            })
        })
}

fn traced_answers(found: &CollectedRecords, clock: RelativeClock) -> Vec<TracedAnswer> {
    let kept_until = |kept: &AnswerRecord| kept.stored.checked_add(ANSWER_RETENTION).ok();
    let mut answers = Vec::new();
    let mut kept = found.stored_answer.as_ref();
    for message in &found.messages {
        let Ok(DecodedMessage { envelope, body: Some(MessageBody::Answer(answer)) }) = &message.read else {
            continue;
        };
        let mut traced = traced_answer(
            answer,
            clock.offset_of_ms(message.ended_ms.unwrap_or_else(|| unix_ms(message.stored))),
        );
        traced.seq = Some(message.seq);
        traced.redrive.clone_from(&message.redrive);
        if kept.is_some_and(|kept| is_same(&kept.answer, envelope, answer)) {
            traced.readable_until = kept.take().and_then(kept_until);
        }
        answers.push(traced);
    }
    // The worker died before it recorded the stored answer, or the record cannot be decoded.
    if let Some(kept) = kept {
        let ended = kept.ended_ms.unwrap_or_else(|| unix_ms(kept.stored));
        let mut traced = traced_answer(&kept.answer.body, clock.offset_of_ms(ended));
        traced.readable_until = kept_until(kept);
        answers.push(traced);
    }
    answers
}

/// Whether the stored answer is the recorded one. Not compared as a whole: a recording cannot hold every number.
fn is_same(kept: &Envelope<Answer>, record: &Envelope<()>, answer: &Answer) -> bool {
    kept.hops == record.hops && kept.body.outcome == answer.outcome && kept.body.text == answer.text
}

fn traced_answer(answer: &Answer, at_ms: i64) -> TracedAnswer {
    TracedAnswer {
        at_ms,
        stage: None,
        seq: None,
        redrive: None,
        readable_until: None,
        outcome: answer.outcome.name().into(),
        problem: answer.problem.clone(),
        text: answer.text.clone(),
        citations: cited_sources(answer),
        choices: answer.choices.clone(),
        confidence: answer.confidence,
        intent: answer.intent.clone(),
        product: answer.product.clone(),
        language: answer.language.code().into(),
        provider: answer.provider.clone(),
        model: answer.model.clone(),
        attempts: provider_calls(answer),
        usage: answer.usage.clone(),
        versions: answer.versions.clone(),
    }
}

fn live_output(found: &CollectedRecords, clock: RelativeClock) -> Option<LiveOutput> {
    let mut output = LiveOutput::default();
    for (time, line) in &found.live_lines {
        let at_ms = clock.offset_of(*time);
        match line {
            ProgressLine::Delta { .. } if output.first_words_at_ms.is_none() => {
                output.first_words_at_ms = Some(at_ms)
            }
            ProgressLine::Void { reason, .. } => output.void.push((at_ms, void_reason(*reason).into())),
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
fn waiting_job(
    found: &CollectedRecords,
    executions: &[StageExecution],
    now: Timestamp,
) -> Option<WaitingJob> {
    let execution = executions.last()?;
    let message = found.messages.iter().find(|message| message.seq == execution.seq)?;
    let waits = now.duration_since(message.stored);
    let counts = u128::try_from(waits.as_millis()).unwrap_or(0) <= ANSWER_RETENTION.as_millis();
    let is_given_up = found.advisories.iter().any(|advisory| advisory.is_of(execution.seq, &execution.stage));
    if !found.is_live || execution.end != ExecutionEnd::Open || !counts || is_given_up {
        return None;
    }
    let consumer = found.consumer.as_ref();
    Some(WaitingJob {
        stage: execution.stage.clone(),
        seq: execution.seq,
        waits_ms: i64::try_from(waits.as_millis()).unwrap_or(i64::MAX),
        delivered: consumer.map(|consumer| execution.seq <= consumer.delivered),
        undelivered: consumer.map(|consumer| consumer.undelivered),
        asking: consumer.map(|consumer| consumer.open_pulls),
    })
}
