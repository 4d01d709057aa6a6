//! Terms with their definitions, and labels with their values, as one item.

use super::{BlockReader, CELL_SEPARATOR, LINE_BREAK, VALUE_SEPARATOR};
use crate::document::{
    BlockKind,
    html::elements::{FieldPart, MAX_TERM_CHARS, MAX_VALUE_CHARS},
};

impl BlockReader {
    /// Begins a part of a field, a record or a row.
    pub(in super::super) fn begin_field_part(&mut self, part: FieldPart) {
        if self.is_lead_open {
            self.open.push(' ');
            return;
        }
        if part == FieldPart::Cell
            && let Some(cells) = &mut self.row_cells
        {
            self.open.push_str(if *cells > 0 { CELL_SEPARATOR } else { "" });
            *cells += 1;
            return;
        }
        self.flush();
        if self.is_in_cell() {
            return;
        }
        match part {
            FieldPart::Row { .. } => self.row_cells = Some(0),
            FieldPart::Record => {
                self.push_term();
                (self.in_field, self.in_record) = (true, true);
            }
            // What stands before the name goes behind it.
            FieldPart::Name => self.before_name = std::mem::take(&mut self.open),
            _ => self.in_field = true,
        }
    }

    /// Ends a part of a field, a record or a row.
    pub(in super::super) fn end_field_part(&mut self, part: FieldPart) {
        if self.is_lead_open {
            return;
        }
        match part {
            FieldPart::Row { is_head } if self.row_cells.take().is_some() => {
                return self.push(if is_head { BlockKind::Head } else { BlockKind::Row });
            }
            FieldPart::Record if self.in_record => return self.push_record(),
            FieldPart::Name if self.in_record => {
                self.trim_separator();
                self.record_name = std::mem::replace(&mut self.open, std::mem::take(&mut self.before_name));
                return;
            }
            FieldPart::Label if self.in_record => {
                self.trim_separator();
                self.open.push_str(if self.open.ends_with(':') { " " } else { ": " });
                return;
            }
            _ if self.in_record || self.row_cells.is_some() => return,
            _ => {}
        }
        if std::mem::take(&mut self.in_field) {
            self.trim_separator();
        }
        match part {
            FieldPart::Label if self.is_in_cell() => {
                let (open, _) = self.open_text();
                open.truncate(open.trim_end().len());
                open.push_str(if open.ends_with(':') { " " } else { ": " });
            }
            FieldPart::Label if self.is_term() => {
                self.open = self.open.replace(LINE_BREAK, " ");
                self.keep_term();
            }
            FieldPart::Value if self.is_definition() => self.push_definition(),
            _ => self.flush(),
        }
    }

    /// Ends the open record: an item with its name and its values.
    fn push_record(&mut self) {
        (self.in_field, self.in_record) = (false, false);
        self.trim_separator();
        let mut values = String::new();
        for line in self.open.split(LINE_BREAK).map(str::trim).filter(|line| !line.is_empty()) {
            values += match values.chars().last() {
                None => "",
                Some(':' | ',' | ';') => " ",
                Some(_) => VALUE_SEPARATOR,
            };
            values += line;
        }
        let name = std::mem::take(&mut self.record_name).replace(LINE_BREAK, " ");
        let mark = if name.trim().is_empty() || name.trim_end().ends_with(':') { "" } else { ":" };
        self.open = format!("{}{mark} {values}", name.trim_end());
        self.push(BlockKind::Item);
    }

    /// Opens the line of an item that leads to a list in it again: `Pay with:`. Returns whether there is one.
    pub(super) fn reopen_lead(&mut self) -> bool {
        if self.items == 0 || self.in_field || self.is_in_cell() || self.term.is_some() {
            return false;
        }
        if self.open.trim().is_empty() && self.document.blocks.len() > self.item_start {
            self.open = self.document.pop_if(|kind, text| kind == BlockKind::Item && text.ends_with(':'));
        }
        self.is_lead_open = self.open.trim_end().ends_with(':');
        self.is_lead_open
    }

    /// Removes a separator of values at the end of the open block.
    pub(super) fn trim_separator(&mut self) {
        self.open.truncate(self.open.trim_end().trim_end_matches(VALUE_SEPARATOR.trim_end()).len());
    }

    /// Keeps the open block as a term whose definition may follow.
    pub(super) fn keep_term(&mut self) {
        self.push_term();
        self.term = Some((std::mem::take(&mut self.open), std::mem::take(&mut self.counts)));
    }

    /// Whether the open block is a short term whose definition may follow.
    pub(super) fn is_term(&self) -> bool {
        let is_text = !self.is_in_cell() && self.preformatted == 0 && self.counts.linked == 0;
        is_text && !self.open.trim().is_empty() && self.open.chars().count() <= MAX_TERM_CHARS
    }

    /// Whether the open block is the whole definition of the term before it, and short.
    pub(super) fn is_definition(&self) -> bool {
        let is_text = !self.is_in_cell() && self.preformatted == 0;
        let value = self.open.trim();
        self.term.is_some() && is_text && !value.is_empty() && value.chars().count() <= MAX_VALUE_CHARS
    }

    /// Ends the open block as the definition of the term before it: an item with both.
    pub(super) fn push_definition(&mut self) {
        if let Some((term, counts)) = self.term.take() {
            self.counts.add(counts);
            let mark = if term.trim_end().ends_with([':', '?', '!', '.']) { "" } else { ":" };
            self.open = format!("{}{mark} {}", term.trim_end(), self.open);
        }
        self.push(BlockKind::Item);
    }

    /// Appends the term that has no short definition.
    pub(super) fn push_term(&mut self) {
        if let Some((term, counts)) = self.term.take() {
            let frame = self.frame(counts, &term, false);
            if let Some(block) = self.document.push(BlockKind::Text, &term) {
                block.frame = frame;
            }
        }
    }
}
