use super::{
    moment::span,
    story::{CallResult, State, Story},
};

/// How it ended and what was out of the ordinary, in one line.
pub(super) fn headline(story: &Story) -> String {
    let took = story.took_ms.map(|ms| format!(" in {}", span(ms.unsigned_abs()))).unwrap_or_default();
    let mut said = vec![match story.state {
        State::Ended => match story.answers.last() {
            Some(answer) => match &answer.problem {
                Some(problem) => format!("{}{took}: {problem}", answer.outcome),
                None => format!("{}{took}", answer.outcome),
            },
            None => "ended".into(),
        },
        State::Waiting => match &story.waiting {
            Some(waiting) => {
                format!("waits in the {} for {}", waiting.stage, span(waiting.waits_ms.unsigned_abs()))
            }
            None => "waits".into(),
        },
        State::Unfinished => "no answer".into(),
        State::NoJob => match story.events.last() {
            Some(event) => format!("{}{took}, without any stage", event.chat.outcome),
            None => "no message of it is kept".into(),
        },
    }];
    let again: u32 =
        story.visits.iter().filter_map(|visit| visit.delivery).map(|n| n.saturating_sub(1)).sum();
    let calls = || story.answers.iter().flat_map(|answer| &answer.attempts);
    let failed = calls().filter(|call| call.result == CallResult::Failed).count();
    let not_taken = calls().filter(|call| call.result == CallResult::NotTaken).count();
    let sent_again = story.visits.iter().filter_map(|visit| visit.redrive.as_ref());
    let sent_again = sent_again.collect::<std::collections::BTreeSet<_>>().len();
    for (count, one, more) in [
        (again as usize, "redelivery", "redeliveries"),
        (failed, "provider call failed", "provider calls failed"),
        (not_taken, "model's words were not taken", "models' words were not taken"),
        (story.letters.len(), "dead letter", "dead letters"),
        (sent_again, "sending again", "sendings again"),
    ] {
        if count > 0 {
            said.push(format!("{count} {}", if count == 1 { one } else { more }));
        }
    }
    said.join("; ")
}

/// What the visitor read in the end.
pub(super) fn last_words(story: &Story) -> Option<&str> {
    let answer = story.answers.last().map(|answer| answer.text.as_str());
    answer
        .or_else(|| story.events.last().map(|event| event.chat.answer.as_str()))
        .filter(|text| !text.is_empty())
}

/// A text without what steers a terminal or turns the direction of writing around.
pub(super) fn plain(text: &str) -> String {
    let steers = |c: char| c.is_control() && c != '\n';
    let turns =
        |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}');
    text.chars().filter(|c| !turns(*c)).map(|c| if steers(c) { '\u{fffd}' } else { c }).collect()
}
