use std::fmt::Write as _;

use super::{
    headline::{final_text, headline, without_controls},
    timeline::build_timeline,
    timeline_entry::{
        Detail, ListItem, Severity, TimelineEntry, WorkBar, format_offset, header_facts, time_range,
    },
    trace::JobTrace,
};
use crate::excerpt::excerpt;

/// Columns of a line.
const LINE_WIDTH: usize = 116;
/// Columns before an entry's details.
const INDENT: usize = 12;
/// Columns of a detail's name.
const NAME_WIDTH: usize = 12;
/// Columns of a bar.
const BAR_WIDTH: usize = 40;
/// Maximum length of an excerpt in characters.
const MAX_EXCERPT_CHARS: usize = 400;

/// Renders the trace for a terminal.
pub(super) fn render_text(trace: &JobTrace<'_>) -> String {
    let mut out = String::new();
    if let Some(asked) = &trace.asked {
        write_wrapped(&mut out, "", 0, &without_controls(asked.message));
    }
    write_wrapped(&mut out, "", 0, &without_controls(&headline(trace)));
    if let Some(answer) = final_text(trace) {
        write_wrapped(&mut out, "  ", 2, &without_controls(&excerpt(answer, MAX_EXCERPT_CHARS)));
    }
    out.push('\n');
    for (name, value) in header_facts(trace) {
        write_wrapped(&mut out, name, INDENT, &without_controls(&value));
    }
    out.push('\n');
    let entries = build_timeline(trace);
    let scale = time_range(&entries);
    for entry in &entries {
        let at = entry.at_ms.map(format_offset).unwrap_or_default();
        let sign = match entry.severity {
            Severity::Normal => ' ',
            Severity::Unusual => '~',
            Severity::Failure => '!',
        };
        let what = without_controls(&format!("{:<12}{}", entry.name, entry.what));
        write_wrapped(&mut out, &format!("{at:>10} {sign}"), INDENT, &what);
        if let (Some(bar), Some(scale)) = (entry.bar, scale) {
            let _ = writeln!(out, "{:INDENT$}{}", "", draw_bar(bar, scale));
        }
        write_details(&mut out, entry);
    }
    for note in &trace.notes {
        out.push('\n');
        write_wrapped(&mut out, "", 0, &without_controls(note));
    }
    out
}

fn write_details(out: &mut String, entry: &TimelineEntry) {
    let pad = " ".repeat(INDENT);
    let deep = INDENT + NAME_WIDTH;
    for part in &entry.details {
        match part {
            Detail::Fact(name, value) | Detail::Words(name, value) => {
                write_wrapped(out, &format!("{pad}{name:<NAME_WIDTH$}"), deep, &without_controls(value));
            }
            Detail::List(name, items) => {
                for (place, item) in items.iter().enumerate() {
                    let name = if place == 0 { *name } else { "" };
                    let name = format!("{pad}{name:<NAME_WIDTH$}{:<3}", format!("{}.", place + 1));
                    write_wrapped(out, &name, deep + 3, &without_controls(&item.head));
                    write_item_details(out, deep + 3, item);
                }
            }
        }
    }
}

fn write_item_details(out: &mut String, indent: usize, item: &ListItem) {
    let wrote = if item.show_excerpt && !item.long.is_empty() {
        format!("it wrote: {}", excerpt(&item.long, MAX_EXCERPT_CHARS))
    } else {
        String::new()
    };
    for text in [&item.note, &item.url, &wrote] {
        if !text.is_empty() {
            write_wrapped(out, "", indent, &without_controls(text));
        }
    }
}

/// Draws waiting light and work dark.
fn draw_bar(bar: WorkBar, (from, to): (i64, i64)) -> String {
    let place = |ms: i64| {
        let share = (ms - from) as f64 / (to - from) as f64;
        (share.clamp(0.0, 1.0) * BAR_WIDTH as f64).round() as usize
    };
    let (stored, began, ended) = (place(bar.stored_ms), place(bar.began_ms), place(bar.ended_ms));
    // Work shorter than a column still gets one.
    let (stored, began) = (stored.min(BAR_WIDTH - 1), began.min(BAR_WIDTH - 1));
    let worked = ended.saturating_sub(began).max(1);
    let waited = began.saturating_sub(stored);
    format!(
        "|{}{}{}{}|",
        " ".repeat(stored),
        "░".repeat(waited),
        "█".repeat(worked),
        " ".repeat(BAR_WIDTH.saturating_sub(stored + waited + worked))
    )
}

/// Writes a text after `name`, with further lines indented.
fn write_wrapped(out: &mut String, name: &str, indent: usize, text: &str) {
    let mut line = format!("{name:<indent$}");
    let mut width = line.chars().count();
    let mut end_line = |line: &mut String, width: &mut usize| {
        let _ = writeln!(out, "{}", line.trim_end());
        (*line, *width) = (" ".repeat(indent), indent);
    };
    for (place, paragraph) in text.lines().enumerate() {
        if place > 0 {
            end_line(&mut line, &mut width);
        }
        // The first words keep the spaces that align columns.
        for word in paragraph.split_inclusive(' ') {
            if width + word.trim_end().chars().count() > LINE_WIDTH && width > indent {
                end_line(&mut line, &mut width);
            }
            line.push_str(word);
            width += word.chars().count();
        }
    }
    end_line(&mut line, &mut width);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_wrapped_and_every_word_is_kept() {
        let words: Vec<String> = (0..200).map(|n| format!("từ{n}")).collect();
        let mut out = String::new();
        write_wrapped(&mut out, "name", 12, &words.join(" "));
        assert!(
            out.lines().count() > 5 && out.lines().all(|line| line.chars().count() <= LINE_WIDTH),
            "{out}"
        );
        assert!(out.lines().skip(1).all(|line| line.starts_with("            từ")), "{out}");
        assert_eq!(out.split_whitespace().skip(1).collect::<Vec<_>>(), words);
    }

    #[test]
    fn bars_stay_within_their_columns() {
        for (stored_ms, began_ms, ended_ms) in
            [(0, 10, 100), (-5, 0, 1), (99, 99, 99), (100, 100, 100), (0, 0, 500), (i64::MIN / 4, 0, 1)]
        {
            let drawn = draw_bar(WorkBar { stored_ms, began_ms, ended_ms }, (0, 100));
            assert_eq!(drawn.chars().count(), BAR_WIDTH + 2, "{drawn}");
            assert!(drawn.contains('█'));
        }
    }

    #[test]
    fn control_characters_are_removed() {
        assert_eq!(without_controls("a\x1b[31m\u{202e}b\r\nc"), "a\u{fffd}[31mb\u{fffd}\nc");
    }
}
