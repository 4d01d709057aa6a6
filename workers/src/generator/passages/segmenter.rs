//! Passages, cut into what can be quoted.

use std::{
    collections::BTreeMap,
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
};

use hoidap_indices::Analyser;
use hoidap_shared::{
    job::Passage,
    text::{CELLS, sentences},
};
use lru::LruCache;

use crate::generator::{
    passages::table::{Row, row_clauses},
    text::{
        clauses::{Clause, clauses, terms},
        content::Content,
    },
    verifier::alignment::{Token, tokens},
};

/// Longest passage text that is looked at, in bytes, and most units of one passage: both bound the work.
const MAX_TEXT: usize = 16_384;
const MAX_UNITS: usize = 128;
/// Longest line of a list, in characters.
const ITEM: usize = 200;
/// Most headings one below the other.
const HEADINGS: usize = 2;
/// Longest heading or caption, in characters.
const LABEL: usize = 90;
/// Passages that are kept cut: some 30 KB each.
const KEPT: NonZeroUsize = NonZeroUsize::MIN.saturating_add(2_047);

/// What a unit is on its page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A sentence of a paragraph.
    Sentence,
    /// A whole line that stands among others like it: a step or an item.
    Item,
    /// A row of a table, its cells told by the table's head where there is one.
    Row,
    /// A short line without an end: a heading or a caption.
    Label,
}

/// The smallest piece of a passage that is quoted.
#[derive(Clone, Debug)]
pub(crate) struct Unit {
    /// The passage's place in the job.
    pub(crate) passage: usize,
    /// The line of the passage it stands on.
    pub(crate) line: usize,
    /// Where it starts in the passage's text, in characters.
    pub(crate) start: usize,
    /// What it is.
    pub(crate) kind: Kind,
    /// The words, as they are quoted.
    pub(crate) text: Arc<str>,
    /// The heading or caption above it within the passage: its place among the material's units.
    pub(crate) label: Option<usize>,
    /// What it is about.
    pub(crate) content: Arc<Content>,
    /// Its parts; of a row, one for each cell behind the first.
    pub(crate) clauses: Arc<[Clause]>,
    /// What it leaves to its place: the caption above it, the names of its columns, the sentence it points back to.
    pub(crate) around: Arc<Content>,
    /// Its words in their order; none of a row.
    pub(crate) tokens: Arc<[Token]>,
    /// Its cells, when it is a row.
    pub(crate) row: Option<Arc<Row>>,
}

/// A passage, cut.
pub(crate) struct Cut {
    /// Its units, in the order of the text, as if it were the first of its job.
    pub(crate) units: Vec<Unit>,
    /// What the headings above it are about.
    pub(crate) headings: Content,
    /// In how many units a term stands.
    pub(crate) frequency: BTreeMap<String, u32>,
}

/// Cuts passages. The latest ones are kept cut: a few passages answer most questions.
pub(crate) struct Cutter {
    /// Reads the words.
    pub(crate) analyser: Analyser,
    kept: Mutex<LruCache<String, Arc<Cut>>>,
}

impl Default for Cutter {
    fn default() -> Self {
        Self { analyser: Analyser::default(), kept: Mutex::new(LruCache::new(KEPT)) }
    }
}

impl Cutter {
    /// The passage, cut.
    pub(crate) fn cut(&self, passage: &Passage) -> Arc<Cut> {
        let head = format!("{}. {}", passage.title, passage.heading_path.join(". "));
        let text = bounded(&passage.text);
        let key = format!("{head}\0{text}");
        if let Some(kept) = self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Arc::clone(kept);
        }
        let units = units(text, &self.analyser);
        let mut frequency = BTreeMap::new();
        for term in units.iter().flat_map(|unit| &unit.content.terms) {
            *frequency.entry(term.clone()).or_default() += 1;
        }
        let mut headings = Content::of(&head, &self.analyser);
        headings.terms.extend(terms(&head, &self.analyser));
        let cut = Arc::new(Cut { units, headings, frequency });
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).put(key, Arc::clone(&cut));
        cut
    }
}

fn bounded(text: &str) -> &str {
    let end = (0..=text.len().min(MAX_TEXT)).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0);
    &text[..end]
}

fn units(text: &str, analyser: &Analyser) -> Vec<Unit> {
    let mut units = Units { found: Vec::new(), label: None, analyser };
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let starts = starts(text);
    let mut head: Option<Arc<Vec<String>>> = None;
    let mut table = 0;
    for (line, words) in lines.iter().enumerate() {
        if units.found.len() >= MAX_UNITS {
            break;
        }
        let cells: Vec<&str> = words.split(CELLS).map(str::trim).collect();
        if cells.len() < 2 {
            (head, table) = (None, line + 1);
            let found = sentences(words);
            let kind = kind_of(found.len(), &lines, line);
            for range in found.into_iter().take(MAX_UNITS) {
                let start = starts[line] + words[..range.start].chars().count();
                units.push((line, start), kind, words[range].to_string(), None);
            }
            continue;
        }
        let row = |names: Option<&Arc<Vec<String>>>| Row {
            table,
            names: names.cloned(),
            cells: cells.iter().map(|cell| (*cell).to_string()).collect(),
        };
        match &head {
            Some(names) if names.len() == cells.len() => {
                units.push(
                    (line, starts[line]),
                    Kind::Row,
                    self::row(&cells, Some(names)),
                    Some(row(Some(names))),
                );
            }
            _ if is_head(&cells, lines.get(line + 1)) => {
                head = Some(Arc::new(cells.iter().map(|cell| (*cell).to_string()).collect()));
                table = line;
            }
            _ => units.push((line, starts[line]), Kind::Row, self::row(&cells, None), Some(row(None))),
        }
    }
    units.found.truncate(MAX_UNITS);
    units.found
}

/// Where the words of each line start, in characters.
fn starts(text: &str) -> Vec<usize> {
    let mut at = 0;
    let mut starts = Vec::new();
    for line in text.split_inclusive('\n') {
        let blank = line.chars().take_while(|c| c.is_whitespace()).count();
        starts.push(at + blank);
        at += line.chars().count();
    }
    starts
}

struct Units<'a> {
    found: Vec<Unit>,
    label: Option<usize>,
    analyser: &'a Analyser,
}

impl Units<'_> {
    fn push(&mut self, (line, start): (usize, usize), kind: Kind, text: String, row: Option<Row>) {
        let content = Arc::new(Content::of(&text, self.analyser));
        let clauses = match &row {
            Some(row) => row_clauses(row, self.analyser),
            None => clauses(&text, self.analyser),
        };
        let mut around = Content::default();
        if let Some(row) = &row {
            let names = row.names.as_ref().map(|names| names.join(". ")).unwrap_or_default();
            around.add(&Content::of(&names, self.analyser));
            around.terms.extend(terms(&names, self.analyser));
            around.terms.extend(terms(row.cells.first().map_or("", String::as_str), self.analyser));
        }
        if kind == Kind::Label {
            self.label = Some(self.found.len());
        } else if let Some(label) = self.label.and_then(|label| self.found.get(label)) {
            around.add(&label.content);
        }
        if points_back(&text)
            && let Some(before) = self.found.last()
        {
            around.add(&before.content);
        }
        let tokens = if row.is_some() { Vec::new() } else { tokens(&text, self.analyser) };
        self.found.push(Unit {
            passage: 0,
            line,
            start,
            kind,
            text: text.into(),
            label: self.label,
            content,
            clauses: clauses.into(),
            around: Arc::new(around),
            tokens: tokens.into(),
            row: row.map(Arc::new),
        });
    }
}

/// Whether a sentence speaks of what was said before it.
pub(crate) fn points_back(text: &str) -> bool {
    const POINTERS: [&str; 14] = [
        "it", "this", "that", "these", "those", "they", "its", "their", "nó", "này", "đó", "việc", "ngoài",
        "chúng",
    ];
    let mut words =
        text.split_whitespace().map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase());
    let first = words.next().unwrap_or_default();
    POINTERS.contains(&first.as_str())
        || words.take(2).any(|word| matches!(word.as_str(), "này" | "đó" | "ấy"))
}

fn kind_of(sentences: usize, lines: &[&str], at: usize) -> Kind {
    if sentences == 1 && is_label(lines, at) {
        return Kind::Label;
    }
    let item = |i: usize| {
        lines.get(i).is_some_and(|l| l.chars().count() <= ITEM && !l.contains(CELLS)) && !is_label(lines, i)
    };
    if sentences <= 2 && item(at) && (item(at + 1) || at.checked_sub(1).is_some_and(item)) {
        Kind::Item
    } else {
        Kind::Sentence
    }
}

/// Whether a line is a heading or caption: short, without an end, above a whole sentence, a table or another heading.
fn is_label(lines: &[&str], at: usize) -> bool {
    let short = |line: &str| {
        !line.is_empty() && !ended(line) && !line.contains(CELLS) && line.chars().count() <= LABEL
    };
    let from_here = lines.get(at..).unwrap_or_default();
    let headings = from_here.iter().take(HEADINGS).take_while(|line| short(line)).count();
    let below = from_here.get(headings).is_some_and(|below| ended(below) || below.contains(CELLS));
    headings > 0 && below
}

fn ended(line: &str) -> bool {
    line.ends_with(['.', '!', ';', ':', '…', '"', ')'])
}

/// Whether a row names the columns of the rows below: no cell holds a digit, and as many cells follow.
fn is_head(cells: &[&str], next: Option<&&str>) -> bool {
    let follows = next.is_some_and(|next| next.split(CELLS).count() == cells.len());
    follows
        && cells.iter().all(|cell| !cell.chars().any(|c| c.is_ascii_digit()) && cell.chars().count() <= 40)
}

/// `Size of a file: Free 2 GB; Pro 20 GB`, and without the names of the columns `Size of a file: 2 GB; 20 GB`.
fn row(cells: &[&str], names: Option<&[String]>) -> String {
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
mod tests {
    use super::*;
    use crate::generator::passages::passage_set::tests::passage;

    fn units(text: &str) -> Vec<(Kind, String)> {
        let cut = Cutter::default().cut(&passage("vi", text));
        cut.units.iter().map(|unit| (unit.kind, unit.text.to_string())).collect()
    }

    #[test]
    fn a_passage_is_cut_once() {
        let cutter = Cutter::default();
        let cut = |text: &str| cutter.cut(&passage("vi", text));
        let first = cut("Gói Pro có 500 GB.");
        assert!(Arc::ptr_eq(&first, &cut("Gói Pro có 500 GB.")));
        assert!(!Arc::ptr_eq(&first, &cut("Gói Pro có 600 GB.")));
    }

    #[test]
    fn a_row_is_told_by_the_tables_head() {
        let text = "Hạn mức của Diệc Drive\nHạn mức | Free | Pro\nKích thước một tệp | 2 GB | 20 GB\nSố thiết bị | 2 | 10";
        assert_eq!(
            units(text),
            [
                (Kind::Label, "Hạn mức của Diệc Drive".into()),
                (Kind::Row, "Kích thước một tệp – Free: 2 GB; Pro: 20 GB".into()),
                (Kind::Row, "Số thiết bị – Free: 2; Pro: 10".into()),
            ]
        );
    }

    #[test]
    fn a_heading_above_a_caption_is_no_sentence() {
        let found = units("Giá các gói\nGiá của từng gói\nGói | Giá\nPro | 5 $");
        let kinds: Vec<Kind> = found.into_iter().map(|(kind, _)| kind).collect();
        assert_eq!(kinds, [Kind::Label, Kind::Label, Kind::Row]);
    }

    #[test]
    fn a_row_without_its_head_stays_as_it_is() {
        assert_eq!(
            units("Kích thước một tệp | 2 GB | 20 GB\nSố thiết bị | 2 | 10")[0],
            (Kind::Row, "Kích thước một tệp – 2 GB; 20 GB".into())
        );
        assert_eq!(units("Hotline | 0236 000 0147")[0].1, "Hotline: 0236 000 0147");
    }

    #[test]
    fn items_stand_together_and_headings_apart() {
        let text = "Mail does not arrive\nLook in the Spam folder.\nSee whether the mailbox is full.\n\
                    Check that the MX record is right.";
        let kinds: Vec<Kind> = units(text).into_iter().map(|(kind, _)| kind).collect();
        assert_eq!(kinds, [Kind::Label, Kind::Item, Kind::Item, Kind::Item]);
    }

    #[test]
    fn the_work_is_bounded() {
        let endless = "một câu. ".repeat(10_000) + &"x".repeat(100_000);
        assert!(units(&endless).len() <= MAX_UNITS);
        assert!(units("").is_empty());
    }
}
