//! Finds things that a page shows beside or below each other, each with a name and a few short values: cards of prices or
//! branches, and the rows of a table that is made of `<div>`.
//!
//! They are siblings that look alike and have a name in the same place. What they are is only in style sheets.

use std::collections::{HashMap, HashSet};

use ego_tree::{NodeId, NodeRef, iter::Edge};
use hoidap_shared::text::{may_name_columns, normalise};
use scraper::{ElementRef, Html, Node, node::Element};

use super::{
    class_names::words,
    elements::{
        BOLD, FieldPart, MAX_TERM_CHARS, MAX_VALUES, NO_FIELDS, WITHOUT_TEXT, has_digit, is_block,
        may_be_label, shape,
    },
    is_heading,
    survey::PageSurvey,
    visibility::Visibility,
};
use crate::document::{ReadError, limits::Deadline};

/// Longest value, longest sentence as a value, and most text of one thing, in characters.
const MAX_VALUE_CHARS: usize = 120;
const MAX_SENTENCE_CHARS: usize = 80;
const MAX_RECORD_CHARS: usize = 400;

/// Most texts before a name: a badge, the number of a step, the number that is counted.
const MAX_BEFORE: usize = 2;

/// Longest badge that not all have, in characters.
const MAX_BADGE_CHARS: usize = 15;

/// Fewest columns of a table whose head is not marked, and most columns.
const MIN_COLUMNS: usize = 3;
const MAX_COLUMNS: usize = 20;

/// Words of the class of a row that names columns.
const HEAD_NAMES: [&str; 5] = ["head", "header", "heading", "thead", "headings"];

/// Adds the parts of records and rows to the labels and values of a page.
pub(super) fn add_records(
    page: &Html,
    survey: &PageSurvey,
    found: &mut HashMap<NodeId, FieldPart>,
    deadline: Deadline,
) -> Result<(), ReadError> {
    let mut finder = RecordFinder { page, survey, found, open: vec![OpenElement::default()] };
    let mut skipped: Option<NodeId> = None;
    for edge in page.tree.root().traverse() {
        match edge {
            Edge::Open(node) if skipped.is_none() => match node.value() {
                Node::Text(text) if !text.trim().is_empty() => finder.text(),
                Node::Element(element) => {
                    deadline.check()?;
                    if !finder.enter(node, element) {
                        skipped = Some(node.id());
                    }
                }
                _ => {}
            },
            Edge::Close(node) if skipped == Some(node.id()) => skipped = None,
            Edge::Close(node) if skipped.is_none() => {
                if let Node::Element(element) = node.value() {
                    finder.leave(node, element);
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// A text that is read as a whole.
#[derive(Clone)]
struct Leaf {
    id: NodeId,
    shape: String,
    /// Empty if it is too long.
    text: String,
    is_link: bool,
    /// Its value, if it is the label of a field.
    value: Option<Box<Leaf>>,
}

impl Leaf {
    fn chars(&self) -> usize {
        self.text.chars().count() + self.value.as_ref().map_or(0, |value| value.chars())
    }

    fn is_short(&self) -> bool {
        // A longer sentence is a paragraph.
        let most = if self.text.ends_with('.') { MAX_SENTENCE_CHARS } else { MAX_VALUE_CHARS };
        let is_whole = match &self.value {
            Some(value) => value.is_short(),
            None => !self.text.ends_with(':'),
        };
        !self.text.is_empty() && self.chars() <= most && is_whole
    }

    fn is_name(&self) -> bool {
        self.value.is_none() && may_be_label(&self.text) && self.text.chars().count() <= MAX_TERM_CHARS
    }
}

/// An element with text, or an empty one that may be a cell.
struct Part {
    id: NodeId,
    shape: String,
    is_block: bool,
    /// Its texts, unless it has something that is in no record.
    leaves: Option<Vec<Leaf>>,
    /// Its elements, if each is one text or empty.
    cells: Vec<Leaf>,
}

#[derive(Default)]
struct OpenElement {
    children: Vec<Part>,
    has_own_text: bool,
}

struct RecordFinder<'a> {
    page: &'a Html,
    survey: &'a PageSurvey,
    found: &'a mut HashMap<NodeId, FieldPart>,
    open: Vec<OpenElement>,
}

impl RecordFinder<'_> {
    fn text(&mut self) {
        if let Some(open) = self.open.last_mut() {
            open.has_own_text = true;
        }
    }

    /// Opens an element. Returns whether what is in it matters.
    fn enter(&mut self, node: NodeRef<'_, Node>, element: &Element) -> bool {
        let facts = self.survey.facts(node.id());
        let name = element.name();
        // A button is left out, unless it is the title of a text.
        let is_title = self.survey.toggles.is_title(node.id());
        if facts.shown != Visibility::Visible || WITHOUT_TEXT.contains(&name) && !is_title {
            return false;
        }
        let is_empty = facts.text == 0;
        if is_empty || is_title || NO_FIELDS.contains(&name) || is_heading(name) {
            if let Some(open) = self.open.last_mut().filter(|_| !is_empty || is_block(name)) {
                let leaves = is_empty.then(Vec::new);
                let (shape, is_block) = (shape(element, None), is_block(name));
                open.children.push(Part { id: node.id(), shape, is_block, leaves, cells: Vec::new() });
            }
            return false;
        }
        self.open.push(OpenElement::default());
        true
    }

    fn leave(&mut self, node: NodeRef<'_, Node>, element: &Element) {
        let Some(mut open) = self.open.pop() else { return };
        let name = element.name();
        // A real table is read as one.
        let in_table = matches!(name, "table" | "thead" | "tbody" | "tfoot" | "tr");
        if !open.has_own_text && !in_table {
            self.find_records(&mut open.children);
        }
        let filled: Vec<&Part> =
            open.children.iter().filter(|part| part.leaves.as_ref().is_none_or(|l| !l.is_empty())).collect();
        let only = if let [only] = filled[..] { (!open.has_own_text).then_some(only) } else { None };
        let shape = shape(element, only.map(|only| only.shape.as_str()));
        let has_blocks = open.children.iter().any(|part| part.is_block);
        let has_field = filled.iter().any(|part| self.found.contains_key(&part.id));
        let is_block = is_block(name) || has_blocks || matches!(name, "td" | "tr");
        let leaves = match only {
            _ if name == "table" || self.survey.tabs.name_of(node.id()).is_some() => None,
            Some(only) => only.leaves.clone(),
            // A text with blocks in it.
            None if open.has_own_text && has_blocks => None,
            None if open.has_own_text || !has_blocks && !has_field => {
                Some(vec![self.leaf(node.id(), shape.clone())])
            }
            None => self.leaves_of(&filled),
        };
        let cells = match only {
            Some(only) => only.cells.clone(),
            None if open.has_own_text || open.children.len() > MAX_COLUMNS || !is_block || name == "p" => {
                Vec::new()
            }
            None => self.cells_of(&open.children),
        };
        if let Some(above) = self.open.last_mut() {
            above.children.push(Part { id: node.id(), shape, is_block, leaves, cells });
        }
    }

    fn leaf(&self, id: NodeId, shape: String) -> Leaf {
        let facts = self.survey.facts(id);
        let element = self.page.tree.get(id).and_then(ElementRef::wrap);
        let short = element.filter(|_| facts.text <= MAX_VALUE_CHARS);
        let text = short.map(|element| normalise(&element.text().collect::<String>())).unwrap_or_default();
        Leaf { id, shape, text, is_link: facts.is_mostly_links(), value: None }
    }

    /// The texts of several elements. A label and its value are one.
    fn leaves_of(&mut self, parts: &[&Part]) -> Option<Vec<Leaf>> {
        let mut all: Vec<Leaf> = Vec::new();
        let mut rest = parts;
        while let [part, behind @ ..] = rest {
            rest = behind;
            // What holds a label and a value is no label itself.
            if let [value, ..] = behind
                && part.leaves.iter().flatten().any(|leaf| leaf.value.is_some())
                && self.found.get(&part.id) == Some(&FieldPart::Label)
            {
                self.found.remove(&part.id);
                self.found.remove(&value.id);
            }
            match (self.found.get(&part.id), behind) {
                (Some(FieldPart::Label), [value, after @ ..]) => {
                    let mut label = self.leaf(part.id, part.shape.clone());
                    label.value = Some(Box::new(self.leaf(value.id, value.shape.clone())));
                    all.push(label);
                    rest = after;
                }
                _ => all.extend(part.leaves.as_ref()?.iter().cloned()),
            }
            if all.len() > MAX_VALUES + MAX_BEFORE {
                return None;
            }
        }
        Some(all)
    }

    /// The cells of a row: each child is one text, or empty.
    fn cells_of(&self, parts: &[Part]) -> Vec<Leaf> {
        let cell = |part: &Part| match part.leaves.as_deref()? {
            [] => Some(Leaf {
                id: part.id,
                shape: part.shape.clone(),
                text: String::new(),
                is_link: false,
                value: None,
            }),
            [leaf] if leaf.is_short() && leaf.value.is_none() => {
                Some(Leaf { id: part.id, shape: part.shape.clone(), ..leaf.clone() })
            }
            _ => None,
        };
        parts.iter().map(cell).collect::<Option<Vec<Leaf>>>().unwrap_or_default()
    }

    /// Finds the records among the elements of one element.
    fn find_records(&mut self, parts: &mut [Part]) {
        let mut from = 0;
        while from < parts.len() {
            let like = |part: &Part| part.is_block && are_alike(&part.shape, &parts[from].shape);
            let run = parts[from..].iter().take_while(|part| like(part)).count().max(1);
            let to = from + run;
            let head = from.checked_sub(1).filter(|head| parts[*head].cells.len() == parts[from].cells.len());
            let table = table(&parts[head.unwrap_or(from)..to]).or_else(|| table(&parts[from..to]));
            let marks = table.or_else(|| records(&parts[from..to])).unwrap_or_default();
            if !marks.is_empty() {
                self.found.extend(marks);
                for part in &mut parts[head.unwrap_or(from)..to] {
                    // What is around a record is none.
                    part.leaves = None;
                }
            }
            from = to;
        }
    }
}

/// Whether two elements look alike: the same element, and most words of their classes.
fn are_alike(a: &str, b: &str) -> bool {
    let mut names = (a.trim_end_matches(BOLD).split(' '), b.trim_end_matches(BOLD).split(' '));
    if names.0.next() != names.1.next() {
        return false;
    }
    let (a, b): (HashSet<&str>, HashSet<&str>) = (names.0.collect(), names.1.collect());
    a.intersection(&b).count() * 2 >= a.len().max(b.len())
}

/// The rows of a table: the first names the columns, by its class or its bold text, or since only the others have numbers.
fn table(parts: &[Part]) -> Option<Vec<(NodeId, FieldPart)>> {
    let (head, below) = parts.split_first()?;
    let columns = head.cells.len();
    let rows: Vec<&Part> = below.iter().filter(|row| row.cells.len() == columns).collect();
    let names: Vec<&str> = head.cells.iter().map(|cell| cell.text.as_str()).collect();
    let named = names.iter().filter(|name| !name.is_empty()).count();
    let is_table = columns > 1 && rows.len() > 1 && rows.len() * 2 >= below.len();
    if !is_table || named + 1 < columns || !may_name_columns(&names) {
        return None;
    }
    let is_marked = |row: &Part| {
        row.shape.split([' ', '-']).flat_map(words).any(|word| HEAD_NAMES.contains(&word.as_str()))
            || row.cells.iter().all(|cell| {
                cell.text.is_empty()
                    || cell.shape.ends_with(BOLD)
                    || cell.shape.starts_with("b ")
                    || cell.shape == "strong"
            })
    };
    let has_marked_head = is_marked(head) && rows.iter().all(|row| !is_marked(row));
    let has_numbers = |column: usize| rows.iter().all(|row| has_digit(&row.cells[column].text));
    let are_cells = head.cells[1..].windows(2).all(|pair| are_alike(&pair[0].shape, &pair[1].shape));
    let has_other_rows = columns >= MIN_COLUMNS && are_cells && (1..columns).any(has_numbers);
    if !has_marked_head && !has_other_rows {
        return None;
    }
    let mut marks = Vec::new();
    for (row, is_head) in [(head, true)].into_iter().chain(rows.iter().map(|row| (*row, false))) {
        marks.push((row.id, FieldPart::Row { is_head }));
        marks.extend(row.cells.iter().map(|cell| (cell.id, FieldPart::Cell)));
    }
    Some(marks)
}

/// The records of a run of elements that look alike.
fn records(run: &[Part]) -> Option<Vec<(NodeId, FieldPart)>> {
    let all: Vec<(NodeId, Vec<Leaf>)> =
        run.iter().filter_map(|part| Some((part.id, texts_of(part)?))).collect();
    // Labels with their values are read as such already.
    let are_more = all.iter().any(|(_, leaves)| leaves.len() > 2)
        || run.iter().any(|part| part.leaves.as_ref().is_some_and(|leaves| leaves.len() == 2));
    if all.len() < 2 || !are_more {
        return None;
    }
    for at in 0..=MAX_BEFORE {
        let Some(first) = all.iter().find(|(_, leaves)| fits(leaves, at)) else { continue };
        let shape = &first.1[at].shape;
        // Only some may have a badge before the name.
        let name_of = |leaves: &[Leaf]| {
            let places = [at].into_iter().chain(0..=MAX_BEFORE);
            places.into_iter().find(|at| fits(leaves, *at) && are_alike(&leaves[*at].shape, shape))
        };
        let fit: Vec<Record<'_>> = all
            .iter()
            .filter_map(|(id, leaves)| Some(Record { id: *id, leaves, name: name_of(leaves)? }))
            .collect();
        let names: HashSet<&str> =
            fit.iter().map(|record| record.leaves[record.name].text.as_str()).collect();
        let mut before = HashMap::<&str, usize>::new();
        for leaf in fit.iter().flat_map(|record| &record.leaves[..record.name]) {
            *before.entry(&leaf.text).or_default() += 1;
        }
        let may_precede = before
            .iter()
            .all(|(text, times)| *times > 1 || has_digit(text) || text.chars().count() <= MAX_BADGE_CHARS);
        if fit.len() > 1 && fit.len() * 2 >= run.len() && names.len() == fit.len() && may_precede {
            return Some(marks(&fit));
        }
    }
    None
}

/// Texts that are a record, with the place of its name.
struct Record<'a> {
    id: NodeId,
    leaves: &'a [Leaf],
    name: usize,
}

/// The texts of an element, if it may be a record. The label of its only field is its name, if it comes first.
fn texts_of(part: &Part) -> Option<Vec<Leaf>> {
    let mut leaves = part.leaves.clone()?;
    if leaves.len() == 1 && part.cells.len() > 2 {
        leaves = part.cells.iter().filter(|cell| !cell.text.is_empty()).cloned().collect();
    }
    let first =
        leaves.iter().position(|leaf| leaf.value.is_some() || leaf.text.starts_with(char::is_alphabetic));
    if let Some(at) = first.filter(|at| *at <= MAX_BEFORE)
        && let Some(value) = leaves[at].value.take()
    {
        if leaves.iter().any(|leaf| leaf.value.is_some()) {
            return None;
        }
        leaves.insert(at + 1, *value);
    }
    let is_short = leaves.iter().all(Leaf::is_short);
    let chars: usize = leaves.iter().map(Leaf::chars).sum();
    (leaves.len() > 1 && is_short && chars <= MAX_RECORD_CHARS).then_some(leaves)
}

/// Whether an element is a record with its name at `at`.
fn fits(leaves: &[Leaf], at: usize) -> bool {
    let Some(name) = leaves.get(at).filter(|name| name.is_name()) else { return false };
    let mut values = leaves.iter().enumerate().filter(|(i, _)| *i != at).map(|(_, leaf)| leaf);
    let is_number = |leaf: &Leaf| !leaf.is_link && has_digit(&leaf.text);
    // Two texts are a name and its value only if one of them is a number.
    if leaves.len() == 2 || name.is_link { values.any(is_number) } else { values.any(|leaf| !leaf.is_link) }
}

/// The parts of records.
fn marks(records: &[Record<'_>]) -> Vec<(NodeId, FieldPart)> {
    // The same link in several: "Book now".
    let mut links = HashMap::<&str, usize>::new();
    for leaf in records.iter().flat_map(|record| record.leaves).filter(|leaf| leaf.is_link) {
        *links.entry(&leaf.text).or_default() += 1;
    }
    let are_steps = records.iter().enumerate().all(|(index, record)| {
        let text = &record.leaves[0].text;
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        record.name > 0 && text.chars().count() <= "Step 10.".len() && digits.parse() == Ok(index + 1)
    });
    let mut marks = Vec::new();
    for Record { id, leaves, name } in records {
        let before = marks.len();
        let mut values = 0;
        for (i, leaf) in leaves.iter().enumerate() {
            let is_repeated = leaf.is_link && links.get(leaf.text.as_str()).is_some_and(|times| *times > 1);
            let part = match leaf.value {
                _ if i == *name => FieldPart::Name,
                _ if is_repeated || i == 0 && are_steps => FieldPart::LeftOut,
                Some(_) => FieldPart::Label,
                None => FieldPart::Value,
            };
            values += usize::from(matches!(part, FieldPart::Label | FieldPart::Value));
            marks.push((leaf.id, part));
        }
        if values == 0 {
            marks.truncate(before);
        } else {
            marks.push((*id, FieldPart::Record));
        }
    }
    marks
}
