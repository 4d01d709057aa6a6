use hoidap_shared::job::{Choice, FilterUsed, QueryKind, Ranks, Sender, Usage};

use super::{
    moment::{Bar, Item, Kind, Moment, since, span},
    story::{Answered, Attempt, CallResult, End, Found, Made, Meaning, Passages, Story, Visit},
};

/// What happened, one after the other.
pub(super) fn moments(story: &Story) -> Vec<Moment> {
    let mut moments = Vec::new();
    if story.accepted.is_some() {
        moments.push(accepted(story));
    }
    for visit in &story.visits {
        moments.extend(visit.redrive.as_ref().filter(|_| is_first(story, visit)).map(|token| {
            let letter = token.rsplit('-').next().unwrap_or(token);
            let what = format!("an operator sent dead letter {letter} again, to the {}", visit.stage);
            Moment::new(Some(visit.at_ms), "sent again", what).kind(Kind::Odd)
        }));
        moments.push(stage(visit));
    }
    for letter in &story.letters {
        let what = format!("{} gave up: {}", letter.stage, letter.reason);
        let deliveries = letter.deliveries.map(|n| n.to_string()).unwrap_or_default();
        let moment = Moment::new(Some(letter.at_ms), "dead letter", what).kind(Kind::Bad);
        moments.push(moment.fact("why", letter.detail.as_str()).fact("deliveries", deliveries).fact(
            "look",
            format!("hoidap-worker dead show {0}; again: hoidap-worker dead redrive --seq {0}", letter.seq),
        ));
    }
    for given_up in &story.given_up {
        let tries = given_up.deliveries.map(|n| format!(" after {n} deliveries")).unwrap_or_default();
        let what =
            format!("the server gave up message {} for {}{tries}", given_up.message, given_up.consumer);
        moments.push(Moment::new(Some(given_up.at_ms), "given up", what).kind(Kind::Bad));
    }
    if let Some(told) = &story.told {
        let first = told
            .first_words_at_ms
            .map(|at| Moment::new(Some(at), "told", "the first words reached who reads along"));
        moments.extend(first);
        let void = |(at, why): &(i64, String)| {
            Moment::new(Some(*at), "taken back", format!("what was told is void: {why}")).kind(Kind::Odd)
        };
        moments.extend(told.void.iter().map(void));
        moments.extend(
            told.end_at_ms.map(|at| Moment::new(Some(at), "told", "who reads along was told of the end")),
        );
    }
    moments.extend(story.answers.iter().map(answered));
    // Of a job that went through the stages, the event repeats the answer.
    for event in &story.events {
        let chat = &event.chat;
        let took = span(chat.took_ms);
        let what = format!("analytics event {}: {} after {took}", event.seq, chat.outcome);
        let moment = Moment::new(Some(event.at_ms), "event", what);
        moments.push(if story.answers.is_empty() {
            moment
                .fact("problem", chat.problem.clone().unwrap_or_default())
                .words("answer", chat.answer.as_str())
        } else {
            moment
        });
    }
    for said in &story.feedback {
        let moment = Moment::new(said.at_ms, "feedback", format!("the visitor says: {}", said.rating));
        moments.push(
            moment
                .fact("reason", said.reason.clone().unwrap_or_default())
                .words("comment", said.comment.clone().unwrap_or_default()),
        );
    }
    moments.sort_by_key(|moment| moment.at_ms.unwrap_or(i64::MAX));
    moments.extend(waiting(story));
    moments
}

fn accepted(story: &Story) -> Moment {
    let deadline =
        story.deadline_at_ms.map(|at| format!("; nobody waits after {}", since(at))).unwrap_or_default();
    let reads = if story.stream { ", and somebody may read along" } else { "" };
    let moment = Moment::new(Some(0), "accepted", format!("the gateway took the question{deadline}{reads}"));
    let turns = story.asked.as_ref().map(|asked| asked.history.as_slice()).unwrap_or_default();
    let item = |turn: &hoidap_shared::job::Turn| Item {
        head: turn.content.clone(),
        note: if turn.sender == Sender::User { "the visitor" } else { "Hoidap" }.into(),
        ..Item::default()
    };
    moment.list("said before", turns.iter().map(item).collect())
}

/// Whether a message that was sent again is the one, and no message that followed from it.
fn is_first(story: &Story, visit: &Visit) -> bool {
    story
        .visits
        .iter()
        .find(|other| other.redrive == visit.redrive)
        .is_some_and(|first| first.seq == visit.seq)
}

fn stage(visit: &Visit) -> Moment {
    let mut said = Vec::new();
    if let (Some(waited), Some(worked)) = (visit.waited_ms, visit.worked_ms) {
        said.push(format!("waited {}, worked {}", span(waited), span(worked)));
    }
    said.push(match &visit.end {
        End::Passed { to, .. } => format!("passed on to the {to}"),
        End::Answered => "answered".into(),
        End::Dead { reason } => format!("could not go on: {reason}"),
        End::AnsweredBefore => "not worked on: the job had its answer".into(),
        End::Open => "no result yet".into(),
    });
    let again = visit.delivery.filter(|delivery| *delivery > 1);
    if let Some(delivery) = again {
        said.push(format!("delivery {delivery}"));
    }
    if visit.canary {
        said.push("by a canary".into());
    }
    let kind = match (&visit.end, again) {
        (End::Dead { .. }, _) => Kind::Bad,
        (_, Some(_)) | (End::AnsweredBefore, _) => Kind::Odd,
        _ => Kind::Plain,
    };
    let mut moment = Moment::new(Some(visit.at_ms), visit.stage.as_str(), said.join(", ")).kind(kind);
    moment.bar = visit.waited_ms.zip(visit.worked_ms).map(|(waited, worked)| {
        let add = |at: i64, ms: u64| at.saturating_add(i64::try_from(ms).unwrap_or(i64::MAX));
        let began_ms = add(visit.at_ms, waited);
        Bar { stored_ms: visit.at_ms, began_ms, ended_ms: add(began_ms, worked) }
    });
    let runs = visit.runs.iter().map(|run| {
        let delivery = run.delivery.map(|n| format!("delivery {n} ")).unwrap_or_default();
        Item { head: format!("{} {delivery}began in {}", since(run.at_ms), run.process), ..Item::default() }
    });
    let moment = moment
        .fact("message", format!("{} of the jobs stream", visit.seq))
        .fact("redelivered", again.map(redelivered).unwrap_or_default())
        .list("deliveries", runs.collect())
        .fact("in", visit.took.as_str())
        .fact("cannot be shown", visit.unread.clone().unwrap_or_default());
    match &visit.made {
        Some(Made::Meaning(meaning)) => meaning_of(moment, meaning),
        Some(Made::Passages(passages)) => passages_of(moment, passages),
        None => moment,
    }
}

fn redelivered(delivery: u32) -> String {
    let before = delivery - 1;
    let tries = if before == 1 { "1 delivery".into() } else { format!("{before} deliveries") };
    format!(
        "{tries} before this one gave no result: the worker failed, died or stayed silent. The time waited counts from \
         the first"
    )
}

fn meaning_of(moment: Moment, meaning: &Meaning) -> Moment {
    let scored = |found: &hoidap_shared::job::ScoredLabel| format!("{} {:.2}", found.name, found.confidence);
    let queries = meaning.queries.iter().map(|query| Item {
        head: query.text.clone(),
        note: format!(
            "{}, weight {:.2}, by {}",
            match query.kind {
                QueryKind::Asked => "as asked",
                QueryKind::Restored => "diacritics restored",
                QueryKind::Rewritten => "made to stand alone",
            },
            query.weight,
            if query.dense { "meaning and words" } else { "words alone" }
        ),
        ..Item::default()
    });
    let identifier = |found: &hoidap_shared::job::Identifier| {
        format!("{} ({})", found.text, if found.held { "held" } else { "in no document" })
    };
    let identifiers: Vec<String> = meaning.identifiers.iter().map(identifier).collect();
    moment
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

fn passages_of(moment: Moment, passages: &Passages) -> Moment {
    let filter = match passages.filter {
        FilterUsed::None => "none was asked for",
        FilterUsed::ProductAndSection => "product and section",
        FilterUsed::Product => "product",
        FilterUsed::FellBack => "left nothing, so that all documents were searched",
    };
    let moment = moment.fact("support", format!("{:.2}", passages.support)).fact("filter", filter);
    let moment = if passages.passages.is_empty() { moment.fact("found", "nothing") } else { moment };
    moment
        .list("found", passages.passages.iter().map(passage).collect())
        .fact("version", passages.version.as_str())
}

fn passage(found: &Found) -> Item {
    let similarity = found.similarity.map(|cosine| format!(", similarity {cosine:.2}")).unwrap_or_default();
    // A document's first heading is often its title.
    let headings = found.headings.iter().filter(|heading| !found.title.contains(heading.as_str()));
    let headings = headings.map(String::as_str).collect::<Vec<_>>().join(" › ");
    let headings = if headings.is_empty() { headings } else { format!(" › {headings}") };
    Item {
        head: format!("{}{headings}", found.title),
        note: format!("score {:.2}{similarity}, {}, {}", found.score, ranks(found.ranks), found.collection),
        url: found.url.clone(),
        long: found.text.clone(),
        telling: false,
    }
}

fn ranks(ranks: Ranks) -> String {
    let rank = |rank: Option<u32>| rank.map_or_else(|| "-".into(), |rank| rank.to_string());
    format!(
        "rank by meaning {}, by words {}, fused {}",
        rank(ranks.dense),
        rank(ranks.lexical),
        rank(ranks.fused)
    )
}

fn answered(answer: &Answered) -> Moment {
    let is_failure = answer.problem.is_some();
    let by = match (&answer.provider, &answer.model) {
        (Some(provider), Some(model)) => format!(" by {provider} ({model})"),
        (Some(provider), None) => format!(" by {provider}"),
        (None, _) => String::new(),
    };
    let what = format!("{}, confidence {:.2}{by}, {}", answer.outcome, answer.confidence, answer.language);
    let failed = |attempt: &Attempt| attempt.result != CallResult::Taken;
    let kind = match (is_failure, answer.attempts.iter().any(failed)) {
        (true, _) => Kind::Bad,
        (false, true) => Kind::Odd,
        _ => Kind::Plain,
    };
    let record = match (answer.seq, answer.readable_until) {
        (Some(seq), Some(until)) => {
            format!("message {seq} of the jobs stream; a gateway can read the answer till {}", clock(until))
        }
        (Some(seq), None) => format!("message {seq} of the jobs stream"),
        (None, Some(until)) => format!("none yet; a gateway can read the answer till {}", clock(until)),
        (None, None) => String::new(),
    };
    let sources = answer.citations.iter().map(|source| Item {
        head: format!("{} ({}, score {:.2})", source.title, source.collection, source.score),
        note: source
            .sentences
            .iter()
            .map(|sentence| format!("supports {:.2}: {}", sentence.support, sentence.text))
            .collect::<Vec<_>>()
            .join("\n"),
        url: source.url.clone(),
        ..Item::default()
    });
    let versions: Vec<_> =
        answer.versions.iter().map(|(stage, version)| format!("{stage} {version}")).collect();
    Moment::new(Some(answer.at_ms), "answer", what)
        .kind(kind)
        .fact("problem", answer.problem.clone().unwrap_or_default())
        .fact("intent", format!("{} {:.2}", answer.intent.name, answer.intent.confidence))
        .fact("product", answer.product.clone().unwrap_or_default())
        .list("calls", answer.attempts.iter().map(attempt).collect())
        .words("text", answer.text.as_str())
        .list("choices", answer.choices.iter().map(choice).collect())
        .list("sources", sources.collect())
        .fact("usage", if answer.attempts.is_empty() { String::new() } else { usage(&answer.usage) })
        .fact("record", record)
        .fact("versions", versions.join(", "))
}

fn choice(choice: &Choice) -> Item {
    Item { head: choice.label.clone(), note: choice.question.clone(), ..Item::default() }
}

fn clock(time: jiff::Timestamp) -> String {
    time.strftime("%H:%M:%S UTC").to_string()
}

fn attempt(attempt: &Attempt) -> Item {
    let error = attempt.error.clone().unwrap_or_default();
    let result = match attempt.result {
        CallResult::Taken => "its words are the answer".into(),
        CallResult::NotTaken => format!("its words were not taken: {error}"),
        CallResult::Stopped => "stopped by the visitor".into(),
        CallResult::Failed => format!("failed: {error}"),
    };
    let model = attempt.model.as_ref().map(|model| format!(" ({model})")).unwrap_or_default();
    let cut = if attempt.cut_off { "; it had no room to end" } else { "" };
    Item {
        head: format!("{}{model}, {}: {result}{cut}", attempt.provider, span(attempt.took_ms)),
        note: attempt.usage.as_ref().map(usage).unwrap_or_default(),
        url: String::new(),
        long: attempt.words.clone().unwrap_or_default(),
        telling: attempt.result != CallResult::Taken,
    }
}

fn usage(usage: &Usage) -> String {
    let cost = usage.cost_usd.map_or_else(|| "cost unknown".into(), |cost| format!("US$ {cost:.6}"));
    let counted = if usage.estimated { ", counted by us" } else { "" };
    format!("{} tokens read, {} written{counted}, {cost}", usage.prompt_tokens, usage.completion_tokens)
}

fn waiting(story: &Story) -> Option<Moment> {
    let waiting = story.waiting.as_ref()?;
    let where_ = match waiting.delivered {
        Some(true) => {
            "a worker was handed it: it is worked on, or comes again after the acknowledgement wait"
        }
        Some(false) => "no worker was handed it yet",
        None => "the stage never had a worker",
    };
    let what = format!("for {} in the {}: {where_}", span(waiting.waits_ms.unsigned_abs()), waiting.stage);
    let undelivered =
        waiting.undelivered.map(|n| format!("{n} messages of the stage were handed to no worker yet"));
    let asking = waiting.asking.map(|n| match n {
        0 => "no worker asks for more at this moment: none runs, or all are busy".to_string(),
        n => format!("{n} requests for work are open"),
    });
    Some(
        Moment::new(story.now_ms, "waits", what)
            .kind(Kind::Odd)
            .fact("queue", undelivered.unwrap_or_default())
            .fact("workers", asking.unwrap_or_default()),
    )
}
