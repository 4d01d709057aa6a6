use crate::inspect::trace::job_trace::JobTrace;

/// One entry of the timeline, as text and HTML show it.
#[derive(Debug)]
pub(in crate::inspect) struct TimelineEntry {
    /// Milliseconds since the question; `None` if not known.
    pub(in crate::inspect) at_ms: Option<i64>,
    /// What it is about, such as a stage.
    pub(in crate::inspect) name: String,
    /// What happened, in a sentence.
    pub(in crate::inspect) what: String,
    pub(in crate::inspect) severity: Severity,
    pub(in crate::inspect) bar: Option<WorkBar>,
    pub(in crate::inspect) details: Vec<Detail>,
}

/// How unusual an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::inspect) enum Severity {
    Normal,
    /// Unusual but no loss: a redelivery, a failover.
    Unusual,
    /// Something failed.
    Failure,
}

/// A stage's time: waiting from `stored_ms` until `began_ms`, then working until `ended_ms`.
#[derive(Clone, Copy, Debug)]
pub(in crate::inspect) struct WorkBar {
    pub(in crate::inspect) stored_ms: i64,
    pub(in crate::inspect) began_ms: i64,
    pub(in crate::inspect) ended_ms: i64,
}

/// A detail of an entry.
#[derive(Debug)]
pub(in crate::inspect) enum Detail {
    /// A name and a short value.
    Fact(&'static str, String),
    /// A name and a longer text.
    Words(&'static str, String),
    /// A name and a list.
    List(&'static str, Vec<ListItem>),
}

/// An item of a list.
#[derive(Debug, Default)]
pub(in crate::inspect) struct ListItem {
    pub(in crate::inspect) head: String,
    pub(in crate::inspect) note: String,
    pub(in crate::inspect) url: String,
    /// A text that HTML folds and the terminal leaves out.
    pub(in crate::inspect) long: String,
    /// Whether the terminal shows the beginning of `long`.
    pub(in crate::inspect) show_excerpt: bool,
}

impl TimelineEntry {
    pub(in crate::inspect) fn new(
        at_ms: Option<i64>,
        name: impl Into<String>,
        what: impl Into<String>,
    ) -> Self {
        let (name, what) = (name.into(), what.into());
        Self { at_ms, name, what, severity: Severity::Normal, bar: None, details: Vec::new() }
    }

    pub(in crate::inspect) fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    pub(in crate::inspect) fn fact(mut self, name: &'static str, value: impl Into<String>) -> Self {
        let value = value.into();
        if !value.is_empty() {
            self.details.push(Detail::Fact(name, value));
        }
        self
    }

    pub(in crate::inspect) fn words(mut self, name: &'static str, text: impl Into<String>) -> Self {
        let text = text.into();
        if !text.is_empty() {
            self.details.push(Detail::Words(name, text));
        }
        self
    }

    pub(in crate::inspect) fn list(mut self, name: &'static str, items: Vec<ListItem>) -> Self {
        if !items.is_empty() {
            self.details.push(Detail::List(name, items));
        }
        self
    }
}

/// Formats milliseconds: `812 ms`, `34.5 s`, `12 min 5 s`, `3 h 20 min`, `2 d 3 h`.
pub(in crate::inspect) fn format_duration(ms: u64) -> String {
    let seconds = ms / 1_000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..10_000 => format!("{},{:03} ms", ms / 1_000, ms % 1_000),
        10_000..120_000 => format!("{}.{} s", seconds, ms % 1_000 / 100),
        120_000..7_200_000 => format!("{minutes} min {} s", seconds % 60),
        7_200_000..172_800_000 => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

/// Formats a time since the question: `+812 ms`.
pub(in crate::inspect) fn format_offset(ms: i64) -> String {
    format!("{}{}", if ms < 0 { '-' } else { '+' }, format_duration(ms.unsigned_abs()))
}

/// The range of all bars, in milliseconds since the question.
pub(in crate::inspect) fn time_range(entries: &[TimelineEntry]) -> Option<(i64, i64)> {
    let bars = || entries.iter().filter_map(|entry| entry.bar);
    let from = bars().map(|bar| bar.stored_ms).min()?.min(0);
    let to = bars().map(|bar| bar.ended_ms).max()?;
    Some((from, to.max(from + 1)))
}

/// The facts shown above the timeline.
pub(in crate::inspect) fn header_facts(trace: &JobTrace) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    let mut fact =
        |name, value: Option<String>| facts.extend(value.filter(|v| !v.is_empty()).map(|v| (name, v)));
    fact("job", Some(trace.job.to_string()));
    fact("asked at", trace.accepted.map(|time| time.strftime("%Y-%m-%d %H:%M:%S%.3f UTC").to_string()));
    if let Some(asked) = &trace.asked {
        let hints = [("product", &asked.page_product), ("section", &asked.page_section)];
        let hints: Vec<String> =
            hints.into_iter().filter_map(|(name, hint)| Some(format!("{name} {}", hint.as_ref()?))).collect();
        let hints = if hints.is_empty() { String::new() } else { format!(" (says {})", hints.join(", ")) };
        fact("page", Some(format!("{}{hints}", asked.page)).filter(|_| !asked.page.is_empty()));
        fact("title", Some(asked.page_title.clone()));
        fact("session", Some(asked.session_id.clone()));
        fact("user", asked.user_id.clone());
        fact("client", Some(asked.client.clone()));
    }
    fact("gateway", trace.gateway.clone());
    fact("trace", trace.trace.clone());
    fact("read from", Some(trace.source.clone()));
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_formatted_for_people() {
        let told = [0, 812, 1_102, 34_567, 725_000, 12_000_000, 183_600_000].map(format_duration);
        assert_eq!(told, ["0 ms", "812 ms", "1,102 ms", "34.5 s", "12 min 5 s", "3 h 20 min", "2 d 3 h"]);
        assert_eq!(
            (format_offset(-3), format_offset(0), format_offset(9_999)),
            ("-3 ms".into(), "+0 ms".into(), "+9,999 ms".into())
        );
        assert_eq!(format_offset(i64::MIN).chars().next(), Some('-'));
    }
}
