use hoidap_shared::{
    job::{Answer, Envelope, Job as _},
    progress::{ProgressLine, VoidReason},
    subjects::ANSWER_RETENTION,
};
use jiff::Timestamp;

use super::{
    clock::{Clock, millis},
    collected::{Body, Collected, Kept, Message},
    made::{attempts, cited},
    notes::notes,
    story::{Answered, Asked, DeadLetter, End, Event, Feedback, GivenUp, State, Story, Told, Visit, Waiting},
    visits::visits,
};

/// Puts together what was found. `now` is when it was looked at.
pub(super) fn story(found: Collected, now: Timestamp) -> Story {
    let accepted_ms = accepted(&found);
    let clock = Clock { accepted_ms: accepted_ms.unwrap_or(0) };
    let mut answers = answers(&found, clock);
    let letters: Vec<DeadLetter> = found
        .letters
        .iter()
        .map(|letter| DeadLetter {
            seq: letter.seq,
            at_ms: clock.at(letter.stored),
            stage: letter.stage.clone(),
            reason: letter.reason.clone(),
            detail: letter.detail.clone(),
            deliveries: letter.deliveries,
            message: letter.message,
        })
        .collect();
    let visits = visits(&found, clock, &letters, &answers);
    for answer in &mut answers {
        let by = |visit: &&Visit| visit.end == End::Answered && visit.redrive == answer.redrive;
        answer.stage = visits.iter().rev().find(by).map(|visit| visit.stage.clone());
    }
    let waiting = waiting(&found, &visits, now);
    let state = if waiting.is_some() {
        State::Waiting
    } else if !answers.is_empty() {
        State::Ended
    } else if visits.is_empty() && letters.is_empty() {
        State::NoJob
    } else {
        State::Unfinished
    };
    let notes = notes(&found, state, &visits, &answers, now);
    let first =
        found.messages.first().and_then(|message| message.read.as_ref().ok()).map(|(envelope, _)| envelope);
    let first = first.or_else(|| found.letters.iter().find_map(|letter| Some(&letter.read.as_ref()?.0)));
    let events: Vec<Event> = found
        .chats
        .iter()
        .map(|(seq, chat)| Event { seq: *seq, at_ms: clock.ms(chat.at_ms), chat: chat.clone() })
        .collect();
    Story {
        job: found.job.clone(),
        source: found.source.clone(),
        state,
        accepted: accepted_ms.and_then(|ms| Timestamp::from_millisecond(i64::try_from(ms).ok()?).ok()),
        deadline_at_ms: first.map(|envelope| clock.ms(envelope.deadline_ms)),
        took_ms: answers
            .last()
            .map(|answer| answer.at_ms)
            .or_else(|| events.last().and_then(|event| i64::try_from(event.chat.took_ms).ok())),
        now_ms: accepted_ms.map(|_| clock.at(now)),
        gateway: first.map(|envelope| envelope.gateway.clone()),
        trace: first.and_then(|envelope| envelope.trace.clone()),
        stream: first.is_some_and(|envelope| envelope.stream),
        asked: asked(&found),
        visits,
        answers,
        letters,
        given_up: found
            .advisories
            .iter()
            .map(|advisory| GivenUp {
                at_ms: clock.at(advisory.timestamp),
                consumer: advisory.consumer.clone(),
                message: advisory.stream_seq,
                deliveries: advisory.deliveries,
                what: if advisory.kind.contains("max_deliver") { "max_deliveries" } else { "terminated" }
                    .into(),
            })
            .collect(),
        told: told(&found, clock),
        events,
        feedback: found
            .feedback
            .iter()
            .map(|said| Feedback {
                at_ms: said.at_ms.map(|ms| clock.ms(ms)),
                rating: said.rating.name().into(),
                reason: said.reason.clone(),
                comment: said.comment.clone(),
            })
            .collect(),
        waiting,
        notes,
    }
}

/// When the gateway took the question. A message that was sent again counts anew, so the earliest is meant.
fn accepted(found: &Collected) -> Option<u64> {
    let named = found.messages.iter().map(|message| message.header.accepted_ms);
    let kept = found.kept.iter().map(|kept| kept.answer.accepted_ms);
    let letters = found.letters.iter().filter_map(|letter| Some(letter.read.as_ref()?.0.accepted_ms));
    let told = found.chats.iter().map(|(_, chat)| chat.at_ms.saturating_sub(chat.took_ms));
    let of_job = named.chain(kept).chain(letters).filter(|ms| *ms > 0).min();
    of_job.or_else(|| told.min()).or_else(|| found.feedback.first().and_then(|said| said.at_ms))
}

fn asked(found: &Collected) -> Option<Asked> {
    let messages = found.messages.iter().filter_map(Message::body);
    let letters = found.letters.iter().filter_map(|letter| Some(&letter.read.as_ref()?.1));
    let asked = messages.chain(letters).find_map(|body| match body {
        Body::Question(question) => Some(Asked::of(question)),
        Body::Classified(classified) => Some(Asked::of(classified.question())),
        Body::Retrieved(retrieved) => Some(Asked::of(retrieved.question())),
        Body::Answer(answer) => Some(Asked::of_answer(answer)),
        Body::Other => None,
    });
    asked.or_else(|| found.kept.as_ref().map(|kept| Asked::of_answer(&kept.answer.body))).or_else(|| {
        found.chats.first().map(|(_, chat)| Asked {
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

fn answers(found: &Collected, clock: Clock) -> Vec<Answered> {
    let kept_until = |kept: &Kept| kept.stored.checked_add(ANSWER_RETENTION).ok();
    let mut answers = Vec::new();
    let mut kept = found.kept.as_ref();
    for message in &found.messages {
        let Ok((envelope, Body::Answer(answer))) = &message.read else { continue };
        let mut told = answered(answer, clock.ms(message.ended_ms.unwrap_or_else(|| millis(message.stored))));
        told.seq = Some(message.seq);
        told.redrive.clone_from(&message.redrive);
        if kept.is_some_and(|kept| is_same(&kept.answer, envelope, answer)) {
            told.readable_until = kept.take().and_then(kept_until);
        }
        answers.push(told);
    }
    // The worker died between the answer and its record, or the record cannot be read.
    if let Some(kept) = kept {
        let ended = kept.ended_ms.unwrap_or_else(|| millis(kept.stored));
        let mut told = answered(&kept.answer.body, clock.ms(ended));
        told.readable_until = kept_until(kept);
        answers.push(told);
    }
    answers
}

/// Whether the stored answer is the one of a lasting record. Not compared as a whole: numbers of a recording may be none.
fn is_same(kept: &Envelope<Answer>, record: &Envelope<()>, answer: &Answer) -> bool {
    kept.hops == record.hops && kept.body.outcome == answer.outcome && kept.body.text == answer.text
}

fn answered(answer: &Answer, at_ms: i64) -> Answered {
    Answered {
        at_ms,
        stage: None,
        seq: None,
        redrive: None,
        readable_until: None,
        outcome: answer.outcome.name().into(),
        problem: answer.problem.clone(),
        text: answer.text.clone(),
        citations: cited(answer),
        choices: answer.choices.clone(),
        confidence: answer.confidence,
        intent: answer.intent.clone(),
        product: answer.product.clone(),
        language: answer.language.code().into(),
        provider: answer.provider.clone(),
        model: answer.model.clone(),
        attempts: attempts(answer),
        usage: answer.usage.clone(),
        versions: answer.versions.clone(),
    }
}

fn told(found: &Collected, clock: Clock) -> Option<Told> {
    let mut told = Told::default();
    for (time, line) in &found.lines {
        let at_ms = clock.at(*time);
        match line {
            ProgressLine::Delta { .. } if told.first_words_at_ms.is_none() => {
                told.first_words_at_ms = Some(at_ms)
            }
            ProgressLine::Void { reason, .. } => told.void.push((at_ms, why(*reason).into())),
            ProgressLine::End => told.end_at_ms = Some(at_ms),
            _ => {}
        }
    }
    (!found.lines.is_empty()).then_some(told)
}

fn why(reason: VoidReason) -> &'static str {
    match reason {
        VoidReason::TakenOver => "another worker took the job over",
        VoidReason::ProviderFailed => "the provider failed in the middle",
        VoidReason::Unsupported => "the passages do not support what the model wrote",
        VoidReason::Incomplete => "some of it was missing",
    }
}

/// The last message, where it waits for its stage or for that one's result.
fn waiting(found: &Collected, visits: &[Visit], now: Timestamp) -> Option<Waiting> {
    let visit = visits.last()?;
    let message = found.messages.iter().find(|message| message.seq == visit.seq)?;
    let waits = now.duration_since(message.stored);
    let counts = u128::try_from(waits.as_millis()).unwrap_or(0) <= ANSWER_RETENTION.as_millis();
    let is_given_up = found.advisories.iter().any(|advisory| advisory.is_of(visit.seq, &visit.stage));
    if !found.is_live || visit.end != End::Open || !counts || is_given_up {
        return None;
    }
    let queue = found.queue.as_ref();
    Some(Waiting {
        stage: visit.stage.clone(),
        seq: visit.seq,
        waits_ms: i64::try_from(waits.as_millis()).unwrap_or(i64::MAX),
        delivered: queue.map(|queue| visit.seq <= queue.delivered),
        undelivered: queue.map(|queue| queue.undelivered),
        asking: queue.map(|queue| queue.asking),
    })
}
