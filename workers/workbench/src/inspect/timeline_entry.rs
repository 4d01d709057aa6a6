use super::trace::JobTrace;

/// One entry of the timeline, as text and HTML show it.
pub(super) struct TimelineEntry {
    /// Milliseconds since the question; `None` if not known.
    pub(super) at_ms: Option<i64>,
    /// What it is about, such as a stage.
    pub(super) name: String,
    /// What happened, in a sentence.
    pub(super) what: String,
    pub(super) severity: Severity,
    pub(super) bar: Option<WorkBar>,
    pub(super) details: Vec<Detail>,
}

/// How unusual an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Severity {
    Normal,
    /// Unusual but no loss: a redelivery, a failover.
    Unusual,
    /// Something failed.
    Failure,
}

/// A stage's time: waiting from `stored_ms` until `began_ms`, then working until `ended_ms`.
#[derive(Clone, Copy, Debug)]
pub(super) struct WorkBar {
    pub(super) stored_ms: i64,
    pub(super) began_ms: i64,
    pub(super) ended_ms: i64,
}

/// A detail of an entry.
pub(super) enum Detail {
    /// A name and a short value.
    Fact(&'static str, String),
    /// A name and a longer text.
    Words(&'static str, String),
    /// A name and a list.
    List(&'static str, Vec<ListItem>),
}

/// An item of a list.
#[derive(Default)]
pub(super) struct ListItem {
    pub(super) head: String,
    pub(super) note: String,
    pub(super) url: String,
    /// A text that HTML folds and the terminal leaves out.
    pub(super) long: String,
    /// Whether the terminal shows the beginning of `long`.
    pub(super) show_excerpt: bool,
}

impl ListItem {
    pub(super) fn new(head: impl Into<String>, note: impl Into<String>) -> Self {
        Self { head: head.into(), note: note.into(), ..Self::default() }
    }
}

impl TimelineEntry {
    pub(super) fn new(at_ms: impl Into<Option<i64>>, name: &str, what: impl Into<String>) -> Self {
        let (at_ms, name, what) = (at_ms.into(), name.to_string(), what.into());
        Self { at_ms, name, what, severity: Severity::Normal, bar: None, details: Vec::new() }
    }

    pub(super) fn severity(self, severity: Severity) -> Self {
        Self { severity, ..self }
    }

    /// Adds a fact unless its value is empty.
    pub(super) fn fact(mut self, name: &'static str, value: impl ToString) -> Self {
        let value = value.to_string();
        self.details.extend((!value.is_empty()).then_some(Detail::Fact(name, value)));
        self
    }

    /// Adds a fact for each value: none or one of an `Option`.
    pub(super) fn facts(self, name: &'static str, values: impl IntoIterator<Item: ToString>) -> Self {
        values.into_iter().fold(self, |entry, value| entry.fact(name, value))
    }

    /// Adds a text unless it is empty.
    pub(super) fn words(mut self, name: &'static str, text: &str) -> Self {
        self.details.extend((!text.is_empty()).then(|| Detail::Words(name, text.to_string())));
        self
    }

    /// Adds a list unless it is empty.
    pub(super) fn list(mut self, name: &'static str, items: impl Iterator<Item = ListItem>) -> Self {
        let items: Vec<ListItem> = items.collect();
        self.details.extend((!items.is_empty()).then_some(Detail::List(name, items)));
        self
    }
}

/// Formats milliseconds: `812 ms`, `34.5 s`, `12 min 5 s`, `3 h 20 min`, `2 d 3 h`.
pub(super) fn format_duration(ms: u64) -> String {
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
pub(super) fn format_offset(ms: i64) -> String {
    format!("{}{}", if ms < 0 { '-' } else { '+' }, format_duration(ms.unsigned_abs()))
}

/// The range of all bars, in milliseconds since the question.
pub(super) fn time_range(entries: &[TimelineEntry]) -> Option<(i64, i64)> {
    let bars = || entries.iter().filter_map(|entry| entry.bar);
    let from = bars().map(|bar| bar.stored_ms).min()?.min(0);
    let to = bars().map(|bar| bar.ended_ms).max()?;
    Some((from, to.max(from + 1)))
}

/// The facts shown above the timeline.
pub(super) fn header_facts(trace: &JobTrace<'_>) -> Vec<(&'static str, String)> {
    let mut facts = vec![("job", trace.job.to_string())];
    let asked_at = trace.accepted.map(|time| time.strftime("%Y-%m-%d %H:%M:%S%.3f UTC").to_string());
    facts.extend(asked_at.map(|time| ("asked at", time)));
    let mut fact = |name, value: Option<&str>| facts.extend(value.map(|value| (name, value.to_string())));
    if let Some(asked) = &trace.asked {
        let hints = [("product", asked.page_product), ("section", asked.page_section)];
        let hints: Vec<String> =
            hints.into_iter().filter_map(|(name, hint)| Some(format!("{name} {}", hint?))).collect();
        let hints = if hints.is_empty() { String::new() } else { format!(" (says {})", hints.join(", ")) };
        let page = format!("{}{hints}", asked.page);
        fact("page", Some(page.as_str()).filter(|_| !asked.page.is_empty()));
        fact("title", Some(asked.page_title));
        fact("session", Some(asked.session_id));
        fact("user", asked.user_id);
        fact("client", Some(asked.client));
    }
    fact("gateway", trace.gateway);
    fact("trace", trace.trace);
    fact("read from", Some(trace.source));
    facts.retain(|(_, value)| !value.is_empty());
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
