//! Collects the text of a page block by block, as its elements open and close.

mod footer;
mod seams;
mod terms;

use hoidap_shared::text::normalise;
use scraper::node::Element;

use self::{footer::OpenFooter, seams::Seam};
use super::{
    block_counts::BlockCounts,
    boilerplate_names::is_page_link,
    elements::is_block,
    is_heading,
    survey::ElementFacts,
    tab_panels::TabPanels,
    table::{GroupKind, HtmlTable, HtmlTableRow, TableCell},
};
use crate::document::{
    BlockKind, Document, FrameCandidate,
    line_groups::{LineGroup, group_lines, raised_digit},
};

/// The level of a heading that is the title of a text which a visitor opens.
const TITLE_LEVEL: u8 = 6;

/// Most text of spanning cells that is repeated, in characters per page.
const MAX_REPEATED_CHARS: usize = 2_000_000;

/// Deepest nesting of tables; a deeper table is only text.
const MAX_NESTED_TABLES: usize = 4;

/// A line break of the page (`<br>`), until its block is read. Line breaks of the file are only white space.
const LINE_BREAK: char = '\u{2028}';

/// Separate the parts of the path to a page.
const PATH_SEPARATORS: [char; 4] = ['>', '›', '»', '→'];

/// Separates the cells of a row.
const CELL_SEPARATOR: &str = " | ";

/// Separates the values of one label, and the rows of a table in a cell.
const VALUE_SEPARATOR: &str = "; ";

/// The document so far, and the open block.
pub(super) struct BlockReader {
    pub(super) document: Document,
    /// Whether the current position is outside the page's main part.
    pub(super) outside_main: bool,
    /// Number of open elements that are a few words and their buttons.
    pub(super) around_controls: usize,
    footer: Option<OpenFooter>,
    seam: Seam,
    open: String,
    counts: BlockCounts,
    preformatted: usize,
    /// Number of open list items.
    items: usize,
    links: usize,
    /// Number of open raised texts.
    raised: usize,
    has_heading: bool,
    /// The term (`dt`, or the label of a field) before the open block, which is not in the document yet.
    term: Option<(String, BlockCounts)>,
    /// Whether the open block is the label or the value of a field, or an item with the short list in it.
    in_field: bool,
    is_lead_open: bool,
    /// Whether the open block is the title of a text which a visitor opens.
    in_title: bool,
    /// Whether a record is open; its name, and the text before that.
    in_record: bool,
    record_name: String,
    before_name: String,
    /// Number of cells of the open row of a table that is made of other elements.
    row_cells: Option<usize>,
    /// Number of blocks before the last item that was opened.
    item_start: usize,
    panels: TabPanels,
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
            around_controls: 0,
            footer: None,
            seam: Seam::None,
            open: String::new(),
            counts: BlockCounts::default(),
            preformatted: 0,
            items: 0,
            links: 0,
            raised: 0,
            has_heading: false,
            term: None,
            in_field: false,
            is_lead_open: false,
            in_title: false,
            in_record: false,
            record_name: String::new(),
            before_name: String::new(),
            row_cells: None,
            item_start: 0,
            panels: TabPanels::default(),
            data_tables: Vec::new(),
            open_tables: Vec::new(),
            repeat_budget: MAX_REPEATED_CHARS,
        }
    }

    pub(super) fn text(&mut self, text: &str) {
        let chars = text.chars().filter(|c| !c.is_whitespace()).count();
        let linked = if self.links > 0 { chars } else { 0 };
        let is_raised = self.raised > 0 && text.trim().chars().all(|c| c.is_ascii_digit());
        let seam = if text.is_empty() { self.seam } else { std::mem::take(&mut self.seam) };
        let (open, counts) = self.open_text();
        if seam.parts(open, text) {
            open.push(' ');
        }
        if is_raised && open.ends_with(char::is_alphanumeric) {
            open.extend(text.chars().map(raised_digit));
        } else {
            open.push_str(text);
        }
        counts.add(BlockCounts { text: chars, linked, ..BlockCounts::default() });
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
        self.seam = self.seam.begin(element);
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
                Some(table) => table.open_group(match name {
                    "thead" => GroupKind::Head,
                    "tfoot" => GroupKind::Foot,
                    _ => GroupKind::Body,
                }),
                _ => self.flush(),
            },
            "tr" => match self.data_table() {
                Some(table) => table.open_row(),
                _ => self.flush(),
            },
            name @ ("td" | "th") => match self.data_table() {
                Some(table) => {
                    let (columns, rows) = (element.attr("colspan"), element.attr("rowspan"));
                    table.open_cell(TableCell::new(name == "th", columns, rows));
                }
                _ => self.flush(),
            },
            "pre" => {
                self.flush();
                self.preformatted += 1;
            }
            "br" if self.preformatted > 0 => self.open_text().0.push('\n'),
            "br" => self.open_text().0.push(LINE_BREAK),
            "sup" => self.raised += 1,
            "a" if is_page_link(element) => {
                self.links += 1;
                self.open_text().1.links += 1;
            }
            "li" | "dd" => {
                self.flush();
                self.items += 1;
                self.item_start = self.document.blocks.len();
            }
            "ul" | "ol" if facts.is_short_list() && self.reopen_lead() => self.in_field = true,
            name if is_block(name) => self.flush(),
            _ => {}
        }
    }

    pub(super) fn leave(&mut self, element: &Element) {
        self.seam = self.seam.end(element);
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
            "dd" if self.is_definition() => {
                self.push_definition();
                self.items = self.items.saturating_sub(1);
            }
            "li" | "dd" => {
                self.flush();
                self.items = self.items.saturating_sub(1);
            }
            "dt" if self.is_term() => self.keep_term(),
            "ul" | "ol" if self.in_field && self.is_lead_open => {
                self.trim_separator();
                (self.in_field, self.is_lead_open) = (false, false);
            }
            "a" if is_page_link(element) => self.links = self.links.saturating_sub(1),
            "sup" => self.raised = self.raised.saturating_sub(1),
            name if is_heading(name) && !self.is_in_cell() => {
                self.push(BlockKind::Heading(name.as_bytes()[1] - b'0'));
                self.has_heading = true;
            }
            name if is_block(name) || name == "tr" => self.flush(),
            _ => {}
        }
    }

    /// Begins a block that is the title of a text which a visitor opens.
    pub(super) fn begin_title(&mut self) {
        self.flush();
        self.in_title = true;
    }

    /// Ends the block as the heading of that text.
    pub(super) fn end_title(&mut self) {
        self.in_title = false;
        // A link to no other page.
        (self.counts.linked, self.counts.links) = (0, 0);
        if self.is_in_cell() {
            self.flush();
        } else {
            self.push(BlockKind::Heading(TITLE_LEVEL));
        }
    }

    /// Begins a panel, with the name of its tab.
    pub(super) fn begin_panel(&mut self, name: &str) {
        self.flush();
        if self.is_in_cell() {
            let (open, _) = self.open_text();
            *open += name;
            *open += ": ";
        }
        self.push_term();
        self.panels.begin((!self.is_in_cell()).then(|| name.to_string()));
    }

    /// Ends a panel.
    pub(super) fn end_panel(&mut self) {
        self.flush();
        self.push_term();
        self.panels.end();
    }

    /// Writes the rows of a table. A table in a cell becomes that cell's text.
    fn close_table(&mut self) {
        let Some(table) = self.open_tables.pop() else { return };
        let in_cell = self.is_in_cell();
        self.flush();
        let mut budget = std::mem::take(&mut self.repeat_budget);
        for HtmlTableRow { cells, counts, is_head, is_title, .. } in table.rows(&mut budget) {
            if in_cell {
                let (open, outer) = self.open_text();
                *open += cells.join(", ").trim_end_matches(", ");
                *open += VALUE_SEPARATOR;
                outer.add(counts);
            } else {
                self.open = cells.join(CELL_SEPARATOR);
                self.counts = counts;
                self.push(match (is_head, is_title) {
                    (true, _) => BlockKind::Head,
                    (_, true) => BlockKind::Text,
                    _ => BlockKind::Row,
                });
            }
        }
        if in_cell {
            let (open, _) = self.open_text();
            open.truncate(open.trim_end_matches(VALUE_SEPARATOR).len());
        }
        self.repeat_budget = budget;
    }

    /// Ends the block. In a cell, it only adds a space, and in a field a separator.
    pub(super) fn flush(&mut self) {
        if self.is_in_cell() {
            self.open_text().0.push(' ');
        } else if self.row_cells.is_some() || self.in_title {
            self.open.push(' ');
        } else if self.in_field {
            self.trim_separator();
            if (self.is_lead_open || self.in_record) && self.open.ends_with(':') {
                self.open.push(' ');
            } else if !self.open.is_empty() {
                self.open += VALUE_SEPARATOR;
            }
        } else {
            self.push(match (self.preformatted, self.items) {
                (0, 0) => BlockKind::Text,
                (0, _) => BlockKind::Item,
                _ => BlockKind::Code,
            });
        }
    }

    /// Ends the last block and returns the document.
    pub(super) fn finish(mut self) -> Document {
        self.flush();
        self.push_term();
        self.document
    }

    fn push(&mut self, kind: BlockKind) {
        let text = std::mem::take(&mut self.open);
        if text.trim().is_empty() {
            self.counts = BlockCounts::default();
            return;
        }
        for (level, name) in self.panels.names_before(kind, &text) {
            self.document.push(BlockKind::Heading(level), &name);
        }
        let kind = match kind {
            BlockKind::Heading(level) => BlockKind::Heading(self.panels.heading_level(level)),
            kind => kind,
        };
        let counts = std::mem::take(&mut self.counts);
        if kind == BlockKind::Text && is_page_path(counts, &text) {
            return;
        }
        let is_heading = matches!(kind, BlockKind::Heading(_));
        let frame = self.frame(counts, &text, is_heading);
        self.push_term();
        let mut append = |kind: BlockKind, text: &str| {
            if let Some(block) = self.document.push(kind, text) {
                block.frame = frame;
            }
        };
        if matches!(kind, BlockKind::Text | BlockKind::Item) && text.contains(LINE_BREAK) {
            let mut groups = group_lines(text.split(LINE_BREAK));
            if kind == BlockKind::Item {
                // An item stays whole, unless it lists items of its own.
                let lines = std::mem::take(&mut groups);
                for group in lines {
                    match groups.last_mut().filter(|_| !group.is_item) {
                        Some(item) => item.text = format!("{} {}", item.text, group.text),
                        None => groups.push(LineGroup { is_item: true, ..group }),
                    }
                }
            }
            for group in groups {
                append(if group.is_item { BlockKind::Item } else { BlockKind::Text }, &group.text);
            }
        } else {
            append(kind, &text);
        }
    }

    fn frame(&self, counts: BlockCounts, text: &str, is_heading: bool) -> FrameCandidate {
        if counts.linked > 0 && counts.linked * 2 >= counts.text {
            FrameCandidate::Links
        } else if self.footer.is_some() && !counts.control && self.around_controls == 0 {
            FrameCandidate::Footer
        } else if self.outside_main
            || !self.has_heading && !is_heading
            || counts.control
            || self.around_controls > 0
            || counts.links > 1 && counts.linked * 3 >= counts.text
            || normalise(text).starts_with('©')
        {
            FrameCandidate::Text
        } else {
            FrameCandidate::No
        }
    }
}

/// Whether a text is the path to the page: `Home › Loans › Home loans`. All its parts are links, or all but the last.
fn is_page_path(counts: BlockCounts, text: &str) -> bool {
    let parts = text.split(PATH_SEPARATORS).map(|part| part.chars().filter(|c| !c.is_whitespace()).count());
    let parts: Vec<usize> = parts.collect();
    let Some((last, linked)) = parts.split_last() else { return false };
    let named: usize = linked.iter().sum();
    named > 0 && counts.links + 1 >= parts.len() && [named, named + last].contains(&counts.linked)
}
