//! Lays out a table's grid as in the HTML standard, so that each row repeats the cells that span it.

use hoidap_shared::text::{HEAD_SEPARATOR, may_name_columns};

use super::block_counts::BlockCounts;

/// The standard's limits for `colspan` and `rowspan`.
const MAX_COLUMNS: usize = 1_000;
const MAX_ROWS: usize = 65_534;

/// Most rows that name the columns together; a longer head (`thead`) is data.
const MAX_HEAD_ROWS: usize = 3;

/// Length of what separates two cells, in characters.
const SEPARATOR_CHARS: usize = 3;

/// Longest text that is repeated in the other rows and columns that its cell spans, in characters.
const MAX_REPEATED_CELL_CHARS: usize = 300;

/// A cell with its span.
#[derive(Debug, Default)]
pub(super) struct TableCell {
    pub(super) text: String,
    pub(super) counts: BlockCounts,
    is_head: bool,
    columns: usize,
    /// Rows that it spans; 0 means all remaining rows of its group.
    rows: usize,
}

impl TableCell {
    /// A cell (`is_head` for a `th`) with these attributes; an invalid number counts as 1.
    pub(super) fn new(is_head: bool, colspan: Option<&str>, rowspan: Option<&str>) -> Self {
        let columns = leading_number(colspan).filter(|n| *n > 0).unwrap_or(1).min(MAX_COLUMNS);
        let rows = leading_number(rowspan).unwrap_or(1).min(MAX_ROWS);
        Self { is_head, columns, rows, ..Self::default() }
    }
}

/// A number as in the standard: its leading digits.
fn leading_number(text: Option<&str>) -> Option<usize> {
    let text = text?.trim_start();
    let text = text.strip_prefix('+').unwrap_or(text);
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    if end == 0 { None } else { Some(text[..end].parse().unwrap_or(usize::MAX)) }
}

/// An open table. Its groups are its head, bodies and foot: no cell spans beyond its group.
#[derive(Debug, Default)]
pub(super) struct HtmlTable {
    groups: Vec<RowGroup>,
    /// The open cell.
    pub(super) cell: Option<TableCell>,
}

/// What a group of rows is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum GroupKind {
    Head,
    #[default]
    Body,
    Foot,
}

#[derive(Debug, Default)]
struct RowGroup {
    kind: GroupKind,
    rows: Vec<Vec<TableCell>>,
}

/// A row of a table as text.
#[derive(Debug)]
pub(super) struct HtmlTableRow {
    /// Its cells in column order: as many as the table has columns, or one, which spans them all.
    pub(super) cells: Vec<String>,
    pub(super) counts: BlockCounts,
    /// Whether it names the columns.
    pub(super) is_head: bool,
    /// Whether it is the title above the names of the columns.
    pub(super) is_title: bool,
    /// Whether it stands in the table's head (`thead`).
    in_head: bool,
    /// Whether each of its cells is a `th`, and whether one is.
    all_named: bool,
    any_named: bool,
    /// Whether one of its cells spans several rows or columns.
    spans: bool,
    /// Rows that its tallest cell spans, where a cell of one row spans several columns; else 1.
    head_rows: usize,
}

/// A cell with its position in the grid.
struct PlacedCell {
    cell: TableCell,
    first: usize,
    /// Its end column, exclusive.
    end: usize,
    row: usize,
    /// Its end row, exclusive.
    row_end: usize,
}

impl HtmlTable {
    pub(super) fn open_group(&mut self, kind: GroupKind) {
        self.close_cell();
        self.groups.push(RowGroup { kind, ..RowGroup::default() });
    }

    pub(super) fn open_row(&mut self) {
        self.close_cell();
        if self.groups.is_empty() {
            self.groups.push(RowGroup::default());
        }
        if let Some(group) = self.groups.last_mut() {
            group.rows.push(Vec::new());
        }
    }

    pub(super) fn open_cell(&mut self, cell: TableCell) {
        self.close_cell();
        self.cell = Some(cell);
    }

    pub(super) fn close_cell(&mut self) {
        let Some(cell) = self.cell.take() else { return };
        if self.groups.last().is_none_or(|group| group.rows.is_empty()) {
            self.open_row();
        }
        if let Some(row) = self.groups.last_mut().and_then(|group| group.rows.last_mut()) {
            row.push(cell);
        }
    }

    /// The rows, the foot's last. Rows that name the columns together become one. `budget` is how many characters may be repeated.
    pub(super) fn rows(self, budget: &mut usize) -> Vec<HtmlTableRow> {
        let laid_out = self.laid_out(budget);
        let in_head = laid_out.iter().filter(|row| row.in_head).count();
        let mut rows: Vec<HtmlTableRow> = Vec::new();
        let mut joined = 1;
        let mut above_is_named = false;
        for mut row in laid_out {
            let above_is_head = rows.last().is_some_and(|above| above.is_head);
            let names =
                row.all_named && !above_is_named && !above_is_head || row.in_head && in_head <= MAX_HEAD_ROWS;
            let several = row.cells.len() > 1;
            above_is_named = row.all_named && several;
            match rows.last_mut().filter(|above| above.is_head && several && joined < MAX_HEAD_ROWS) {
                Some(above) if above.in_head && row.in_head || above.spans && row.all_named => {
                    above.join_head(row);
                    joined += 1;
                }
                _ => {
                    row.is_head = names && several;
                    joined = 1;
                    rows.push(row);
                }
            }
        }
        // Names of columns without a row below them name nothing.
        let mut is_named = false;
        for row in rows.iter_mut().rev() {
            row.is_head &= is_named;
            is_named = !row.is_head && (is_named || row.cells.len() > 1);
        }
        guess_head(&mut rows);
        rows
    }

    fn laid_out(mut self, budget: &mut usize) -> Vec<HtmlTableRow> {
        self.close_cell();
        self.groups.sort_by_key(|group| group.kind == GroupKind::Foot);
        let groups: Vec<(GroupKind, usize, Vec<PlacedCell>)> = self
            .groups
            .into_iter()
            .map(|group| (group.kind, group.rows.len(), place_cells(group.rows)))
            .collect();
        // Only columns in which a cell begins count, since `colspan=100` means all columns. Columns without any text, such as
        // those of pictures, are left out.
        let begin = groups
            .iter()
            .flat_map(|(_, _, cells)| cells)
            .filter(|placed| !placed.cell.text.trim().is_empty());
        let mut columns: Vec<usize> = begin.map(|placed| placed.first).collect();
        columns.sort_unstable();
        columns.dedup();
        let mut rows = Vec::new();
        for (kind, length, cells) in &groups {
            let mut cells = cells.iter().peekable();
            let mut open: Vec<&PlacedCell> = Vec::new();
            for y in 0..*length {
                open.retain(|placed| placed.row_end > y);
                let mut counts = BlockCounts::default();
                while let Some(placed) = cells.next_if(|placed| placed.row == y) {
                    counts.add(placed.cell.counts);
                    open.push(placed);
                }
                let mut cells: Vec<String> = row_texts(&open, y, &columns, budget)
                    .into_iter()
                    .map(|cell| cell.trim().to_string())
                    .collect();
                let end = cells.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1);
                let missing = columns.len().saturating_sub(end) * SEPARATOR_CHARS;
                cells.truncate(end.max(1));
                if end > 1 && missing <= *budget {
                    cells.resize(columns.len().max(end), String::new());
                    *budget -= missing;
                }
                let own = || open.iter().filter(|placed| placed.row == y);
                let tallest = own().map(|placed| placed.row_end - y).max().unwrap_or(1);
                let mut shown = open.iter().filter(|placed| !placed.cell.text.trim().is_empty());
                rows.push(HtmlTableRow {
                    cells,
                    counts,
                    is_head: false,
                    is_title: false,
                    in_head: *kind == GroupKind::Head,
                    any_named: shown.clone().any(|placed| placed.cell.is_head),
                    all_named: shown.all(|placed| placed.cell.is_head),
                    spans: own().any(|placed| placed.cell.columns > 1 || placed.cell.rows != 1),
                    head_rows: if own().any(|placed| placed.cell.columns > 1 && placed.row_end == y + 1) {
                        tallest
                    } else {
                        1
                    },
                });
            }
        }
        rows
    }
}

impl HtmlTableRow {
    /// Adds the names of the next row behind these: `Price / Month`.
    fn join_head(&mut self, next: Self) {
        self.counts.add(next.counts);
        for (cell, below) in self.cells.iter_mut().zip(next.cells) {
            if cell.is_empty() {
                *cell = below;
            } else if !below.is_empty() && *cell != below {
                cell.push_str(HEAD_SEPARATOR);
                cell.push_str(&below);
            }
        }
    }
}

/// In a table without any `th`, the first row names the columns if it is short, has no digits, and a row of as many cells follows.
/// Rows of one cell before it are the table's title.
fn guess_head(rows: &mut Vec<HtmlTableRow>) {
    let titles = rows.iter().take_while(|row| row.cells.len() == 1).count();
    let any_named = rows[titles..].iter().any(|row| row.any_named || row.in_head);
    if !any_named {
        join_spanned_head(rows, titles);
    }
    let (titles, rows) = rows.split_at_mut(titles);
    if let [first, second, ..] = rows
        && !any_named
        && first.cells.len() > 1
        && second.cells.len() == first.cells.len()
    {
        first.is_head = may_name_columns(&first.cells);
    }
    let has_head = rows.first().is_some_and(|first| first.is_head);
    for title in titles {
        title.is_title = has_head;
    }
}

/// Joins the rows of a head that only its spans show: one cell stands above several columns, another beside all rows.
fn join_spanned_head(rows: &mut Vec<HtmlTableRow>, first: usize) {
    let Some(head_rows) = rows.get(first).map(|row| row.head_rows) else { return };
    let (width, end) = (rows[first].cells.len(), first + head_rows);
    let name_columns = |row: &HtmlTableRow| {
        row.cells.len() == width && row.cells.iter().all(|cell| may_name_columns(&[cell]))
    };
    if (2..=MAX_HEAD_ROWS).contains(&head_rows)
        && end < rows.len()
        && rows[first..end].iter().all(name_columns)
    {
        for row in rows.drain(first + 1..end).collect::<Vec<_>>() {
            rows[first].join_head(row);
        }
    }
}

/// The columns and the end row of a cell that spans rows below it; `end` and `row_end` are exclusive.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct DownSpan {
    first: usize,
    end: usize,
    row_end: usize,
}

/// Places the cells of a group: each in the first column that no cell from above spans.
fn place_cells(rows: Vec<Vec<TableCell>>) -> Vec<PlacedCell> {
    let length = rows.len();
    let mut placed: Vec<PlacedCell> = Vec::new();
    // The cells that span down, sorted by first column.
    let mut above: Vec<DownSpan> = Vec::new();
    for (y, row) in rows.into_iter().enumerate() {
        above.retain(|span| span.row_end > y);
        let mut spanned = above.iter().peekable();
        let mut x = 0;
        let mut down = Vec::new();
        for cell in row {
            while let Some(DownSpan { first, end, .. }) = spanned.peek() {
                if *first > x {
                    break;
                }
                x = x.max(*end);
                spanned.next();
            }
            let row_end = if cell.rows == 0 { length } else { (y + cell.rows).min(length) };
            let end = x + cell.columns;
            if row_end > y + 1 {
                down.push(DownSpan { first: x, end, row_end });
            }
            placed.push(PlacedCell { cell, first: x, end, row: y, row_end });
            x = end;
        }
        above.extend(down);
        above.sort_unstable();
    }
    placed
}

/// The texts of a row's own and spanning cells, each in the columns that it spans.
fn row_texts<'a>(open: &[&'a PlacedCell], y: usize, columns: &[usize], budget: &mut usize) -> Vec<&'a str> {
    let (own, from_above): (Vec<&PlacedCell>, Vec<&PlacedCell>) =
        open.iter().partition(|placed| placed.row == y);
    if *budget == 0 {
        return own.iter().map(|placed| placed.cell.text.as_str()).collect();
    }
    let mut slots: Vec<Option<&str>> = Vec::new();
    for placed in own.into_iter().chain(from_above) {
        let from = columns.partition_point(|column| *column < placed.first);
        let to = columns.partition_point(|column| *column < placed.end);
        // The first cell of a row is not repeated, however many columns it spans.
        let to = if from == 0 { to.min(1) } else { to };
        for at in from..to {
            slots.resize(slots.len().max(at + 1), None);
            // When cells overlap, the one that begins in this row wins.
            if slots[at].is_none() {
                let text = placed.cell.text.as_str();
                let is_first = placed.row == y && at == from;
                slots[at] = Some(if is_first || may_repeat(text, budget) { text } else { "" });
            }
        }
    }
    slots.into_iter().map(Option::unwrap_or_default).collect()
}

/// Whether a text may be repeated; reduces the budget.
fn may_repeat(text: &str, budget: &mut usize) -> bool {
    let chars = text.chars().take(MAX_REPEATED_CELL_CHARS + 1).count();
    let may = chars <= MAX_REPEATED_CELL_CHARS && chars < *budget;
    *budget = budget.saturating_sub(if may { chars + SEPARATOR_CHARS } else { SEPARATOR_CHARS });
    may
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows of a table that is written as `!a b*2 c/3`: `!` for a `th`, columns behind `*`, rows behind `/`, `.` for an empty
    /// cell; groups begin with `=`. Rows that name columns come with `#`.
    fn rows(table: &str) -> Vec<String> {
        let mut open = HtmlTable::default();
        for line in table.lines().map(str::trim).filter(|line| !line.is_empty()) {
            if let Some(group) = line.strip_prefix('=') {
                open.open_group(match group {
                    "head" => GroupKind::Head,
                    "foot" => GroupKind::Foot,
                    _ => GroupKind::Body,
                });
                continue;
            }
            open.open_row();
            for cell in line.split(' ') {
                let (cell, rows) = cell.split_once('/').map_or((cell, None), |(cell, n)| (cell, Some(n)));
                let (text, columns) = cell.split_once('*').map_or((cell, None), |(cell, n)| (cell, Some(n)));
                let is_head = text.starts_with('!');
                let text = text.trim_start_matches('!').replace('.', "");
                open.open_cell(TableCell { text, ..TableCell::new(is_head, columns, rows) });
            }
        }
        let rows = open.rows(&mut 10_000).into_iter();
        let mark = |row: &HtmlTableRow| match (row.is_head, row.is_title) {
            (true, _) => "# ",
            (_, true) => "= ",
            _ => "",
        };
        rows.map(|row| format!("{}{}", mark(&row), row.cells.join("|"))).collect()
    }

    /// The rows without the marks of those that name columns.
    fn texts(table: &str) -> Vec<String> {
        rows(table).iter().map(|row| row.trim_start_matches(['#', '=', ' ']).to_string()).collect()
    }

    #[test]
    fn each_row_carries_what_spans_it() {
        assert_eq!(texts("a/2 b c\nd e"), ["a|b|c", "a|d|e"]);
        assert_eq!(texts("a b/2 c\nd e\nf g h"), ["a|b|c", "d|b|e", "f|g|h"]);
        assert_eq!(texts("a b*2\nc d e"), ["a|b|b", "c|d|e"]);
        assert_eq!(texts("a*2/2 b\nc\nd e f"), ["a||b", "a||c", "d|e|f"]);
        assert_eq!(texts("a b c\nnote*100\nd e f"), ["a|b|c", "note", "d|e|f"]);
    }

    #[test]
    fn every_row_has_as_many_cells_as_the_table_has_columns() {
        assert_eq!(rows("!. !b !c\nd e .\nf . g\nh . ."), ["# |b|c", "d|e|", "f||g", "h"]);
    }

    #[test]
    fn the_rows_that_name_the_columns_are_one() {
        assert_eq!(rows("!a !b\nc d\ne f"), ["# a|b", "c|d", "e|f"]);
        assert_eq!(rows("=head\na b\n=\nc d"), ["# a|b", "c|d"]);
        assert_eq!(rows("!a/2 !b*2\n!c !d\ne f g"), ["# a|b / c|b / d", "e|f|g"]);
        assert_eq!(rows("a/2 b*2\nc d\ne 1 2"), ["# a|b / c|b / d", "e|1|2"]);
        assert_eq!(rows("a/2 b*2\n3 4\ne 1 2"), ["# a|b|b", "a|3|4", "e|1|2"]);
        // Data in `th`, a head that is the whole table, a title under the names.
        assert_eq!(rows("=head\na b\n=\n!c !d\ne f"), ["# a|b", "c|d", "e|f"]);
        assert_eq!(rows("!a !b\n!c !d\n!e !f"), ["# a|b", "c|d", "e|f"]);
        assert_eq!(rows("=head\na b\nc d\ne f\ng h"), ["a|b", "c|d", "e|f", "g|h"]);
        assert_eq!(rows("!a !b\nt*2\nc d"), ["# a|b", "t", "c|d"]);
        // A row named by its first cell, a title above the names, a title inside, names without rows.
        assert_eq!(rows("!a b\n!c d"), ["a|b", "c|d"]);
        assert_eq!(rows("!t*2\n!a !b\nc d\n!u*2\ne f"), ["= t", "# a|b", "c|d", "u", "e|f"]);
        assert_eq!(rows("a b\n!c !d"), ["a|b", "c|d"]);
    }

    #[test]
    fn the_names_of_the_columns_are_guessed_below_the_title_of_the_table() {
        assert_eq!(rows("t*2\na b\nc 1\nu*2\nd 2"), ["= t", "# a|b", "c|1", "u", "d|2"]);
        assert_eq!(rows("t1*9\nt2 .\na b\nc 1"), ["= t1", "= t2", "# a|b", "c|1"]);
        assert_eq!(rows("!t*2\na b\nc 1"), ["= t", "# a|b", "c|1"]);
        assert_eq!(rows("t*2\n. b\nc 1"), ["= t", "# |b", "c|1"]);
        // No names below it, and a table of one column.
        assert_eq!(rows("t*2\na 1\nc 2"), ["t", "a|1", "c|2"]);
        assert_eq!(rows("t\na\nb"), ["t", "a", "b"]);
    }

    #[test]
    fn a_span_ends_with_its_group() {
        assert_eq!(texts("=\na/0 b\nc\nd\n=\ne f"), ["a|b", "a|c", "a|d", "e|f"]);
        assert_eq!(texts("=\na/9 b\nc\n=\nd e"), ["a|b", "a|c", "d|e"]);
        assert_eq!(texts("=foot\nlast\n=\na\nb"), ["a", "b", "last"]);
    }

    #[test]
    fn broken_tables_lose_no_text() {
        // The second row's cell lies over the span from above.
        assert_eq!(texts("a b/2\nc*2\n"), ["a|b", "c|b"]);
        assert_eq!(texts("a b c\nd\n"), ["a|b|c", "d"]);
        assert_eq!(texts("a*0/x b\nc d"), ["a|b", "c|d"]);
        assert_eq!(texts("a*-3 b\nc d"), ["a|b", "c|d"]);
    }

    #[test]
    fn spans_are_bounded() {
        let mut budget = 100_000;
        let mut written = 0;
        let mut table = HtmlTable::default();
        for _ in 0..2_000 {
            table.open_row();
            for _ in 0..20 {
                let text = "x".repeat(50);
                table.open_cell(TableCell { text, ..TableCell::new(false, Some("1000"), Some("65534")) });
            }
        }
        for row in table.rows(&mut budget) {
            written += row.cells.iter().map(|cell| cell.len() + 3).sum::<usize>();
        }
        assert!(written < 2_000 * 20 * 60 + 200_000, "{written}");
    }
}
