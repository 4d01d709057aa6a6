//! The text of a page, block by block, as its elements open and close.

use hoidap_shared::text::normalise;
use scraper::node::Element;

use super::{
    is_heading,
    survey::Facts,
    table::{Cell, Table},
};
use crate::document::{BlockKind, Document, Frame};

/// Elements that begin and end a block of text.
const BLOCKS: [&str; 36] = [
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

/// What may be written again of cells that span rows and columns, in characters of one page.
const WRITTEN_AGAIN: usize = 2_000_000;

/// Tables in cells of tables, beyond which a table is only text.
const NESTED_TABLES: usize = 4;

/// What a block, or a cell, is made of.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    text: usize,
    linked: usize,
    /// It has a button or a field.
    control: bool,
}

impl Counts {
    pub(super) fn add(&mut self, other: Self) {
        self.text += other.text;
        self.linked += other.linked;
        self.control |= other.control;
    }
}

/// The page so far, and the block that is open.
pub(super) struct Reader {
    pub(super) document: Document,
    /// Whether what is read now stands beside the page's main part.
    pub(super) is_beside: bool,
    open: String,
    counts: Counts,
    preformatted: usize,
    /// Items of lists that are open.
    items: usize,
    links: usize,
    has_heading: bool,
    /// For each table that is open, whether it is a grid; the others only place what is in them. And the grids.
    is_grid: Vec<bool>,
    grids: Vec<Table>,
    written_again: usize,
}

impl Reader {
    pub(super) fn new(document: Document) -> Self {
        Self {
            document,
            is_beside: false,
            open: String::new(),
            counts: Counts::default(),
            preformatted: 0,
            items: 0,
            links: 0,
            has_heading: false,
            is_grid: Vec::new(),
            grids: Vec::new(),
            written_again: WRITTEN_AGAIN,
        }
    }

    pub(super) fn text(&mut self, text: &str) {
        let chars = text.chars().filter(|c| !c.is_whitespace()).count();
        let linked = if self.links > 0 { chars } else { 0 };
        let (open, counts) = self.target();
        open.push_str(text);
        counts.add(Counts { text: chars, linked, control: false });
    }

    /// A button or a field that is left out.
    pub(super) fn control(&mut self) {
        self.target().1.control = true;
    }

    /// The cell that is open, else the block.
    fn target(&mut self) -> (&mut String, &mut Counts) {
        match self.grids.iter_mut().rev().find_map(|table| table.cell.as_mut()) {
            Some(cell) => (&mut cell.text, &mut cell.counts),
            None => (&mut self.open, &mut self.counts),
        }
    }

    fn is_in_cell(&self) -> bool {
        self.grids.iter().any(|table| table.cell.is_some())
    }

    /// The innermost table, when it is a grid.
    fn grid(&mut self) -> Option<&mut Table> {
        if self.is_grid.last() == Some(&true) { self.grids.last_mut() } else { None }
    }

    pub(super) fn enter(&mut self, element: &Element, facts: &Facts) {
        match element.name() {
            "table" => {
                self.flush();
                let is_grid = !facts.places(element) && self.grids.len() < NESTED_TABLES;
                self.is_grid.push(is_grid);
                if is_grid {
                    self.grids.push(Table::default());
                }
            }
            name @ ("thead" | "tbody" | "tfoot") => match self.grid() {
                Some(table) => table.open_group(name == "tfoot"),
                _ => self.flush(),
            },
            "tr" => match self.grid() {
                Some(table) => table.open_row(),
                _ => self.flush(),
            },
            "td" | "th" => match self.grid() {
                Some(table) => {
                    table.open_cell(Cell::new(element.attr("colspan"), element.attr("rowspan")));
                }
                _ => self.flush(),
            },
            "pre" => {
                self.flush();
                self.preformatted += 1;
            }
            "br" => self.target().0.push('\n'),
            "a" if element.attr("href").is_some() => self.links += 1,
            "li" | "dd" => {
                self.flush();
                self.items += 1;
            }
            name if is_heading(name) || BLOCKS.contains(&name) => self.flush(),
            _ => {}
        }
    }

    pub(super) fn leave(&mut self, element: &Element) {
        match element.name() {
            "table" => match self.is_grid.pop() {
                Some(true) => self.close(),
                _ => self.flush(),
            },
            "td" | "th" => match self.grid() {
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
            name if is_heading(name) || name == "tr" || BLOCKS.contains(&name) => self.flush(),
            _ => {}
        }
    }

    /// Writes the rows of a table; one that stands in a cell becomes that cell's text.
    fn close(&mut self) {
        let Some(table) = self.grids.pop() else { return };
        let in_cell = self.is_in_cell();
        self.flush();
        let mut again = std::mem::take(&mut self.written_again);
        table.rows(&mut again, &mut |cells, counts| {
            let cells: Vec<&str> = cells.iter().map(|cell| cell.trim()).collect();
            let end = cells.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1);
            if in_cell {
                let (open, outer) = self.target();
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
            let (open, _) = self.target();
            open.truncate(open.trim_end_matches("; ").len());
        }
        self.written_again = again;
    }

    /// Ends the block; in a cell, a block is only a part of its row.
    pub(super) fn flush(&mut self) {
        if self.is_in_cell() {
            self.target().0.push(' ');
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

    fn frame(&self, counts: Counts, text: &str, is_heading: bool) -> Frame {
        if counts.linked > 0 && counts.linked * 2 >= counts.text {
            Frame::Links
        } else if self.is_beside
            || !self.has_heading && !is_heading
            || counts.control
            || normalise(text).starts_with('©')
        {
            Frame::Text
        } else {
            Frame::No
        }
    }
}
