use hoidap_shared::job::{
    Answer, Classified, FilterUsed, Passage, ProviderAttempt, Query, QueryKind, Ranks, Retrieved,
    ScoredLabel, Sender, Source, Usage,
};

use super::{
    answer_details::{CallResult, calls, cited_sentences},
    timeline_entry::{ListItem, Severity, TimelineEntry, WorkBar, format_duration, format_offset},
    trace::{ExecutionEnd, JobTrace, StageExecution, StageResult, TracedAnswer, WaitingJob},
};

/// Builds the timeline of a job.
pub(super) fn build_timeline(trace: &JobTrace<'_>) -> Vec<TimelineEntry> {
    let mut entries = Vec::new();
    let mut add = |entry| entries.push(entry);
    if trace.accepted.is_some() {
        add(accepted_entry(trace));
    }
    for (place, execution) in trace.executions.iter().enumerate() {
        // The redriven message itself, not one that followed from it.
        let is_first = trace.executions[..place].iter().all(|other| other.redrive != execution.redrive);
        if let Some(token) = execution.redrive.filter(|_| is_first) {
            let letter = token.rsplit('-').next().unwrap_or(token);
            let what = format!("an operator redrove dead letter {letter} to the {}", execution.stage);
            add(TimelineEntry::new(execution.at_ms, "redriven", what).severity(Severity::Unusual));
        }
        add(execution_entry(execution));
    }
    for letter in &trace.letters {
        let dead = letter.record;
        let commands =
            format!("hoidap-worker dead show {0}; again: hoidap-worker dead redrive --seq {0}", dead.seq);
        let what = format!("{} gave up: {}", dead.stage, dead.reason);
        add(TimelineEntry::new(letter.at_ms, "dead letter", what)
            .severity(Severity::Failure)
            .fact("why", &dead.detail)
            .facts("deliveries", dead.deliveries)
            .fact("look", commands));
    }
    for given_up in &trace.given_up {
        let advisory = given_up.record;
        let tries = advisory.deliveries.map(|n| format!(" after {n} deliveries")).unwrap_or_default();
        let (message, consumer) = (advisory.stream_seq, &advisory.consumer);
        let what = format!("the server gave up message {message} for {consumer}{tries}");
        add(TimelineEntry::new(given_up.at_ms, "given up", what).severity(Severity::Failure));
    }
    if let Some(told) = &trace.told {
        if let Some(at) = told.first_words_at_ms {
            add(TimelineEntry::new(at, "stream", "the first text was streamed"));
        }
        for (at, why) in &told.void {
            let what = format!("the streamed text was retracted: {why}");
            add(TimelineEntry::new(*at, "retracted", what).severity(Severity::Unusual));
        }
        if let Some(at) = told.end_at_ms {
            add(TimelineEntry::new(at, "stream", "the stream ended"));
        }
    }
    trace.answers.iter().map(answer_entry).for_each(&mut add);
    for event in &trace.events {
        let chat = event.record;
        let (seq, took) = (event.seq.unwrap_or_default(), format_duration(chat.took_ms));
        let what = format!("analytics event {seq}: {} after {took}", chat.outcome);
        let entry = TimelineEntry::new(event.at_ms, "event", what);
        // After stages have worked on a job, its event only repeats the answer.
        let alone = trace.answers.is_empty().then_some(chat);
        add(entry
            .facts("problem", alone.and_then(|chat| chat.problem.as_ref()))
            .words("answer", alone.map_or("", |chat| &chat.answer)));
    }
    for feedback in &trace.feedback {
        let said = feedback.record;
        let what = format!("the visitor says: {}", said.rating.name());
        add(TimelineEntry::new(feedback.at_ms, "feedback", what)
            .facts("reason", said.reason.as_ref())
            .words("comment", said.comment.as_deref().unwrap_or_default()));
    }
    entries.sort_by_key(|entry| entry.at_ms.unwrap_or(i64::MAX));
    entries.extend(trace.waiting.as_ref().map(|waiting| waiting_entry(trace.now_ms, waiting)));
    entries
}

fn accepted_entry(trace: &JobTrace<'_>) -> TimelineEntry {
    let deadline =
        trace.deadline_at_ms.map(|at| format!("; deadline {}", format_offset(at))).unwrap_or_default();
    let streaming = if trace.stream { "; streaming" } else { "" };
    let history = trace.asked.iter().flat_map(|asked| asked.history).map(|turn| {
        let note = if turn.sender == Sender::User { "the visitor" } else { "Hoidap" };
        ListItem::new(&turn.content, note)
    });
    TimelineEntry::new(0, "accepted", format!("the gateway accepted the question{deadline}{streaming}"))
        .list("history", history)
}

fn execution_entry(execution: &StageExecution<'_>) -> TimelineEntry {
    let times = execution.waited_ms.zip(execution.worked_ms);
    let mut said = Vec::new();
    said.extend(times.map(|(waited, worked)| {
        format!("waited {}, worked {}", format_duration(waited), format_duration(worked))
    }));
    said.push(match execution.end {
        ExecutionEnd::Passed { to, .. } => format!("passed on to the {to}"),
        ExecutionEnd::Answered => "answered".into(),
        ExecutionEnd::Dead { reason } => format!("failed: {reason}"),
        ExecutionEnd::AnsweredBefore => "skipped: the job had its answer".into(),
        ExecutionEnd::Open => "no result yet".into(),
    });
    let again = execution.delivery.filter(|delivery| *delivery > 1);
    said.extend(again.map(|delivery| format!("delivery {delivery}")));
    if execution.canary {
        said.push("by a canary".into());
    }
    let runs = execution.runs.iter().map(|run| {
        let delivery = run.delivery.map(|n| format!("delivery {n} ")).unwrap_or_default();
        ListItem::new(format!("{} {delivery}began in {}", format_offset(run.at_ms), run.process), "")
    });
    let mut entry = TimelineEntry::new(execution.at_ms, execution.stage, said.join(", "))
        .severity(match (execution.end, again) {
            (ExecutionEnd::Dead { .. }, _) => Severity::Failure,
            (_, Some(_)) | (ExecutionEnd::AnsweredBefore, _) => Severity::Unusual,
            _ => Severity::Normal,
        })
        .fact("message", format!("{} of the jobs stream", execution.seq))
        .facts("redelivered", again.map(describe_redelivery))
        .list("deliveries", runs)
        .fact("in", &execution.took)
        .facts("cannot be shown", execution.unread);
    entry.bar = times.map(|(waited, worked)| {
        let add = |at: i64, ms: u64| at.saturating_add(i64::try_from(ms).unwrap_or(i64::MAX));
        let began_ms = add(execution.at_ms, waited);
        WorkBar { stored_ms: execution.at_ms, began_ms, ended_ms: add(began_ms, worked) }
    });
    match execution.made {
        Some(StageResult::Meaning(classified)) => add_classification(entry, classified),
        Some(StageResult::Passages(retrieved)) => add_passages(entry, retrieved),
        None => entry,
    }
}

fn describe_redelivery(delivery: u32) -> String {
    let before = delivery - 1;
    let tries = if before == 1 { "delivery" } else { "deliveries" };
    format!(
        "{before} {tries} before this one gave no result: the worker failed, died or stayed silent. The waiting time \
         counts from the first"
    )
}

fn add_classification(entry: TimelineEntry, found: &Classified) -> TimelineEntry {
    let identifiers = found.identifiers.iter().map(|identifier| {
        format!("{} ({})", identifier.text, if identifier.held { "held" } else { "in no document" })
    });
    entry
        .fact("language", found.language.code())
        .fact("meaning", &found.meaning)
        .fact("intent", format!("{}; out of scope {:.2}", scored(&found.intent), found.out_of_scope))
        .fact("product", found.product.as_ref().map_or_else(|| "none is clear".into(), scored))
        .fact("identifiers", identifiers.collect::<Vec<_>>().join(", "))
        .facts("section", found.section.as_ref())
        .fact("collections", found.collections.join(", "))
        .list("queries", found.queries.iter().map(query_item))
        .fact("version", &found.version)
}

fn scored(label: &ScoredLabel) -> String {
    format!("{} {:.2}", label.name, label.confidence)
}

fn query_item(query: &Query) -> ListItem {
    let kind = match query.kind {
        QueryKind::Asked => "as asked",
        QueryKind::Restored => "diacritics restored",
        QueryKind::Rewritten => "rewritten to stand alone",
    };
    let by = if query.embedding.is_some() { "meaning and words" } else { "words alone" };
    ListItem::new(&query.text, format!("{kind}, weight {:.2}, by {by}", query.weight))
}

fn add_passages(entry: TimelineEntry, retrieved: &Retrieved) -> TimelineEntry {
    let filter = match retrieved.filter {
        FilterUsed::None => "none",
        FilterUsed::ProductAndSection => "product and section",
        FilterUsed::Product => "product",
        FilterUsed::FellBack => "left nothing, so all documents were searched",
    };
    entry
        .fact("support", format!("{:.2}", retrieved.support))
        .fact("filter", filter)
        .facts("found", retrieved.passages.is_empty().then_some("nothing"))
        .list("found", retrieved.passages.iter().map(passage_item))
        .fact("version", &retrieved.version)
}

fn passage_item(found: &Passage) -> ListItem {
    let similarity = found.similarity.map(|cosine| format!(", similarity {cosine:.2}")).unwrap_or_default();
    // A document's first heading is often its title.
    let headings = found.heading_path.iter().filter(|heading| !found.title.contains(heading.as_str()));
    let headings: String = headings.map(|heading| format!(" › {heading}")).collect();
    let rank = |rank: Option<u32>| rank.map_or_else(|| "-".into(), |rank| rank.to_string());
    let Ranks { dense, lexical, fused } = found.ranks;
    let [dense, lexical, fused] = [dense, lexical, fused].map(rank);
    let ranks = format!("rank by meaning {dense}, by words {lexical}, fused {fused}");
    let note = format!("score {:.2}{similarity}, {ranks}, {}", found.score, found.collection);
    let item = ListItem::new(format!("{}{headings}", found.title), note);
    ListItem { url: found.url.clone(), long: found.text.clone(), ..item }
}

fn answer_entry(traced: &TracedAnswer<'_>) -> TimelineEntry {
    let answer = traced.answer;
    let model = answer.model.as_ref().map(|model| format!(" ({model})")).unwrap_or_default();
    let by = answer.provider.as_ref().map(|provider| format!(" by {provider}{model}")).unwrap_or_default();
    let (outcome, language) = (answer.outcome.name(), answer.language.code());
    let severity = if answer.problem.is_some() {
        Severity::Failure
    } else if calls(answer).any(|(_, result)| result != CallResult::Taken) {
        Severity::Unusual
    } else {
        Severity::Normal
    };
    let record = traced.seq.map(|seq| format!("message {seq} of the jobs stream"));
    let record = match traced.readable_until.map(|until| until.strftime("%H:%M:%S UTC")) {
        Some(until) => {
            let record = record.unwrap_or_else(|| "none yet".into());
            Some(format!("{record}; a gateway can read the answer until {until}"))
        }
        None => record,
    };
    let sources = answer.sources.iter().enumerate();
    let versions: Vec<_> =
        answer.versions.iter().map(|(stage, version)| format!("{stage} {version}")).collect();
    let what = format!("{outcome}, confidence {:.2}{by}, {language}", answer.confidence);
    TimelineEntry::new(traced.at_ms, "answer", what)
        .severity(severity)
        .facts("problem", answer.problem.as_ref())
        .fact("intent", scored(&answer.intent))
        .facts("product", answer.product.as_ref())
        .list("calls", calls(answer).map(|(attempt, result)| call_item(attempt, result)))
        .words("text", &answer.text)
        .list("choices", answer.choices.iter().map(|choice| ListItem::new(&choice.label, &choice.question)))
        .list("sources", sources.map(|(place, source)| source_item(answer, place, source)))
        .facts("usage", (!answer.attempts.is_empty()).then(|| describe_usage(&answer.usage)))
        .facts("record", record)
        .fact("versions", versions.join(", "))
}

fn source_item(answer: &Answer, place: usize, source: &Source) -> ListItem {
    let sentences = cited_sentences(answer, place).into_iter();
    let sentences = sentences.map(|sentence| format!("supports {:.2}: {}", sentence.support, sentence.text));
    let head = format!("{} ({}, score {:.2})", source.metadata.title, source.collection, source.score);
    let item = ListItem::new(head, sentences.collect::<Vec<_>>().join("\n"));
    ListItem { url: source.metadata.url.clone(), ..item }
}

fn call_item(attempt: &ProviderAttempt, result: CallResult) -> ListItem {
    let error = attempt.error.as_deref().unwrap_or_default();
    let said = match result {
        CallResult::Taken => "its text is the answer".into(),
        CallResult::NotTaken => format!("its text was rejected: {error}"),
        CallResult::Stopped => "stopped by the visitor".into(),
        CallResult::Failed => format!("failed: {error}"),
    };
    let took = format_duration(attempt.took_ms);
    let Some(wrote) = &attempt.wrote else {
        return ListItem::new(format!("{}, {took}: {said}", attempt.provider), "");
    };
    let cut = if wrote.cut_off { "; it was cut off" } else { "" };
    let head = format!("{} ({}), {took}: {said}{cut}", attempt.provider, wrote.model);
    let item = ListItem::new(head, describe_usage(&wrote.usage));
    ListItem { long: wrote.text.clone(), show_excerpt: result != CallResult::Taken, ..item }
}

fn describe_usage(usage: &Usage) -> String {
    let cost = usage.cost_usd.map_or_else(|| "cost unknown".into(), |cost| format!("US$ {cost:.6}"));
    let counted = if usage.estimated { ", estimated" } else { "" };
    format!("{} tokens read, {} written{counted}, {cost}", usage.prompt_tokens, usage.completion_tokens)
}

fn waiting_entry(now_ms: Option<i64>, waiting: &WaitingJob<'_>) -> TimelineEntry {
    let place = match waiting.delivered {
        Some(true) => {
            "delivered to a worker: it is being worked on, or is redelivered after the acknowledgement wait"
        }
        Some(false) => "not delivered to a worker yet",
        None => "the stage never had a worker",
    };
    let waits = format_duration(waiting.waits_ms.unsigned_abs());
    let asking = waiting.asking.map(|n| match n {
        0 => "no worker asks for work at this moment: none runs, or all are busy".to_string(),
        n => format!("{n} requests for work are open"),
    });
    let undelivered = waiting.undelivered.map(|n| format!("{n} messages of the stage are not delivered yet"));
    TimelineEntry::new(now_ms, "waits", format!("for {waits} in the {}: {place}", waiting.stage))
        .severity(Severity::Unusual)
        .facts("queue", undelivered)
        .facts("workers", asking)
}
