use std::fmt::Write as _;

use super::{
    headline::{headline, last_words, plain},
    moment::{Bar, Item, Kind, Moment, Part, facts, scale, since},
    moments::moments,
    story::Story,
};

/// Columns of a line.
const WIDTH: usize = 116;
/// Columns before what belongs to a moment.
const INDENT: usize = 12;
/// Columns of a part's name.
const NAME: usize = 12;
/// Columns of the bars.
const BARS: usize = 40;
/// Most characters of a text that is only shown in part.
const SHORT: usize = 400;

/// The story for a terminal.
pub(super) fn text(story: &Story) -> String {
    let mut out = String::new();
    if let Some(asked) = &story.asked {
        wrapped(&mut out, "", 0, &plain(&asked.message));
    }
    wrapped(&mut out, "", 0, &plain(&headline(story)));
    if let Some(answer) = last_words(story) {
        wrapped(&mut out, "  ", 2, &plain(&cut(answer)));
    }
    out.push('\n');
    for (name, value) in facts(story) {
        wrapped(&mut out, name, INDENT, &plain(&value));
    }
    out.push('\n');
    let moments = moments(story);
    let scale = scale(&moments);
    for moment in &moments {
        let at = moment.at_ms.map(since).unwrap_or_default();
        let sign = match moment.kind {
            Kind::Plain => ' ',
            Kind::Odd => '~',
            Kind::Bad => '!',
        };
        wrapped(
            &mut out,
            &format!("{at:>10} {sign}"),
            INDENT,
            &plain(&format!("{:<12}{}", moment.name, moment.what)),
        );
        if let (Some(bar), Some(scale)) = (moment.bar, scale) {
            let _ = writeln!(out, "{:INDENT$}{}", "", drawn(bar, scale));
        }
        parts(&mut out, moment);
    }
    for note in &story.notes {
        out.push('\n');
        wrapped(&mut out, "", 0, &plain(note));
    }
    out
}

fn parts(out: &mut String, moment: &Moment) {
    let pad = " ".repeat(INDENT);
    let deep = INDENT + NAME;
    for part in &moment.parts {
        match part {
            Part::Fact(name, value) | Part::Words(name, value) => {
                wrapped(out, &format!("{pad}{name:<NAME$}"), deep, &plain(value));
            }
            Part::List(name, items) => {
                for (place, item) in items.iter().enumerate() {
                    let name = if place == 0 { *name } else { "" };
                    let name = format!("{pad}{name:<NAME$}{:<3}", format!("{}.", place + 1));
                    wrapped(out, &name, deep + 3, &plain(&item.head));
                    below(out, deep + 3, item);
                }
            }
        }
    }
}

fn below(out: &mut String, indent: usize, item: &Item) {
    let wrote = if item.telling && !item.long.is_empty() {
        format!("it wrote: {}", cut(&item.long))
    } else {
        String::new()
    };
    for text in [&item.note, &item.url, &wrote] {
        if !text.is_empty() {
            wrapped(out, "", indent, &plain(text));
        }
    }
}

/// The beginning of a text.
fn cut(text: &str) -> String {
    let mut cut: String = text.chars().take(SHORT).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    cut
}

/// Waiting is light, work is dark.
fn drawn(bar: Bar, (from, to): (i64, i64)) -> String {
    let place = |ms: i64| {
        let share = (ms - from) as f64 / (to - from) as f64;
        (share.clamp(0.0, 1.0) * BARS as f64).round() as usize
    };
    let (stored, began, ended) = (place(bar.stored_ms), place(bar.began_ms), place(bar.ended_ms));
    // Work of less than a column is still work.
    let (stored, began) = (stored.min(BARS - 1), began.min(BARS - 1));
    let worked = ended.saturating_sub(began).max(1);
    let waited = began.saturating_sub(stored);
    format!(
        "|{}{}{}{}|",
        " ".repeat(stored),
        "░".repeat(waited),
        "█".repeat(worked),
        " ".repeat(BARS.saturating_sub(stored + waited + worked))
    )
}

/// Writes a text behind `name`, its further lines indented.
fn wrapped(out: &mut String, name: &str, indent: usize, text: &str) {
    let mut line = format!("{name:<indent$}");
    let mut width = line.chars().count();
    for (place, paragraph) in text.lines().enumerate() {
        if place > 0 {
            out.push_str(line.trim_end());
            out.push('\n');
            line = " ".repeat(indent);
            width = indent;
        }
        // The first words keep the spaces that set them in columns.
        for word in paragraph.split_inclusive(' ') {
            let long = word.chars().count();
            if width + word.trim_end().chars().count() > WIDTH && width > indent {
                out.push_str(line.trim_end());
                out.push('\n');
                line = " ".repeat(indent);
                width = indent;
            }
            line.push_str(word);
            width += long;
        }
    }
    out.push_str(line.trim_end());
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_wrapped_and_every_word_is_kept() {
        let words: Vec<String> = (0..200).map(|n| format!("từ{n}")).collect();
        let mut out = String::new();
        wrapped(&mut out, "name", 12, &words.join(" "));
        assert!(out.lines().count() > 5 && out.lines().all(|line| line.chars().count() <= WIDTH), "{out}");
        assert!(out.lines().skip(1).all(|line| line.starts_with("            từ")), "{out}");
        assert_eq!(out.split_whitespace().skip(1).collect::<Vec<_>>(), words);
    }

    #[test]
    fn bars_stay_within_their_columns() {
        for (stored_ms, began_ms, ended_ms) in
            [(0, 10, 100), (-5, 0, 1), (99, 99, 99), (100, 100, 100), (0, 0, 500), (i64::MIN / 4, 0, 1)]
        {
            let drawn = drawn(Bar { stored_ms, began_ms, ended_ms }, (0, 100));
            assert_eq!(drawn.chars().count(), BARS + 2, "{drawn}");
            assert!(drawn.contains('█'));
        }
    }

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(plain("a\x1b[31m\u{202e}b\r\nc"), "a\u{fffd}[31mb\u{fffd}\nc");
    }
}
