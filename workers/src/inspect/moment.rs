use super::story::Story;

/// One thing that happened, as both printers show it.
#[derive(Debug)]
pub(super) struct Moment {
    /// When, counted from the question; none where that is not known.
    pub(super) at_ms: Option<i64>,
    /// What it is about, such as a stage.
    pub(super) name: String,
    /// What happened, in a sentence.
    pub(super) what: String,
    pub(super) kind: Kind,
    pub(super) bar: Option<Bar>,
    pub(super) parts: Vec<Part>,
}

/// How a moment is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Plain,
    /// Out of the ordinary, but not lost: a redelivery, a failover.
    Odd,
    /// Something failed.
    Bad,
}

/// The time a stage took: waiting until `began_ms`, then working until `ended_ms`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bar {
    pub(super) stored_ms: i64,
    pub(super) began_ms: i64,
    pub(super) ended_ms: i64,
}

/// A piece of what is told of a moment.
#[derive(Debug)]
pub(super) enum Part {
    /// A name and a short value.
    Fact(&'static str, String),
    /// A name and a text of its own.
    Words(&'static str, String),
    /// A name and several things, in order.
    List(&'static str, Vec<Item>),
}

/// One thing of a list.
#[derive(Debug, Default)]
pub(super) struct Item {
    pub(super) head: String,
    pub(super) note: String,
    pub(super) url: String,
    /// A text that is folded on a page, and left out of a terminal.
    pub(super) long: String,
    /// Whether the beginning of `long` is worth its place in a terminal.
    pub(super) telling: bool,
}

impl Moment {
    pub(super) fn new(at_ms: Option<i64>, name: impl Into<String>, what: impl Into<String>) -> Self {
        let (name, what) = (name.into(), what.into());
        Self { at_ms, name, what, kind: Kind::Plain, bar: None, parts: Vec::new() }
    }

    pub(super) fn kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    pub(super) fn fact(mut self, name: &'static str, value: impl Into<String>) -> Self {
        let value = value.into();
        if !value.is_empty() {
            self.parts.push(Part::Fact(name, value));
        }
        self
    }

    pub(super) fn words(mut self, name: &'static str, text: impl Into<String>) -> Self {
        let text = text.into();
        if !text.is_empty() {
            self.parts.push(Part::Words(name, text));
        }
        self
    }

    pub(super) fn list(mut self, name: &'static str, items: Vec<Item>) -> Self {
        if !items.is_empty() {
            self.parts.push(Part::List(name, items));
        }
        self
    }
}

/// Milliseconds for people: `812 ms`, `34.5 s`, `12 min 5 s`, `3 h 20 min`, `2 d 3 h`.
pub(super) fn span(ms: u64) -> String {
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

/// A time that counts from the question: `+812 ms`.
pub(super) fn since(ms: i64) -> String {
    format!("{}{}", if ms < 0 { '-' } else { '+' }, span(ms.unsigned_abs()))
}

/// From the first to the last thing that the bars show.
pub(super) fn scale(moments: &[Moment]) -> Option<(i64, i64)> {
    let bars = || moments.iter().filter_map(|moment| moment.bar);
    let from = bars().map(|bar| bar.stored_ms).min()?.min(0);
    let to = bars().map(|bar| bar.ended_ms).max()?;
    Some((from, to.max(from + 1)))
}

/// The facts that stand above the timeline.
pub(super) fn facts(story: &Story) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    let mut fact =
        |name, value: Option<String>| facts.extend(value.filter(|v| !v.is_empty()).map(|v| (name, v)));
    fact("job", Some(story.job.to_string()));
    fact("asked at", story.accepted.map(|time| time.strftime("%Y-%m-%d %H:%M:%S%.3f UTC").to_string()));
    if let Some(asked) = &story.asked {
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
    fact("gateway", story.gateway.clone());
    fact("trace", story.trace.clone());
    fact("read from", Some(story.source.clone()));
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_in_words() {
        let told = [0, 812, 1_102, 34_567, 725_000, 12_000_000, 183_600_000].map(span);
        assert_eq!(told, ["0 ms", "812 ms", "1,102 ms", "34.5 s", "12 min 5 s", "3 h 20 min", "2 d 3 h"]);
        assert_eq!((since(-3), since(0), since(9_999)), ("-3 ms".into(), "+0 ms".into(), "+9,999 ms".into()));
        assert_eq!(since(i64::MIN).chars().next(), Some('-'));
    }
}
