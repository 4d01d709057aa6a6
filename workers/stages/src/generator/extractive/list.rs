//! Lists in a passage, and answers that quote one: steps to follow, or several things.

use hoidap_shared::text::Language;

use super::{MAX_QUOTED_WORDS, instruction::is_instruction};
use crate::generator::{
    answer::assembly::AnswerSentence,
    passages::{
        passage_set::PassageSet,
        segmenter::{Segment, SegmentKind},
        table_selection::SelectionQuestion,
    },
    question::{ParsedQuestion, answer_type::AnswerType},
    reader::RankedSegment,
    text::{cleaning::strip_citation_marks, numbering::is_numbered},
};

/// Lines of a list that are quoted at most, and fewest lines that count as a list.
const MAX_LIST_LINES: usize = 24;
const MIN_LIST_LINES: usize = 3;
/// The bullets of a text's own lists.
const BULLETS: [&str; 6] = ["- ", "– ", "• ", "· ", "* ", "+ "];
/// Ranked segments among which a list of steps is looked for.
const MAX_STEP_CANDIDATES: usize = 12;

/// A list in a passage.
pub(super) struct QuotedList {
    /// The index of the sentence that introduces it.
    pub(super) lead: Option<usize>,
    /// The index of the first segment of each line.
    pub(super) lines: Vec<usize>,
    /// Whether its page has further lines of it.
    pub(super) is_cut: bool,
}

impl QuotedList {
    /// All segments that are quoted: the lead, and those of each line.
    pub(super) fn segments(&self, passage_set: &PassageSet) -> Vec<usize> {
        let (from, segments) = passage_set.segments_of_passage(passage_set.segments[self.lines[0]].passage);
        let quoted: Vec<usize> = self.lines.iter().map(|&line| passage_set.segments[line].line).collect();
        let of_lines = (from..)
            .zip(segments)
            .filter(|(at, segment)| *at >= self.lines[0] && quoted.contains(&segment.line));
        self.lead.into_iter().chain(of_lines.map(|(at, _)| at)).collect()
    }
}

/// The best list of steps, if the question asks how and no single segment is likelier. Each line of a list answers
/// a part, so chances are summed.
pub(super) fn best_steps(
    passage_set: &PassageSet,
    ranked: &[RankedSegment],
    parsed: &ParsedQuestion,
) -> Option<QuotedList> {
    if !parsed.asks_for_steps {
        return None;
    }
    let chance = |list: &QuotedList| -> f32 {
        let quoted = list.segments(passage_set);
        ranked.iter().filter(|segment| quoted.contains(&segment.segment)).map(|segment| segment.chance).sum()
    };
    let mut best: Option<(f32, QuotedList)> = None;
    for segment in ranked.iter().take(MAX_STEP_CANDIDATES) {
        let list = list_around(passage_set, segment.segment, parsed)
            .filter(|list| are_instructions(passage_set, &list.lines));
        let found = list.map(|list| (chance(&list), list));
        best = match (best, found) {
            (Some(best), Some(found)) if found.0 > best.0 => Some(found),
            (best, found) => best.or(found),
        };
    }
    best.filter(|(chance, _)| *chance >= ranked[0].chance).map(|(_, list)| list)
}

/// Whether at least half of the lines are instructions.
pub(super) fn are_instructions(passage_set: &PassageSet, lines: &[usize]) -> bool {
    2 * lines.iter().filter(|&&line| is_instruction(&passage_set.segments[line].text)).count() >= lines.len()
}

/// The list that a segment introduces or belongs to, if it may be quoted whole: it is short and several things are
/// asked for, or it has steps and the question asks how or for nothing that a single line answers.
pub(super) fn list_around(
    passage_set: &PassageSet,
    index: usize,
    parsed: &ParsedQuestion,
) -> Option<QuotedList> {
    let segment = &passage_set.segments[index];
    let item = |segment: &Segment| segment.kind == SegmentKind::Item;
    let (from, segments) = passage_set.segments_of_passage(segment.passage);
    // A sentence with a colon, or before the steps that a question asks for.
    let leads = |at: usize| {
        let before_steps = || {
            parsed.asks_for_steps
                && segments[at].kind == SegmentKind::Sentence
                && segments.get(at + 1).is_some_and(|next| item(next) && is_instruction(&next.text))
        };
        let prose = !matches!(segments[at].kind, SegmentKind::Item | SegmentKind::Row);
        prose && (segments[at].text.ends_with(':') || before_steps())
    };
    let here = index - from;
    let selects = match parsed.selection {
        None => false,
        Some(SelectionQuestion::With) => !parsed.asks_for_several,
        Some(_) => true,
    };
    let open = matches!(parsed.answer_type, None | Some(AnswerType::Place)) && !selects;
    let may_be_whole = parsed.asks_for_steps || open && !parsed.is_yes_no;
    let is_lead = leads(here);
    if !(is_lead || may_be_whole && item(segment)) {
        return None;
    }
    let first = if is_lead {
        here + 1
    } else {
        (0..here).rev().take_while(|&i| item(&segments[i])).last().unwrap_or(here)
    };
    let mut lines: Vec<usize> = Vec::new();
    let found = segments[first..].iter().take_while(|segment| item(segment)).count();
    for at in from + first..from + first + found {
        if lines.last().is_none_or(|&line| passage_set.segments[line].line != passage_set.segments[at].line) {
            lines.push(at);
        }
    }
    let mine = lines.iter().rposition(|&line| line <= index).unwrap_or(0);
    let cut = &passage_set.passages[segment.passage].cut;
    let (is_first, is_last) = (first == 0, first + found == segments.len());
    let is_cut = cut.before && is_first || cut.after && is_last || lines.len() > MAX_LIST_LINES;
    let skipped = (mine + 1).saturating_sub(MAX_LIST_LINES);
    lines.drain(..skipped);
    lines.truncate(MAX_LIST_LINES);
    let least = if is_lead {
        1
    } else if parsed.asks_for_steps {
        2
    } else {
        MIN_LIST_LINES
    };
    let line_numbers: Vec<usize> = lines.iter().map(|&line| passage_set.segments[line].line).collect();
    let inside = segments.iter().filter(|segment| line_numbers.contains(&segment.line));
    let words: usize = inside.map(|segment| segment.text.split_whitespace().count()).sum();
    if words > MAX_QUOTED_WORDS && !parsed.asks_for_steps && !is_lead {
        return None;
    }
    if !is_lead && !parsed.asks_for_several && !are_instructions(passage_set, &lines) {
        return None;
    }
    let lead =
        first.checked_sub(1).filter(|&before| skipped == 0 && leads(before)).map(|before| from + before);
    (lines.len() >= least).then_some(QuotedList { lead, lines, is_cut })
}

/// Appends a list's lines after the sentence that introduces it.
pub(super) fn push_list(
    passage_set: &PassageSet,
    QuotedList { lead, lines, is_cut }: &QuotedList,
    language: Language,
    sentences: &mut Vec<AnswerSentence>,
) {
    let (from, segments) = passage_set.segments_of_passage(passage_set.segments[lines[0]].passage);
    let cite = Some((passage_set.segments[lines[0]].passage, 1.0));
    if let Some(lead) = lead {
        sentences.push(AnswerSentence {
            lead: "\n".into(),
            text: strip_citation_marks(&passage_set.segments[*lead].text),
            cite,
        });
    }
    for &line in lines {
        let parts = segments[line - from..]
            .iter()
            .take_while(|segment| segment.line == passage_set.segments[line].line);
        let text = parts.map(|segment| &*segment.text).collect::<Vec<_>>().join(" ");
        let text = BULLETS.iter().find_map(|bullet| text.strip_prefix(bullet)).unwrap_or(&text);
        let lead = if is_numbered(text) { "\n" } else { "\n- " };
        sentences.push(AnswerSentence { lead: lead.into(), text: strip_citation_marks(text), cite });
    }
    if *is_cut {
        let text = match language {
            Language::Vi => "Danh sách đầy đủ có trong trang được dẫn.",
            Language::En => "The full list is on the cited page.",
        };
        sentences.push(AnswerSentence { lead: "\n".into(), text: text.into(), cite: None });
    }
}
