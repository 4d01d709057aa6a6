//! The passages of a job, cut into what can be quoted, and how rare each word is among them.

use std::collections::{BTreeMap, BTreeSet};

use hoidap_indices::Analyser;
use hoidap_shared::job::Passage;

use super::{
    figures::{Figure, figures},
    sentences::sentences,
};

/// Longest passage text that is looked at, in bytes, and most units of one passage: both bound the work.
const MAX_TEXT: usize = 16_384;
const MAX_UNITS: usize = 128;
/// Parts the cells of a table's row in an extracted text.
const CELLS: &str = " | ";
/// Longest line of a list, in characters.
const ITEM: usize = 200;
/// Longest heading or caption, in characters.
const LABEL: usize = 90;
/// Words that turn a statement round: the same words with and without one say opposite things.
const NEGATIONS: [&str; 15] = [
    "không", "chưa", "chẳng", "đừng", "no", "not", "never", "cannot", "can't", "don't", "doesn't", "won't",
    "isn't", "aren't", "without",
];

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
    /// What it is.
    pub(crate) kind: Kind,
    /// The words, as they are quoted.
    pub(crate) text: String,
    /// The heading or caption above it within the passage: its place among the material's units.
    pub(crate) label: Option<usize>,
    /// What it is about.
    pub(crate) content: Content,
}

/// What the words of a text say, as far as words can tell.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Content {
    /// Folded content words, and pairs of neighbouring Vietnamese syllables.
    pub(crate) terms: BTreeSet<String>,
    /// Numbers and codes.
    pub(crate) figures: BTreeSet<Figure>,
    /// Whether it holds a negation.
    pub(crate) negated: bool,
}

impl Content {
    /// Reads a text.
    pub(crate) fn of(text: &str, analyser: &Analyser) -> Self {
        let analysed = analyser.question(text);
        let lower = text.to_lowercase().replace('’', "'");
        let negated =
            lower.split(|c: char| !c.is_alphanumeric() && c != '\'').any(|word| NEGATIONS.contains(&word));
        Self {
            terms: analysed.folded.into_iter().chain(analysed.pairs).collect(),
            figures: figures(text),
            negated,
        }
    }
}

/// The passages of a job and their units.
pub(crate) struct Material {
    /// The passages, best first.
    pub(crate) passages: Vec<Passage>,
    /// Their units, passage by passage, in the order of the text.
    pub(crate) units: Vec<Unit>,
    /// What the headings above each passage are about.
    pub(crate) headings: Vec<Content>,
    /// In how many units a term stands.
    frequency: BTreeMap<String, u32>,
}

impl Material {
    /// Cuts the passages.
    pub(crate) fn new(passages: Vec<Passage>, analyser: &Analyser) -> Self {
        let mut units = Vec::new();
        for (i, passage) in passages.iter().enumerate() {
            let before = units.len();
            cut(i, bounded(&passage.text), analyser, &mut units);
            units.truncate(before + MAX_UNITS);
        }
        let headings = passages
            .iter()
            .map(|passage| {
                let path = passage.heading_path.join(". ");
                Content::of(&format!("{}. {path}", passage.title), analyser)
            })
            .collect();
        let mut frequency = BTreeMap::new();
        for term in units.iter().flat_map(|unit| &unit.content.terms) {
            *frequency.entry(term.clone()).or_default() += 1;
        }
        Self { passages, units, headings, frequency }
    }

    /// How much a term tells: ln(1 + units / (units that hold it + 0.5)).
    pub(crate) fn weight(&self, term: &str) -> f32 {
        let all = self.units.len() as f32;
        let with = self.frequency.get(term).copied().unwrap_or(0) as f32;
        (all / (with + 0.5)).ln_1p()
    }

    /// The heading a unit stands under: the nearest in its passage, else the last above it.
    pub(crate) fn heading(&self, unit: &Unit) -> Option<&str> {
        let near = unit.label.and_then(|label| self.units.get(label)).map(|label| label.text.as_str());
        near.or_else(|| self.passages[unit.passage].heading_path.last().map(String::as_str))
    }

    /// The units of one passage, and where they begin among all.
    pub(crate) fn of_passage(&self, passage: usize) -> (usize, &[Unit]) {
        let from = self.units.partition_point(|unit| unit.passage < passage);
        let to = self.units.partition_point(|unit| unit.passage <= passage);
        (from, &self.units[from..to])
    }
}

fn bounded(text: &str) -> &str {
    let end = (0..=text.len().min(MAX_TEXT)).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0);
    &text[..end]
}

fn cut(passage: usize, text: &str, analyser: &Analyser, units: &mut Vec<Unit>) {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let mut head: Option<Vec<&str>> = None;
    let mut label = None;
    for (line, words) in lines.iter().enumerate() {
        let mut push = |kind, text: String| {
            let content = Content::of(&text, analyser);
            if kind == Kind::Label {
                label = Some(units.len());
            }
            units.push(Unit { passage, line, kind, text, label, content });
        };
        let cells: Vec<&str> = words.split(CELLS).map(str::trim).collect();
        if cells.len() < 2 {
            head = None;
            let found = sentences(words);
            let kind = kind_of(found.len(), &lines, line);
            for range in found {
                push(kind, words[range].to_string());
            }
            continue;
        }
        match &head {
            Some(names) if names.len() == cells.len() => push(Kind::Row, row(&cells, Some(names))),
            _ if is_head(&cells, lines.get(line + 1)) => head = Some(cells),
            _ => push(Kind::Row, row(&cells, None)),
        }
    }
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

/// Whether a line is a heading or caption: short, without an end, above a whole sentence or a table.
fn is_label(lines: &[&str], at: usize) -> bool {
    let Some(line) = lines.get(at) else { return false };
    let below = lines.get(at + 1).is_some_and(|below| ended(below) || below.contains(CELLS));
    below && !ended(line) && !line.contains(CELLS) && line.chars().count() <= LABEL
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
fn row(cells: &[&str], names: Option<&Vec<&str>>) -> String {
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
pub(crate) mod tests {
    use hoidap_shared::job::Ranks;

    use super::*;

    /// A passage with the given locale and text.
    pub(crate) fn passage(locale: &str, text: &str) -> Passage {
        Passage {
            chunk_id: format!("chunk-{}", text.len()),
            collection: "docs".into(),
            version: "v1".into(),
            text: text.into(),
            score: 0.8,
            similarity: Some(0.9),
            ranks: Ranks { dense: Some(1), lexical: Some(1), fused: Some(1) },
            url: "https://www.example.com/page".into(),
            source: "page.html".into(),
            title: "Page".into(),
            heading_path: vec!["Section".into()],
            start: 0,
            end: text.chars().count(),
            locale: locale.into(),
            product: None,
            section: None,
            document_hash: "00".into(),
        }
    }

    fn units(text: &str) -> Vec<(Kind, String)> {
        let material = Material::new(vec![passage("vi", text)], &Analyser::default());
        material.units.into_iter().map(|unit| (unit.kind, unit.text)).collect()
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

    #[test]
    fn a_negation_is_seen_in_both_languages() {
        let negated = |text: &str| Content::of(text, &Analyser::default()).negated;
        assert!(
            negated("Gói Free không có bản ghi") && negated("You can’t record") && negated("It is not free")
        );
        assert!(!negated("Gói Free dùng được bản ghi") && !negated("Notes are free"));
    }
}
