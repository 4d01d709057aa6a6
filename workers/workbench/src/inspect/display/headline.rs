use crate::inspect::{
    display::timeline_entry::format_duration,
    trace::job_trace::{CallResult, JobState, JobTrace},
};

/// One line: how the job ended, and what was unusual.
pub(in crate::inspect) fn headline(trace: &JobTrace) -> String {
    let took =
        trace.took_ms.map(|ms| format!(" in {}", format_duration(ms.unsigned_abs()))).unwrap_or_default();
    let mut said = vec![match trace.state {
        JobState::Ended => match trace.answers.last() {
            Some(answer) => match &answer.problem {
                Some(problem) => format!("{}{took}: {problem}", answer.outcome),
                None => format!("{}{took}", answer.outcome),
            },
            None => "ended".into(),
        },
        JobState::Waiting => match &trace.waiting {
            Some(waiting) => {
                format!(
                    "waits in the {} for {}",
                    waiting.stage,
                    format_duration(waiting.waits_ms.unsigned_abs())
                )
            }
            None => "waits".into(),
        },
        JobState::Unfinished => "no answer".into(),
        JobState::NoJob => match trace.events.last() {
            Some(event) => format!("{}{took}, without any stage", event.chat.outcome),
            None => "no message of it is stored".into(),
        },
    }];
    let again: u32 =
        trace.executions.iter().filter_map(|execution| execution.delivery).map(|n| n.saturating_sub(1)).sum();
    let calls = || trace.answers.iter().flat_map(|answer| &answer.attempts);
    let failed = calls().filter(|call| call.result == CallResult::Failed).count();
    let not_taken = calls().filter(|call| call.result == CallResult::NotTaken).count();
    let sent_again = trace.executions.iter().filter_map(|execution| execution.redrive.as_ref());
    let sent_again = sent_again.collect::<std::collections::BTreeSet<_>>().len();
    for (count, one, more) in [
        (again as usize, "redelivery", "redeliveries"),
        (failed, "provider call failed", "provider calls failed"),
        (not_taken, "model's text was rejected", "models' texts were rejected"),
        (trace.letters.len(), "dead letter", "dead letters"),
        (sent_again, "redrive", "redrives"),
    ] {
        if count > 0 {
            said.push(format!("{count} {}", if count == 1 { one } else { more }));
        }
    }
    said.join("; ")
}

/// The text that the visitor read last.
pub(in crate::inspect) fn final_text(trace: &JobTrace) -> Option<&str> {
    let answer = trace.answers.last().map(|answer| answer.text.as_str());
    answer
        .or_else(|| trace.events.last().map(|event| event.chat.answer.as_str()))
        .filter(|text| !text.is_empty())
}

/// The text without terminal control characters and without characters that change the direction of writing.
pub(in crate::inspect) fn without_controls(text: &str) -> String {
    let steers = |c: char| c.is_control() && c != '\n';
    let turns =
        |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}');
    text.chars().filter(|c| !turns(*c)).map(|c| if steers(c) { '\u{fffd}' } else { c }).collect()
}
