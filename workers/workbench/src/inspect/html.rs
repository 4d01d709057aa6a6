use maud::{Markup, html};

use super::{
    headline::{final_text, headline, without_controls},
    timeline::build_timeline,
    timeline_entry::{
        Detail, ListItem, Severity, TimelineEntry, WorkBar, format_duration, format_offset, header_facts,
        time_range,
    },
    trace::{JobState, JobTrace},
};

const STYLE: &str = include_str!("html.css");
/// Texts longer than this, in characters, are folded.
const FOLD_ABOVE_CHARS: usize = 600;

/// Renders the trace as an HTML page.
pub(super) fn render_html(trace: &JobTrace<'_>) -> String {
    let entries = build_timeline(trace);
    let question =
        trace.asked.as_ref().map_or_else(|| trace.job.to_string(), |asked| without_controls(asked.message));
    let is_bad = trace.answers.last().is_some_and(|answer| answer.answer.problem.is_some());
    let state = match trace.state {
        JobState::Ended | JobState::NoJob if is_bad => "bad",
        JobState::Ended | JobState::NoJob => "good",
        JobState::Waiting | JobState::Unfinished => "odd",
    };
    let body = html! {
                header {
                    p.eyebrow { "One question, through every stage" }
                    h1 dir="auto" { (question) }
                    p.state.(state) { (without_controls(&headline(trace))) }
                    @if let Some(answer) = final_text(trace) { div.answer { (text_markup(answer)) } }
                }
                main {
                    @for note in &trace.notes { p.note { (without_controls(note)) } }
                    dl.facts {
                        @for (name, value) in header_facts(trace) {
                            div { dt { (name) } dd { (link_markup(&value)) } }
                        }
                    }
                    (waterfall(&entries))
                    h2 { "What happened" }
                    ol.moments { @for entry in &entries { (entry_markup(entry)) } }
                }
                footer { "Made by hoidap-worker inspect " (env!("CARGO_PKG_VERSION")) }
    };
    crate::html_page::render(&format!("{question} · Hoidap"), STYLE, &body)
}

fn waterfall(entries: &[TimelineEntry]) -> Markup {
    let Some((from, to)) = time_range(entries) else { return html! {} };
    let share = |ms: i64| ((ms - from) as f64 / (to - from) as f64 * 100.0).clamp(0.0, 100.0);
    let width = |a: i64, b: i64| (share(b) - share(a)).max(0.0);
    let bars = entries.iter().filter_map(|entry| Some((entry, entry.bar?)));
    html! {
        h2 { "Waiting and working" }
        ol.waterfall {
            @for (entry, bar) in bars {
                li {
                    p.what {
                        b { (without_controls(&entry.name)) }
                        " " span { "waited " (format_between(bar.stored_ms, bar.began_ms)) ", worked " (format_between(bar.began_ms, bar.ended_ms)) }
                    }
                    div.track aria-hidden="true" { (bar_markup(bar, share, width)) }
                }
            }
        }
        p.scale { span { (format_offset(from)) } span { (format_offset(to)) } }
        p.legend { span.key { i.waited {} "waiting" } span.key { i.worked {} "working" } }
    }
}

fn format_between(a: i64, b: i64) -> String {
    format_duration(b.saturating_sub(a).unsigned_abs())
}

fn bar_markup(bar: WorkBar, share: impl Fn(i64) -> f64, width: impl Fn(i64, i64) -> f64) -> Markup {
    let place = |from: i64, to: i64| format!("left:{:.2}%;width:{:.2}%", share(from), width(from, to));
    html! {
        span.waited style=(place(bar.stored_ms, bar.began_ms)) {}
        span.worked style=(place(bar.began_ms, bar.ended_ms)) {}
    }
}

fn entry_markup(entry: &TimelineEntry) -> Markup {
    let (class, sign) = match entry.severity {
        Severity::Normal => ("plain", ""),
        Severity::Unusual => ("odd", "out of the ordinary"),
        Severity::Failure => ("bad", "failed"),
    };
    html! {
        li.(class) {
            p.head {
                span.at { @if let Some(at) = entry.at_ms { (format_offset(at)) } @else { "no time known" } }
                b { (without_controls(&entry.name)) }
                @if !sign.is_empty() { span.sign { (sign) } }
            }
            p.what dir="auto" { (without_controls(&entry.what)) }
            @for part in &entry.details { (detail_markup(part)) }
        }
    }
}

fn detail_markup(part: &Detail) -> Markup {
    match part {
        Detail::Fact(name, value) => html! { p.fact { span.name { (name) } span { (link_markup(value)) } } },
        Detail::Words(name, text) => html! { div.words { p.name { (name) } (text_markup(text)) } },
        Detail::List(name, items) => html! {
            div.list {
                p.name { (name) }
                ol { @for item in items { li { (item_markup(item)) } } }
            }
        },
    }
}

fn item_markup(item: &ListItem) -> Markup {
    html! {
        p.head dir="auto" { (without_controls(&item.head)) }
        @for line in item.note.lines() { p.more dir="auto" { (without_controls(line)) } }
        @if !item.url.is_empty() { p.more { (link_markup(&item.url)) } }
        @if !item.long.is_empty() {
            details { summary { "Text, " (item.long.chars().count()) " characters" } p.text dir="auto" { (without_controls(&item.long)) } }
        }
    }
}

/// A text, folded if it is long.
fn text_markup(text: &str) -> Markup {
    let count = text.chars().count();
    html! {
        @if count > FOLD_ABOVE_CHARS {
            details open { summary { (count) " characters" } p.text dir="auto" { (without_controls(text)) } }
        } @else {
            p.text dir="auto" { (without_controls(text)) }
        }
    }
}

/// A text; a link if it is a web address.
fn link_markup(text: &str) -> Markup {
    let is_web = url::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
    let text = without_controls(text);
    html! {
        @if is_web && !text.contains(char::is_whitespace) {
            a href=(text) rel="noopener noreferrer" target="_blank" { (text) }
        } @else {
            (text)
        }
    }
}
