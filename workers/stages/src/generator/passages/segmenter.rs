//! Splits passages into segments that can be quoted.

use std::{
    collections::{BTreeMap, HashMap},
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
};

use hoidap_indices::Analyser;
use hoidap_shared::{
    job::{HeadingsAbove, LineKind, Passage, headings_above},
    text::{begins_with_number, cells, has_cells, may_name_columns, sentences},
};
use lru::LruCache;

use crate::generator::{
    passages::table::{TableRow, row_clauses},
    text::{
        back_references::refers_back,
        clauses::{Clause, content_terms, split_clauses},
        content::TextContent,
        numbering::is_numbered_step,
        quantities,
    },
    verifier::alignment::{Token, tokenise},
};

/// Longest text of a passage that is segmented, in bytes, and most segments of a passage: both bound the work.
const MAX_TEXT_BYTES: usize = 16_384;
const MAX_SEGMENTS: usize = 128;
/// Longest list item, in characters.
const MAX_ITEM_CHARS: usize = 200;
/// Most labels in a row.
const MAX_STACKED_HEADINGS: usize = 2;
/// Longest label, in characters.
const MAX_LABEL_CHARS: usize = 90;
/// Segmented passages in the cache, about 30 KB each.
const CACHE_CAPACITY: NonZeroUsize = NonZeroUsize::MIN.saturating_add(2_047);

/// What a segment is on its page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SegmentKind {
    /// A sentence of a paragraph.
    Sentence,
    /// A step or a list item: by the passage's structure, or a whole line among similar lines.
    Item,
    /// A table row, with its cells named by the table's header if there is one.
    Row,
    /// A short line without final punctuation: a heading or a caption.
    Label,
}

/// The smallest part of a passage that can be quoted.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    /// The index of its passage in the job.
    pub(crate) passage: usize,
    /// The number of its line in the passage.
    pub(crate) line: usize,
    /// Its offset in the passage's text, in characters.
    pub(crate) start: usize,
    pub(crate) kind: SegmentKind,
    /// The text, as it is quoted.
    pub(crate) text: Arc<str>,
    /// The index of the label above it in its passage.
    pub(crate) label: Option<usize>,
    pub(crate) content: Arc<TextContent>,
    /// Its clauses; of a row, one for each cell after the first.
    pub(crate) clauses: Arc<[Clause]>,
    /// The content of the title and of the headings above it.
    pub(crate) headings: Arc<TextContent>,
    /// What it may leave out: the content of its label, its column names, and the sentence that it refers back to.
    pub(crate) surroundings: Arc<TextContent>,
    /// Its tokens in order; empty for a row.
    pub(crate) tokens: Arc<[Token]>,
    /// Its cells, if it is a row.
    pub(crate) row: Option<Arc<TableRow>>,
}

/// A passage, split into segments.
pub(crate) struct SegmentedPassage {
    /// Its segments in text order, with passage index 0.
    pub(crate) segments: Vec<Segment>,
    /// The content of its title and headings.
    pub(crate) headings: Arc<TextContent>,
    /// For each term, the number of segments that have it.
    pub(crate) frequency: BTreeMap<String, u32>,
}

/// Splits passages, and caches the latest ones: a few passages answer most questions.
pub(crate) struct Segmenter {
    /// Analyses the words.
    pub(crate) analyser: Analyser,
    cache: Mutex<LruCache<String, Arc<SegmentedPassage>>>,
}

impl Default for Segmenter {
    fn default() -> Self {
        Self { analyser: Analyser::default(), cache: Mutex::new(LruCache::new(CACHE_CAPACITY)) }
    }
}

impl Segmenter {
    /// Splits a passage, or returns it from the cache.
    pub(crate) fn segment(&self, passage: &Passage) -> Arc<SegmentedPassage> {
        let head = format!("{}. {}", passage.title, passage.heading_path.join(". "));
        let depths = &passage.heading_depths;
        let text = truncate_text(&passage.text);
        let key = format!("{head}\0{text}\0{:?}\0{depths:?}\0{:?}", passage.lines, passage.cut.head);
        if let Some(kept) = self.cache.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Arc::clone(kept);
        }
        let mut segments = split_segments(text, passage, &self.analyser);
        let mut frequency = BTreeMap::new();
        for term in segments.iter().flat_map(|segment| &segment.content.terms) {
            *frequency.entry(term.clone()).or_default() += 1;
        }
        let headings = Arc::new(self.headings(&head));
        self.place_below_headings(&mut segments, text, passage, &headings);
        let cut = Arc::new(SegmentedPassage { segments, headings, frequency });
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).put(key, Arc::clone(&cut));
        cut
    }

    fn headings(&self, head: &str) -> TextContent {
        let mut headings = TextContent::parse(head, &self.analyser);
        headings.terms.extend(content_terms(head, &self.analyser));
        headings
    }

    /// Gives each segment the headings above it, `all` being those of the passage. Segments of one section share them.
    fn place_below_headings(
        &self,
        segments: &mut [Segment],
        text: &str,
        passage: &Passage,
        all: &Arc<TextContent>,
    ) {
        let above = headings_above(passage.heading_path.len(), &passage.lines, &passage.heading_depths);
        let whole = HeadingsAbove { of_path: passage.heading_path.len(), lines: Vec::new() };
        let lines: Vec<&str> = text.lines().collect();
        let mut sections = HashMap::from([(&whole, Arc::clone(all))]);
        for segment in segments {
            let above = above.get(segment.line).unwrap_or(&whole);
            let headings = sections.entry(above).or_insert_with(|| {
                let of_path = passage.heading_path.iter().take(above.of_path).map(String::as_str);
                let inner = above.lines.iter().filter_map(|line| lines.get(*line).copied());
                let head: Vec<&str> = [&*passage.title].into_iter().chain(of_path).chain(inner).collect();
                Arc::new(self.headings(&head.join(". ")))
            });
            segment.headings = Arc::clone(headings);
        }
    }
}

fn truncate_text(text: &str) -> &str {
    let end = (0..=text.len().min(MAX_TEXT_BYTES)).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0);
    &text[..end]
}

fn split_segments(text: &str, passage: &Passage, analyser: &Analyser) -> Vec<Segment> {
    let mut segments = SegmentBuilder { found: Vec::new(), label: None, analyser };
    let kinds = &passage.lines;
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let starts = line_starts(text);
    let names = |cells: &[&str]| Arc::new(cells.iter().map(|cell| (*cell).to_string()).collect::<Vec<_>>());
    let mut head: Option<Arc<Vec<String>>> = passage.cut.head.as_deref().map(|head| names(&cells(head)));
    // The line with which the open table begins, and whether its head may still be guessed: not where the page tells.
    let (mut table, mut may_guess) = (0, kinds.is_empty() && !passage.cut.before);
    for (line, words) in lines.iter().enumerate() {
        if segments.found.len() >= MAX_SEGMENTS {
            break;
        }
        let kind = kinds.get(line);
        let cells = cells(words);
        if cells.len() < 2 || !LineKind::may_be_row(kinds, line) {
            // A row of one cell is a title inside its table.
            if kind != Some(&LineKind::Row) {
                (head, table, may_guess) = (None, line + 1, kinds.is_empty());
            }
            let found = sentences(words);
            let kind = match known_kind(kinds, line) {
                Some(SegmentKind::Sentence) | None if is_step_of_several(&lines, line) => SegmentKind::Item,
                Some(SegmentKind::Sentence) if found.len() == 1 && is_label(&lines, kinds, line) => {
                    SegmentKind::Label
                }
                Some(known) => known,
                None => classify_line(found.len(), &lines, kinds, line),
            };
            for range in found.into_iter().take(MAX_SEGMENTS) {
                let start = starts[line] + words[..range.start].chars().count();
                segments.push((line, start), kind, words[range].to_string(), None);
            }
            continue;
        }
        let row = |names: Option<&Arc<Vec<String>>>| TableRow {
            table,
            column_names: names.cloned(),
            cells: cells.iter().map(|cell| (*cell).to_string()).collect(),
        };
        let fits = head.as_ref().filter(|names| names.len() == cells.len());
        let is_head = match kind {
            Some(LineKind::Head) => true,
            Some(_) => false,
            None => {
                fits.is_none() && (may_guess || head.is_some()) && is_table_head(&cells, lines.get(line + 1))
            }
        };
        may_guess = false;
        if is_head {
            (head, table) = (Some(names(&cells)), line);
            continue;
        }
        let text = format_row(&cells, fits.map(|names| names.as_slice()));
        segments.push((line, starts[line]), SegmentKind::Row, text, Some(row(fits)));
    }
    segments.found.truncate(MAX_SEGMENTS);
    segments.found
}

/// The offset of each line's first word, in characters.
fn line_starts(text: &str) -> Vec<usize> {
    let mut at = 0;
    let mut starts = Vec::new();
    for line in text.split_inclusive('\n') {
        let blank = line.chars().take_while(|c| c.is_whitespace()).count();
        starts.push(at + blank);
        at += line.chars().count();
    }
    starts
}

struct SegmentBuilder<'a> {
    found: Vec<Segment>,
    label: Option<usize>,
    analyser: &'a Analyser,
}

impl SegmentBuilder<'_> {
    fn push(
        &mut self,
        (line, start): (usize, usize),
        kind: SegmentKind,
        text: String,
        row: Option<TableRow>,
    ) {
        let content = Arc::new(TextContent::parse(&text, self.analyser));
        let clauses = match &row {
            Some(row) => row_clauses(row, self.analyser),
            None => split_clauses(&text, self.analyser),
        };
        let mut around = TextContent::default();
        if let Some(row) = &row {
            let names = row.column_names.as_ref().map(|names| names.join(". ")).unwrap_or_default();
            around.add(&TextContent::parse(&names, self.analyser));
            around.terms.extend(content_terms(&names, self.analyser));
            around.terms.extend(content_terms(row.cells.first().map_or("", String::as_str), self.analyser));
        }
        if kind == SegmentKind::Label {
            self.label = Some(self.found.len());
        } else if let Some(label) = self.label.and_then(|label| self.found.get(label)) {
            around.add(&label.content);
        }
        if refers_back(&text)
            && let Some(before) = self.found.last()
        {
            around.add(&before.content);
        }
        let tokens = if row.is_some() { Vec::new() } else { tokenise(&text, self.analyser) };
        self.found.push(Segment {
            passage: 0,
            line,
            start,
            kind,
            text: text.into(),
            label: self.label,
            content,
            clauses: clauses.into(),
            headings: Arc::default(),
            surroundings: Arc::new(around),
            tokens: tokens.into(),
            row: row.map(Arc::new),
        });
    }
}

/// The kind of a line by its place on the page; `None` where that does not tell it. In a passage without lists, paragraphs may be
/// the lines of one all the same.
fn known_kind(kinds: &[LineKind], line: usize) -> Option<SegmentKind> {
    match kinds.get(line)? {
        LineKind::Heading => Some(SegmentKind::Label),
        LineKind::Item => Some(SegmentKind::Item),
        LineKind::Text if kinds.contains(&LineKind::Item) => Some(SegmentKind::Sentence),
        LineKind::Text | LineKind::Head | LineKind::Row | LineKind::Code => None,
    }
}

/// Guesses the kind of a line from its length and its neighbours. A line that introduces what follows is no item.
fn classify_line(sentences: usize, lines: &[&str], kinds: &[LineKind], at: usize) -> SegmentKind {
    if sentences == 1 && is_label(lines, kinds, at) {
        return SegmentKind::Label;
    }
    let item = |i: usize| {
        lines.get(i).is_some_and(|l| l.chars().count() <= MAX_ITEM_CHARS && !has_cells(l))
            && !is_label(lines, kinds, i)
    };
    let introduces = lines[at].ends_with(':');
    if sentences <= 2 && !introduces && item(at) && (item(at + 1) || at.checked_sub(1).is_some_and(item)) {
        SegmentKind::Item
    } else {
        SegmentKind::Sentence
    }
}

/// Whether a line is a label: short, without final punctuation or a value, above a complete sentence, a table or another
/// label. A text line above a heading is the end of a section, and no label.
fn is_label(lines: &[&str], kinds: &[LineKind], at: usize) -> bool {
    let short = |line: &str| {
        !line.is_empty()
            && !has_end_mark(line)
            && !has_cells(line)
            && !has_value(line)
            && line.chars().count() <= MAX_LABEL_CHARS
    };
    let from_here = lines.get(at..).unwrap_or_default();
    let headings = from_here.iter().take(MAX_STACKED_HEADINGS).take_while(|line| short(line)).count();
    let below = from_here.get(headings).is_some_and(|below| has_end_mark(below) || has_cells(below));
    let kind = |line: usize| kinds.get(line);
    let ends_section = kind(at) != Some(&LineKind::Heading)
        && (at + 1..=at + headings).any(|line| kind(line) == Some(&LineKind::Heading));
    // The line below a heading says something about it, unless it names a table or has the number of a section: the role of a
    // person, a date. A passage begins below its headings.
    let is_below_heading = kind(at) == Some(&LineKind::Text)
        && at.checked_sub(1).is_none_or(|above| kind(above) == Some(&LineKind::Heading))
        && !from_here.get(headings).is_some_and(|below| has_cells(below))
        && !begins_with_number(lines[at]);
    headings > 0 && below && !ends_section && !is_below_heading
}

/// Whether a line is a numbered step beside another one.
fn is_step_of_several(lines: &[&str], at: usize) -> bool {
    let is_step = |line: usize| lines.get(line).is_some_and(|line| is_numbered_step(line));
    is_step(at) && (is_step(at + 1) || at.checked_sub(1).is_some_and(is_step))
}

/// Whether a line is a value ("45 – 52 triệu đồng") or names something and its value: "Opening hours: 9:00-17:00",
/// "Manager: Jane Doe".
fn has_value(line: &str) -> bool {
    let read = quantities::extract(line);
    let has_amounts = !read.stated.is_empty() && read.stated.iter().all(|quantity| !quantity.is_code());
    if has_amounts && !read.without_quantities.contains(char::is_alphanumeric) {
        return true;
    }
    let value = line.split_once(':').filter(|(name, _)| !name.chars().any(|c| c.is_ascii_digit()));
    value.is_some_and(|(_, value)| !value.trim().is_empty())
}

fn has_end_mark(line: &str) -> bool {
    line.ends_with(['.', '!', ';', ':', '…', '"', ')'])
}

/// Whether a row is the table's header: no digits, and followed by a row of as many cells.
fn is_table_head(names: &[&str], next: Option<&&str>) -> bool {
    next.is_some_and(|next| cells(next).len() == names.len()) && may_name_columns(names)
}

/// Formats a row: `Size of a file – Free: 2 GB; Pro: 20 GB` with column names, `Size of a file – 2 GB; 20 GB`
/// without.
fn format_row(cells: &[&str], names: Option<&[String]>) -> String {
    let (first, rest) = cells.split_first().map_or(("", cells), |(first, rest)| (*first, rest));
    let told: Vec<String> = rest
        .iter()
        .enumerate()
        .filter(|(_, cell)| !cell.is_empty())
        .map(|(i, cell)| match names.and_then(|names| names.get(i + 1)).filter(|name| !name.is_empty()) {
            Some(name) if rest.len() > 1 => format!("{name}: {cell}"),
            _ => (*cell).to_string(),
        })
        .collect();
    match (first.is_empty(), told.is_empty()) {
        (true, _) => told.join("; "),
        (_, true) => first.to_string(),
        _ if rest.len() > 1 => format!("{first} – {}", told.join("; ")),
        _ => format!("{first}: {}", told.join("; ")),
    }
}

#[cfg(test)]
mod tests;
