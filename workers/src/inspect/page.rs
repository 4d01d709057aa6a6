use maud::{Markup, html};

use super::{
    headline::{headline, last_words, plain},
    moment::{Bar, Item, Kind, Moment, Part, facts, scale, since, span},
    moments::moments,
    story::{State, Story},
};

const STYLE: &str = include_str!("page.css");
/// A text of more characters than this is folded.
const LONG: usize = 600;

/// The story as a page of its own.
pub(super) fn page(story: &Story) -> String {
    let moments = moments(story);
    let question = story.asked.as_ref().map_or_else(|| story.job.to_string(), |asked| plain(&asked.message));
    let is_bad = story.answers.last().is_some_and(|answer| answer.problem.is_some());
    let state = match story.state {
        State::Ended | State::NoJob if is_bad => "bad",
        State::Ended | State::NoJob => "good",
        State::Waiting | State::Unfinished => "odd",
    };
    let body = html! {
                header {
                    p.eyebrow { "One question, through every stage" }
                    h1 dir="auto" { (question) }
                    p.state.(state) { (plain(&headline(story))) }
                    @if let Some(answer) = last_words(story) { div.answer { (folded(answer)) } }
                }
                main {
                    @for note in &story.notes { p.note { (plain(note)) } }
                    dl.facts {
                        @for (name, value) in facts(story) {
                            div { dt { (name) } dd { (link(&value)) } }
                        }
                    }
                    (waterfall(&moments))
                    h2 { "What happened" }
                    ol.moments { @for moment in &moments { (told(moment)) } }
                }
                footer { "Made by hoidap-worker inspect " (env!("CARGO_PKG_VERSION")) }
    };
    crate::html_page::render(&format!("{question} · Hoidap"), STYLE, &body)
}

fn waterfall(moments: &[Moment]) -> Markup {
    let Some((from, to)) = scale(moments) else { return html! {} };
    let share = |ms: i64| ((ms - from) as f64 / (to - from) as f64 * 100.0).clamp(0.0, 100.0);
    let width = |a: i64, b: i64| (share(b) - share(a)).max(0.0);
    let bars = moments.iter().filter_map(|moment| Some((moment, moment.bar?)));
    html! {
        h2 { "Waiting and working" }
        ol.waterfall {
            @for (moment, bar) in bars {
                li {
                    p.what {
                        b { (plain(&moment.name)) }
                        " " span { "waited " (between(bar.stored_ms, bar.began_ms)) ", worked " (between(bar.began_ms, bar.ended_ms)) }
                    }
                    div.track aria-hidden="true" { (track(bar, share, width)) }
                }
            }
        }
        p.scale { span { (since(from)) } span { (since(to)) } }
        p.legend { span.key { i.waited {} "waiting" } span.key { i.worked {} "working" } }
    }
}

fn between(a: i64, b: i64) -> String {
    span(b.saturating_sub(a).unsigned_abs())
}

fn track(bar: Bar, share: impl Fn(i64) -> f64, width: impl Fn(i64, i64) -> f64) -> Markup {
    let place = |from: i64, to: i64| format!("left:{:.2}%;width:{:.2}%", share(from), width(from, to));
    html! {
        span.waited style=(place(bar.stored_ms, bar.began_ms)) {}
        span.worked style=(place(bar.began_ms, bar.ended_ms)) {}
    }
}

fn told(moment: &Moment) -> Markup {
    let (class, sign) = match moment.kind {
        Kind::Plain => ("plain", ""),
        Kind::Odd => ("odd", "out of the ordinary"),
        Kind::Bad => ("bad", "failed"),
    };
    html! {
        li.(class) {
            p.head {
                span.at { @if let Some(at) = moment.at_ms { (since(at)) } @else { "no time known" } }
                b { (plain(&moment.name)) }
                @if !sign.is_empty() { span.sign { (sign) } }
            }
            p.what dir="auto" { (plain(&moment.what)) }
            @for part in &moment.parts { (part_of(part)) }
        }
    }
}

fn part_of(part: &Part) -> Markup {
    match part {
        Part::Fact(name, value) => html! { p.fact { span.name { (name) } span { (link(value)) } } },
        Part::Words(name, text) => html! { div.words { p.name { (name) } (folded(text)) } },
        Part::List(name, items) => html! {
            div.list {
                p.name { (name) }
                ol { @for item in items { li { (item_of(item)) } } }
            }
        },
    }
}

fn item_of(item: &Item) -> Markup {
    html! {
        p.head dir="auto" { (plain(&item.head)) }
        @for line in item.note.lines() { p.more dir="auto" { (plain(line)) } }
        @if !item.url.is_empty() { p.more { (link(&item.url)) } }
        @if !item.long.is_empty() {
            details { summary { "Text, " (item.long.chars().count()) " characters" } p.text dir="auto" { (plain(&item.long)) } }
        }
    }
}

/// A text; folded where it is long.
fn folded(text: &str) -> Markup {
    let count = text.chars().count();
    html! {
        @if count > LONG {
            details open { summary { (count) " characters" } p.text dir="auto" { (plain(text)) } }
        } @else {
            p.text dir="auto" { (plain(text)) }
        }
    }
}

/// A text; a link where it is an address of the web and nothing else.
fn link(text: &str) -> Markup {
    let is_web = url::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
    let text = plain(text);
    html! {
        @if is_web && !text.contains(char::is_whitespace) {
            a href=(text) rel="noopener noreferrer" target="_blank" { (text) }
        } @else {
            (text)
        }
    }
}
