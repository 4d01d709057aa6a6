//! A table's grid, laid as the HTML standard lays it, so that each row carries what spans it.

use super::reader::Counts;

/// The standard's limits of `colspan` and `rowspan`.
const MAX_COLUMNS: usize = 1_000;
const MAX_ROWS: usize = 65_534;

/// The longest text that is written again in the other rows and columns that its cell spans, in characters.
const LABEL: usize = 300;

/// A cell, as it is written.
#[derive(Debug, Default)]
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) counts: Counts,
    columns: usize,
    /// Rows that it spans; 0 is all that are left of its group.
    rows: usize,
}

impl Cell {
    /// A cell with the attributes as they are written; what is no number in them is 1.
    pub(super) fn new(colspan: Option<&str>, rowspan: Option<&str>) -> Self {
        let columns = number(colspan).filter(|n| *n > 0).unwrap_or(1).min(MAX_COLUMNS);
        Self { columns, rows: number(rowspan).unwrap_or(1).min(MAX_ROWS), ..Self::default() }
    }
}

/// A number as the standard reads one: its leading digits.
fn number(text: Option<&str>) -> Option<usize> {
    let text = text?.trim_start();
    let text = text.strip_prefix('+').unwrap_or(text);
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    if end == 0 { None } else { Some(text[..end].parse().unwrap_or(usize::MAX)) }
}

/// A table that is open. Its groups are its head, bodies and foot: no cell spans beyond its group.
#[derive(Debug, Default)]
pub(super) struct Table {
    groups: Vec<Group>,
    /// The cell that is open.
    pub(super) cell: Option<Cell>,
}

#[derive(Debug, Default)]
struct Group {
    is_foot: bool,
    rows: Vec<Vec<Cell>>,
}

/// A cell in its place.
struct Placed {
    cell: Cell,
    first: usize,
    /// The column behind its last.
    end: usize,
    row: usize,
    /// The row behind its last.
    row_end: usize,
}

impl Table {
    pub(super) fn open_group(&mut self, is_foot: bool) {
        self.close_cell();
        self.groups.push(Group { is_foot, ..Group::default() });
    }

    pub(super) fn open_row(&mut self) {
        self.close_cell();
        if self.groups.is_empty() {
            self.groups.push(Group::default());
        }
        if let Some(group) = self.groups.last_mut() {
            group.rows.push(Vec::new());
        }
    }

    pub(super) fn open_cell(&mut self, cell: Cell) {
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

    /// Hands out the rows, the foot's last: the texts of their cells, in the order of the columns. `again` is what may be
    /// written again, in characters.
    pub(super) fn rows(mut self, again: &mut usize, each: &mut dyn FnMut(&[&str], Counts)) {
        self.close_cell();
        self.groups.sort_by_key(|group| group.is_foot);
        let groups: Vec<(usize, Vec<Placed>)> =
            self.groups.into_iter().map(|group| (group.rows.len(), place(group.rows))).collect();
        // Only columns that a cell begins in are columns of the table: `colspan=100` means all there are. One that has
        // no text at all, such as that of a picture, is left out.
        let begin =
            groups.iter().flat_map(|(_, cells)| cells).filter(|placed| !placed.cell.text.trim().is_empty());
        let mut columns: Vec<usize> = begin.map(|placed| placed.first).collect();
        columns.sort_unstable();
        columns.dedup();
        for (length, cells) in &groups {
            let mut cells = cells.iter().peekable();
            let mut open: Vec<&Placed> = Vec::new();
            for y in 0..*length {
                open.retain(|placed| placed.row_end > y);
                let mut counts = Counts::default();
                while let Some(placed) = cells.next_if(|placed| placed.row == y) {
                    counts.add(placed.cell.counts);
                    open.push(placed);
                }
                each(&row(&open, y, &columns, again), counts);
            }
        }
    }
}

/// Gives each cell of a group its place: the first column that no cell from a row above spans.
fn place(rows: Vec<Vec<Cell>>) -> Vec<Placed> {
    let length = rows.len();
    let mut placed: Vec<Placed> = Vec::new();
    // The columns that cells from above span, and the row behind each one's last; by their first column.
    let mut above: Vec<(usize, usize, usize)> = Vec::new();
    for (y, row) in rows.into_iter().enumerate() {
        above.retain(|(_, _, row_end)| *row_end > y);
        let mut spanned = above.iter().peekable();
        let mut x = 0;
        let mut down = Vec::new();
        for cell in row {
            while let Some((first, end, _)) = spanned.peek() {
                if *first > x {
                    break;
                }
                x = x.max(*end);
                spanned.next();
            }
            let row_end = if cell.rows == 0 { length } else { (y + cell.rows).min(length) };
            let end = x + cell.columns;
            if row_end > y + 1 {
                down.push((x, end, row_end));
            }
            placed.push(Placed { cell, first: x, end, row: y, row_end });
            x = end;
        }
        above.extend(down);
        above.sort_unstable();
    }
    placed
}

/// The texts of a row's cells, and of those that span it, each in the columns that it spans.
fn row<'a>(open: &[&'a Placed], y: usize, columns: &[usize], again: &mut usize) -> Vec<&'a str> {
    let (own, from_above): (Vec<&Placed>, Vec<&Placed>) = open.iter().partition(|placed| placed.row == y);
    if *again == 0 {
        return own.iter().map(|placed| placed.cell.text.as_str()).collect();
    }
    let mut slots: Vec<Option<&str>> = Vec::new();
    for placed in own.into_iter().chain(from_above) {
        let from = columns.partition_point(|column| *column < placed.first);
        let to = columns.partition_point(|column| *column < placed.end);
        // What names the row is said once, however many columns it spans.
        let to = if from == 0 { to.min(1) } else { to };
        for at in from..to {
            slots.resize(slots.len().max(at + 1), None);
            // Where cells overlap, the one that begins in this row is written.
            if slots[at].is_none() {
                let text = placed.cell.text.as_str();
                let is_first = placed.row == y && at == from;
                slots[at] = Some(if is_first || may_repeat(text, again) { text } else { "" });
            }
        }
    }
    slots.into_iter().map(Option::unwrap_or_default).collect()
}

/// Whether a text may be written once more.
fn may_repeat(text: &str, again: &mut usize) -> bool {
    let chars = text.chars().take(LABEL + 1).count();
    let may = chars <= LABEL && chars < *again;
    *again = again.saturating_sub(if may { chars + 3 } else { 3 });
    may
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows of a table that is written as `a b*2 c/3`: columns behind `*`, rows behind `/`; groups end with `=`.
    fn rows(table: &str) -> Vec<String> {
        let mut open = Table::default();
        for line in table.lines().map(str::trim).filter(|line| !line.is_empty()) {
            if let Some(group) = line.strip_prefix('=') {
                open.open_group(group == "foot");
                continue;
            }
            open.open_row();
            for cell in line.split(' ') {
                let (cell, rows) = cell.split_once('/').map_or((cell, None), |(cell, n)| (cell, Some(n)));
                let (text, columns) = cell.split_once('*').map_or((cell, None), |(cell, n)| (cell, Some(n)));
                open.open_cell(Cell { text: text.replace('.', ""), ..Cell::new(columns, rows) });
            }
        }
        let mut all = Vec::new();
        open.rows(&mut 10_000, &mut |cells, _| all.push(cells.join("|")));
        all
    }

    #[test]
    fn each_row_carries_what_spans_it() {
        assert_eq!(rows("a/2 b c\nd e"), ["a|b|c", "a|d|e"]);
        assert_eq!(rows("a b/2 c\nd e\nf g h"), ["a|b|c", "d|b|e", "f|g|h"]);
        assert_eq!(rows("a b*2\nc d e"), ["a|b|b", "c|d|e"]);
        assert_eq!(rows("a*2/2 b\nc\nd e f"), ["a||b", "a||c", "d|e|f"]);
        assert_eq!(rows("a b c\nnote*100\nd e f"), ["a|b|c", "note", "d|e|f"]);
    }

    #[test]
    fn a_span_ends_with_its_group() {
        assert_eq!(rows("=\na/0 b\nc\nd\n=\ne f"), ["a|b", "a|c", "a|d", "e|f"]);
        assert_eq!(rows("=\na/9 b\nc\n=\nd e"), ["a|b", "a|c", "d|e"]);
        assert_eq!(rows("=foot\nlast\n=\na\nb"), ["a", "b", "last"]);
    }

    #[test]
    fn broken_tables_lose_no_text() {
        // The second row's cell lies over the span from above.
        assert_eq!(rows("a b/2\nc*2\n"), ["a|b", "c|b"]);
        assert_eq!(rows("a b c\nd\n"), ["a|b|c", "d"]);
        assert_eq!(rows("a*0/x b\nc d"), ["a|b", "c|d"]);
        assert_eq!(rows("a*-3 b\nc d"), ["a|b", "c|d"]);
    }

    #[test]
    fn spans_are_bounded() {
        let mut again = 100_000;
        let mut written = 0;
        let mut table = Table::default();
        for _ in 0..2_000 {
            table.open_row();
            for _ in 0..20 {
                let text = "x".repeat(50);
                table.open_cell(Cell { text, ..Cell::new(Some("1000"), Some("65534")) });
            }
        }
        table.rows(&mut again, &mut |cells, _| {
            written += cells.iter().map(|cell| cell.len() + 3).sum::<usize>()
        });
        assert!(written < 2_000 * 20 * 60 + 200_000, "{written}");
    }
}
