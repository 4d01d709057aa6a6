//! Collects the text of a page block by block, as its elements open and close.

use hoidap_shared::text::normalise;
use scraper::node::Element;

use super::{
    block_counts::BlockCounts,
    is_heading,
    survey::ElementFacts,
    table::{HtmlTable, TableCell},
};
use crate::document::{BlockKind, Document, FrameCandidate};

/// Elements that begin and end a block of text.
const BLOCK_ELEMENTS: [&str; 36] = [
    "p",
    "div",
    "section",
    "article",
    "main",
    "li",
    "ul",
    "ol",
    "dl",
    "dt",
    "dd",
    "table",
    "thead",
    "tbody",
    "tfoot",
    "caption",
    "blockquote",
    "figure",
    "figcaption",
    "form",
    "fieldset",
    "legend",
    "details",
    "summary",
    "address",
    "body",
    "header",
    "hr",
    "center",
    "label",
    "hgroup",
    "aside",
    "footer",
    "dialog",
    "search",
    "menu",
];

/// Most text of spanning cells that is repeated, in characters per page.
const MAX_REPEATED_CHARS: usize = 2_000_000;

/// Deepest nesting of tables; a deeper table is only text.
const MAX_NESTED_TABLES: usize = 4;

/// The document so far, and the open block.
pub(super) struct BlockReader {
    pub(super) document: Document,
    /// Whether the current position is outside the page's main part.
    pub(super) outside_main: bool,
    open: String,
    counts: BlockCounts,
    preformatted: usize,
    /// Number of open list items.
    items: usize,
    links: usize,
    has_heading: bool,
    /// For each open table, whether it is a data table and not a layout table. `open_tables` holds the data tables.
    data_tables: Vec<bool>,
    open_tables: Vec<HtmlTable>,
    repeat_budget: usize,
}

impl BlockReader {
    pub(super) fn new(document: Document) -> Self {
        Self {
            document,
            outside_main: false,
            open: String::new(),
            counts: BlockCounts::default(),
            preformatted: 0,
            items: 0,
            links: 0,
            has_heading: false,
            data_tables: Vec::new(),
            open_tables: Vec::new(),
            repeat_budget: MAX_REPEATED_CHARS,
        }
    }

    pub(super) fn text(&mut self, text: &str) {
        let chars = text.chars().filter(|c| !c.is_whitespace()).count();
        let linked = if self.links > 0 { chars } else { 0 };
        let (open, counts) = self.open_text();
        open.push_str(text);
        counts.add(BlockCounts { text: chars, linked, control: false });
    }

    /// Records a button or a field that is left out.
    pub(super) fn add_control(&mut self) {
        self.open_text().1.control = true;
    }

    /// The open cell, or else the open block.
    fn open_text(&mut self) -> (&mut String, &mut BlockCounts) {
        match self.open_tables.iter_mut().rev().find_map(|table| table.cell.as_mut()) {
            Some(cell) => (&mut cell.text, &mut cell.counts),
            None => (&mut self.open, &mut self.counts),
        }
    }

    fn is_in_cell(&self) -> bool {
        self.open_tables.iter().any(|table| table.cell.is_some())
    }

    /// The innermost table, if it is a data table.
    fn data_table(&mut self) -> Option<&mut HtmlTable> {
        if self.data_tables.last() == Some(&true) { self.open_tables.last_mut() } else { None }
    }

    pub(super) fn enter(&mut self, element: &Element, facts: &ElementFacts) {
        match element.name() {
            "table" => {
                self.flush();
                let is_data = !facts.is_layout_table(element) && self.open_tables.len() < MAX_NESTED_TABLES;
                self.data_tables.push(is_data);
                if is_data {
                    self.open_tables.push(HtmlTable::default());
                }
            }
            name @ ("thead" | "tbody" | "tfoot") => match self.data_table() {
                Some(table) => table.open_group(name == "tfoot"),
                _ => self.flush(),
            },
            "tr" => match self.data_table() {
                Some(table) => table.open_row(),
                _ => self.flush(),
            },
            "td" | "th" => match self.data_table() {
                Some(table) => {
                    table.open_cell(TableCell::new(element.attr("colspan"), element.attr("rowspan")));
                }
                _ => self.flush(),
            },
            "pre" => {
                self.flush();
                self.preformatted += 1;
            }
            "br" => self.open_text().0.push('\n'),
            "a" if element.attr("href").is_some() => self.links += 1,
            "li" | "dd" => {
                self.flush();
                self.items += 1;
            }
            name if is_heading(name) || BLOCK_ELEMENTS.contains(&name) => self.flush(),
            _ => {}
        }
    }

    pub(super) fn leave(&mut self, element: &Element) {
        match element.name() {
            "table" => match self.data_tables.pop() {
                Some(true) => self.close_table(),
                _ => self.flush(),
            },
            "td" | "th" => match self.data_table() {
                Some(table) => table.close_cell(),
                _ => self.flush(),
            },
            "pre" => {
                self.flush();
                self.preformatted = self.preformatted.saturating_sub(1);
            }
            "li" | "dd" => {
                self.flush();
                self.items = self.items.saturating_sub(1);
            }
            "a" if element.attr("href").is_some() => self.links = self.links.saturating_sub(1),
            name if is_heading(name) && !self.is_in_cell() => {
                self.push(BlockKind::Heading(name.as_bytes()[1] - b'0'));
                self.has_heading = true;
            }
            name if is_heading(name) || name == "tr" || BLOCK_ELEMENTS.contains(&name) => self.flush(),
            _ => {}
        }
    }

    /// Writes the rows of a table. A table in a cell becomes that cell's text.
    fn close_table(&mut self) {
        let Some(table) = self.open_tables.pop() else { return };
        let in_cell = self.is_in_cell();
        self.flush();
        let mut budget = std::mem::take(&mut self.repeat_budget);
        table.rows(&mut budget, &mut |cells, counts| {
            let cells: Vec<&str> = cells.iter().map(|cell| cell.trim()).collect();
            let end = cells.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1);
            if in_cell {
                let (open, outer) = self.open_text();
                *open += &cells[..end].join(", ");
                *open += "; ";
                outer.add(counts);
            } else {
                self.open = cells[..end].join(" | ");
                self.counts = counts;
                self.push(BlockKind::Row);
            }
        });
        if in_cell {
            let (open, _) = self.open_text();
            open.truncate(open.trim_end_matches("; ").len());
        }
        self.repeat_budget = budget;
    }

    /// Ends the block. In a cell, it only adds a space.
    pub(super) fn flush(&mut self) {
        if self.is_in_cell() {
            self.open_text().0.push(' ');
        } else {
            self.push(match (self.preformatted, self.items) {
                (0, 0) => BlockKind::Text,
                (0, _) => BlockKind::Item,
                _ => BlockKind::Code,
            });
        }
    }

    fn push(&mut self, kind: BlockKind) {
        let text = std::mem::take(&mut self.open);
        let counts = std::mem::take(&mut self.counts);
        let is_heading = matches!(kind, BlockKind::Heading(_));
        let frame = self.frame(counts, &text, is_heading);
        if let Some(block) = self.document.push(kind, &text) {
            block.frame = frame;
        }
    }

    fn frame(&self, counts: BlockCounts, text: &str, is_heading: bool) -> FrameCandidate {
        if counts.linked > 0 && counts.linked * 2 >= counts.text {
            FrameCandidate::Links
        } else if self.outside_main
            || !self.has_heading && !is_heading
            || counts.control
            || normalise(text).starts_with('©')
        {
            FrameCandidate::Text
        } else {
            FrameCandidate::No
        }
    }
}
