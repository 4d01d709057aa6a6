use std::collections::BTreeSet;

use super::{
    answer_details::{CallResult, calls},
    timeline_entry::format_duration,
    trace::{JobState, JobTrace},
};

/// One line: how the job ended, and what was unusual.
pub(super) fn headline(trace: &JobTrace<'_>) -> String {
    let took =
        trace.took_ms.map(|ms| format!(" in {}", format_duration(ms.unsigned_abs()))).unwrap_or_default();
    let mut said = vec![match trace.state {
        JobState::Ended => match trace.answers.last() {
            Some(answer) => {
                let problem = answer.answer.problem.iter().map(|problem| format!(": {problem}"));
                format!("{}{took}{}", answer.answer.outcome.name(), problem.collect::<String>())
            }
            None => "ended".into(),
        },
        JobState::Waiting => match &trace.waiting {
            Some(waiting) => {
                let waits = format_duration(waiting.waits_ms.unsigned_abs());
                format!("waits in the {} for {waits}", waiting.stage)
            }
            None => "waits".into(),
        },
        JobState::Unfinished => "no answer".into(),
        JobState::NoJob => match trace.events.last() {
            Some(event) => format!("{}{took}, without any stage", event.record.outcome),
            None => "no message of it is stored".into(),
        },
    }];
    let again: u32 =
        trace.executions.iter().filter_map(|execution| execution.delivery).map(|n| n.saturating_sub(1)).sum();
    let calls = |wanted| {
        let results = trace.answers.iter().flat_map(|answer| calls(answer.answer));
        results.filter(|(_, result)| *result == wanted).count()
    };
    let redrives: BTreeSet<_> = trace.executions.iter().filter_map(|execution| execution.redrive).collect();
    for (count, one, more) in [
        (again as usize, "redelivery", "redeliveries"),
        (calls(CallResult::Failed), "provider call failed", "provider calls failed"),
        (calls(CallResult::NotTaken), "model's text was rejected", "models' texts were rejected"),
        (trace.letters.len(), "dead letter", "dead letters"),
        (redrives.len(), "redrive", "redrives"),
    ] {
        if count > 0 {
            said.push(format!("{count} {}", if count == 1 { one } else { more }));
        }
    }
    said.join("; ")
}

/// The text that the visitor read last.
pub(super) fn final_text<'a>(trace: &JobTrace<'a>) -> Option<&'a str> {
    let answer = trace.answers.last().map(|answer| &answer.answer.text);
    let text = answer.or_else(|| Some(&trace.events.last()?.record.answer))?;
    Some(text.as_str()).filter(|text| !text.is_empty())
}

/// The text without terminal control characters and without characters that change the direction of writing.
pub(super) fn without_controls(text: &str) -> String {
    let steers = |c: char| c.is_control() && c != '\n';
    let turns =
        |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}');
    text.chars().filter(|c| !turns(*c)).map(|c| if steers(c) { '\u{fffd}' } else { c }).collect()
}
