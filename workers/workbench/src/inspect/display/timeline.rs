use hoidap_shared::job::{Choice, FilterUsed, QueryKind, Ranks, Sender, Usage};

use crate::inspect::{
    display::timeline_entry::{ListItem, Severity, TimelineEntry, WorkBar, format_duration, format_offset},
    trace::job_trace::{
        CallResult, ClassifierResult, ExecutionEnd, JobTrace, RetrievedPassage, RetrieverResult,
        StageExecution, StageResult, TracedAnswer, TracedProviderCall,
    },
};

/// Builds the timeline of a job.
pub(in crate::inspect) fn build_timeline(trace: &JobTrace) -> Vec<TimelineEntry> {
    let mut entries = Vec::new();
    if trace.accepted.is_some() {
        entries.push(accepted_entry(trace));
    }
    for execution in &trace.executions {
        entries.extend(execution.redrive.as_ref().filter(|_| is_redriven_message(trace, execution)).map(
            |token| {
                let letter = token.rsplit('-').next().unwrap_or(token);
                let what = format!("an operator redrove dead letter {letter} to the {}", execution.stage);
                TimelineEntry::new(Some(execution.at_ms), "redriven", what).severity(Severity::Unusual)
            },
        ));
        entries.push(execution_entry(execution));
    }
    for letter in &trace.letters {
        let what = format!("{} gave up: {}", letter.stage, letter.reason);
        let deliveries = letter.deliveries.map(|n| n.to_string()).unwrap_or_default();
        let entry = TimelineEntry::new(Some(letter.at_ms), "dead letter", what).severity(Severity::Failure);
        entries.push(entry.fact("why", letter.detail.as_str()).fact("deliveries", deliveries).fact(
            "look",
            format!("hoidap-worker dead show {0}; again: hoidap-worker dead redrive --seq {0}", letter.seq),
        ));
    }
    for given_up in &trace.given_up {
        let tries = given_up.deliveries.map(|n| format!(" after {n} deliveries")).unwrap_or_default();
        let what =
            format!("the server gave up message {} for {}{tries}", given_up.message, given_up.consumer);
        entries.push(TimelineEntry::new(Some(given_up.at_ms), "given up", what).severity(Severity::Failure));
    }
    if let Some(told) = &trace.told {
        let first = told
            .first_words_at_ms
            .map(|at| TimelineEntry::new(Some(at), "stream", "the first text was streamed"));
        entries.extend(first);
        let void = |(at, why): &(i64, String)| {
            TimelineEntry::new(Some(*at), "retracted", format!("the streamed text was retracted: {why}"))
                .severity(Severity::Unusual)
        };
        entries.extend(told.void.iter().map(void));
        entries.extend(told.end_at_ms.map(|at| TimelineEntry::new(Some(at), "stream", "the stream ended")));
    }
    entries.extend(trace.answers.iter().map(answer_entry));
    // After stages have worked on a job, its event only repeats the answer.
    for event in &trace.events {
        let chat = &event.chat;
        let took = format_duration(chat.took_ms);
        let what = format!("analytics event {}: {} after {took}", event.seq, chat.outcome);
        let entry = TimelineEntry::new(Some(event.at_ms), "event", what);
        entries.push(if trace.answers.is_empty() {
            entry
                .fact("problem", chat.problem.clone().unwrap_or_default())
                .words("answer", chat.answer.as_str())
        } else {
            entry
        });
    }
    for said in &trace.feedback {
        let entry = TimelineEntry::new(said.at_ms, "feedback", format!("the visitor says: {}", said.rating));
        entries.push(
            entry
                .fact("reason", said.reason.clone().unwrap_or_default())
                .words("comment", said.comment.clone().unwrap_or_default()),
        );
    }
    entries.sort_by_key(|entry| entry.at_ms.unwrap_or(i64::MAX));
    entries.extend(waiting_entry(trace));
    entries
}

fn accepted_entry(trace: &JobTrace) -> TimelineEntry {
    let deadline =
        trace.deadline_at_ms.map(|at| format!("; deadline {}", format_offset(at))).unwrap_or_default();
    let reads = if trace.stream { "; streaming" } else { "" };
    let entry = TimelineEntry::new(
        Some(0),
        "accepted",
        format!("the gateway accepted the question{deadline}{reads}"),
    );
    let turns = trace.asked.as_ref().map(|asked| asked.history.as_slice()).unwrap_or_default();
    let item = |turn: &hoidap_shared::job::Turn| ListItem {
        head: turn.content.clone(),
        note: if turn.sender == Sender::User { "the visitor" } else { "Hoidap" }.into(),
        ..ListItem::default()
    };
    entry.list("history", turns.iter().map(item).collect())
}

/// Whether this is the redriven message itself, not one that followed from it.
fn is_redriven_message(trace: &JobTrace, execution: &StageExecution) -> bool {
    trace
        .executions
        .iter()
        .find(|other| other.redrive == execution.redrive)
        .is_some_and(|first| first.seq == execution.seq)
}

fn execution_entry(execution: &StageExecution) -> TimelineEntry {
    let mut said = Vec::new();
    if let (Some(waited), Some(worked)) = (execution.waited_ms, execution.worked_ms) {
        said.push(format!("waited {}, worked {}", format_duration(waited), format_duration(worked)));
    }
    said.push(match &execution.end {
        ExecutionEnd::Passed { to, .. } => format!("passed on to the {to}"),
        ExecutionEnd::Answered => "answered".into(),
        ExecutionEnd::Dead { reason } => format!("failed: {reason}"),
        ExecutionEnd::AnsweredBefore => "skipped: the job had its answer".into(),
        ExecutionEnd::Open => "no result yet".into(),
    });
    let again = execution.delivery.filter(|delivery| *delivery > 1);
    if let Some(delivery) = again {
        said.push(format!("delivery {delivery}"));
    }
    if execution.canary {
        said.push("by a canary".into());
    }
    let kind = match (&execution.end, again) {
        (ExecutionEnd::Dead { .. }, _) => Severity::Failure,
        (_, Some(_)) | (ExecutionEnd::AnsweredBefore, _) => Severity::Unusual,
        _ => Severity::Normal,
    };
    let mut entry =
        TimelineEntry::new(Some(execution.at_ms), execution.stage.as_str(), said.join(", ")).severity(kind);
    entry.bar = execution.waited_ms.zip(execution.worked_ms).map(|(waited, worked)| {
        let add = |at: i64, ms: u64| at.saturating_add(i64::try_from(ms).unwrap_or(i64::MAX));
        let began_ms = add(execution.at_ms, waited);
        WorkBar { stored_ms: execution.at_ms, began_ms, ended_ms: add(began_ms, worked) }
    });
    let runs = execution.runs.iter().map(|run| {
        let delivery = run.delivery.map(|n| format!("delivery {n} ")).unwrap_or_default();
        ListItem {
            head: format!("{} {delivery}began in {}", format_offset(run.at_ms), run.process),
            ..ListItem::default()
        }
    });
    let entry = entry
        .fact("message", format!("{} of the jobs stream", execution.seq))
        .fact("redelivered", again.map(describe_redelivery).unwrap_or_default())
        .list("deliveries", runs.collect())
        .fact("in", execution.took.as_str())
        .fact("cannot be shown", execution.unread.clone().unwrap_or_default());
    match &execution.made {
        Some(StageResult::Meaning(meaning)) => add_classifier_result(entry, meaning),
        Some(StageResult::Passages(passages)) => add_retriever_result(entry, passages),
        None => entry,
    }
}

fn describe_redelivery(delivery: u32) -> String {
    let before = delivery - 1;
    let tries = if before == 1 { "1 delivery".into() } else { format!("{before} deliveries") };
    format!(
        "{tries} before this one gave no result: the worker failed, died or stayed silent. The waiting time counts from \
         the first"
    )
}

fn add_classifier_result(entry: TimelineEntry, meaning: &ClassifierResult) -> TimelineEntry {
    let scored = |found: &hoidap_shared::job::ScoredLabel| format!("{} {:.2}", found.name, found.confidence);
    let queries = meaning.queries.iter().map(|query| ListItem {
        head: query.text.clone(),
        note: format!(
            "{}, weight {:.2}, by {}",
            match query.kind {
                QueryKind::Asked => "as asked",
                QueryKind::Restored => "diacritics restored",
                QueryKind::Rewritten => "rewritten to stand alone",
            },
            query.weight,
            if query.dense { "meaning and words" } else { "words alone" }
        ),
        ..ListItem::default()
    });
    let identifier = |found: &hoidap_shared::job::Identifier| {
        format!("{} ({})", found.text, if found.held { "held" } else { "in no document" })
    };
    let identifiers: Vec<String> = meaning.identifiers.iter().map(identifier).collect();
    entry
        .fact("language", meaning.language.as_str())
        .fact("meaning", meaning.meaning.as_str())
        .fact("intent", format!("{}; out of scope {:.2}", scored(&meaning.intent), meaning.out_of_scope))
        .fact("product", meaning.product.as_ref().map_or_else(|| "none is clear".into(), scored))
        .fact("identifiers", identifiers.join(", "))
        .fact("section", meaning.section.clone().unwrap_or_default())
        .fact("collections", meaning.collections.join(", "))
        .list("queries", queries.collect())
        .fact("version", meaning.version.as_str())
}

fn add_retriever_result(entry: TimelineEntry, passages: &RetrieverResult) -> TimelineEntry {
    let filter = match passages.filter {
        FilterUsed::None => "none",
        FilterUsed::ProductAndSection => "product and section",
        FilterUsed::Product => "product",
        FilterUsed::FellBack => "left nothing, so all documents were searched",
    };
    let entry = entry.fact("support", format!("{:.2}", passages.support)).fact("filter", filter);
    let entry = if passages.passages.is_empty() { entry.fact("found", "nothing") } else { entry };
    entry
        .list("found", passages.passages.iter().map(passage_item).collect())
        .fact("version", passages.version.as_str())
}

fn passage_item(found: &RetrievedPassage) -> ListItem {
    let similarity = found.similarity.map(|cosine| format!(", similarity {cosine:.2}")).unwrap_or_default();
    // A document's first heading is often its title.
    let headings = found.headings.iter().filter(|heading| !found.title.contains(heading.as_str()));
    let headings = headings.map(String::as_str).collect::<Vec<_>>().join(" › ");
    let headings = if headings.is_empty() { headings } else { format!(" › {headings}") };
    ListItem {
        head: format!("{}{headings}", found.title),
        note: format!(
            "score {:.2}{similarity}, {}, {}",
            found.score,
            describe_ranks(found.ranks),
            found.collection
        ),
        url: found.url.clone(),
        long: found.text.clone(),
        show_excerpt: false,
    }
}

fn describe_ranks(ranks: Ranks) -> String {
    let rank = |rank: Option<u32>| rank.map_or_else(|| "-".into(), |rank| rank.to_string());
    format!(
        "rank by meaning {}, by words {}, fused {}",
        rank(ranks.dense),
        rank(ranks.lexical),
        rank(ranks.fused)
    )
}

fn answer_entry(answer: &TracedAnswer) -> TimelineEntry {
    let is_failure = answer.problem.is_some();
    let by = match (&answer.provider, &answer.model) {
        (Some(provider), Some(model)) => format!(" by {provider} ({model})"),
        (Some(provider), None) => format!(" by {provider}"),
        (None, _) => String::new(),
    };
    let what = format!("{}, confidence {:.2}{by}, {}", answer.outcome, answer.confidence, answer.language);
    let failed = |attempt: &TracedProviderCall| attempt.result != CallResult::Taken;
    let kind = match (is_failure, answer.attempts.iter().any(failed)) {
        (true, _) => Severity::Failure,
        (false, true) => Severity::Unusual,
        _ => Severity::Normal,
    };
    let record = match (answer.seq, answer.readable_until) {
        (Some(seq), Some(until)) => {
            format!(
                "message {seq} of the jobs stream; a gateway can read the answer until {}",
                time_of_day(until)
            )
        }
        (Some(seq), None) => format!("message {seq} of the jobs stream"),
        (None, Some(until)) => {
            format!("none yet; a gateway can read the answer until {}", time_of_day(until))
        }
        (None, None) => String::new(),
    };
    let sources = answer.citations.iter().map(|source| ListItem {
        head: format!("{} ({}, score {:.2})", source.title, source.collection, source.score),
        note: source
            .sentences
            .iter()
            .map(|sentence| format!("supports {:.2}: {}", sentence.support, sentence.text))
            .collect::<Vec<_>>()
            .join("\n"),
        url: source.url.clone(),
        ..ListItem::default()
    });
    let versions: Vec<_> =
        answer.versions.iter().map(|(stage, version)| format!("{stage} {version}")).collect();
    TimelineEntry::new(Some(answer.at_ms), "answer", what)
        .severity(kind)
        .fact("problem", answer.problem.clone().unwrap_or_default())
        .fact("intent", format!("{} {:.2}", answer.intent.name, answer.intent.confidence))
        .fact("product", answer.product.clone().unwrap_or_default())
        .list("calls", answer.attempts.iter().map(provider_call_item).collect())
        .words("text", answer.text.as_str())
        .list("choices", answer.choices.iter().map(choice_item).collect())
        .list("sources", sources.collect())
        .fact("usage", if answer.attempts.is_empty() { String::new() } else { describe_usage(&answer.usage) })
        .fact("record", record)
        .fact("versions", versions.join(", "))
}

fn choice_item(choice: &Choice) -> ListItem {
    ListItem { head: choice.label.clone(), note: choice.question.clone(), ..ListItem::default() }
}

fn time_of_day(time: jiff::Timestamp) -> String {
    time.strftime("%H:%M:%S UTC").to_string()
}

fn provider_call_item(attempt: &TracedProviderCall) -> ListItem {
    let error = attempt.error.clone().unwrap_or_default();
    let result = match attempt.result {
        CallResult::Taken => "its text is the answer".into(),
        CallResult::NotTaken => format!("its text was rejected: {error}"),
        CallResult::Stopped => "stopped by the visitor".into(),
        CallResult::Failed => format!("failed: {error}"),
    };
    let model = attempt.model.as_ref().map(|model| format!(" ({model})")).unwrap_or_default();
    let cut = if attempt.cut_off { "; it was cut off" } else { "" };
    ListItem {
        head: format!("{}{model}, {}: {result}{cut}", attempt.provider, format_duration(attempt.took_ms)),
        note: attempt.usage.as_ref().map(describe_usage).unwrap_or_default(),
        url: String::new(),
        long: attempt.words.clone().unwrap_or_default(),
        show_excerpt: attempt.result != CallResult::Taken,
    }
}

fn describe_usage(usage: &Usage) -> String {
    let cost = usage.cost_usd.map_or_else(|| "cost unknown".into(), |cost| format!("US$ {cost:.6}"));
    let counted = if usage.estimated { ", estimated" } else { "" };
    format!("{} tokens read, {} written{counted}, {cost}", usage.prompt_tokens, usage.completion_tokens)
}

fn waiting_entry(trace: &JobTrace) -> Option<TimelineEntry> {
    let waiting = trace.waiting.as_ref()?;
    let where_ = match waiting.delivered {
        Some(true) => {
            "delivered to a worker: it is being worked on, or is redelivered after the acknowledgement wait"
        }
        Some(false) => "not delivered to a worker yet",
        None => "the stage never had a worker",
    };
    let what = format!(
        "for {} in the {}: {where_}",
        format_duration(waiting.waits_ms.unsigned_abs()),
        waiting.stage
    );
    let undelivered = waiting.undelivered.map(|n| format!("{n} messages of the stage are not delivered yet"));
    let asking = waiting.asking.map(|n| match n {
        0 => "no worker asks for work at this moment: none runs, or all are busy".to_string(),
        n => format!("{n} requests for work are open"),
    });
    Some(
        TimelineEntry::new(trace.now_ms, "waits", what)
            .severity(Severity::Unusual)
            .fact("queue", undelivered.unwrap_or_default())
            .fact("workers", asking.unwrap_or_default()),
    )
}
