//! Joins the lines of rows whose cells have several lines. Word processors draw such a row cell by cell: all lines of the
//! first, then up again to those of the second.

use super::{
    cells::{MAX_OFFSET, MIN_ROWS},
    lines::{CELL_SEPARATOR, TextLine},
};

/// Two lines of one cell are at most this many sizes apart.
const MAX_LINE_STEP: f64 = 1.5;

/// A cell begins at most this many sizes above what is drawn of its row before.
const MAX_RISE: f64 = 3.0;

/// A line this far below another one, in sizes, is no longer beside it.
const MIN_STEP: f64 = 0.4;

/// Joins lines that begin where the cells of other rows do.
pub(super) fn join_wrapped_cells(lines: &mut Vec<TextLine>) {
    let columns = columns(lines);
    if columns.is_empty() {
        return;
    }
    let mut rows: Vec<OpenRow> = Vec::with_capacity(lines.len());
    for line in lines.drain(..) {
        let is_cell = !near(&columns, line.from, line.size).is_empty();
        let is_of_last = rows.last().is_some_and(|row| row.is_like(&line)) && is_cell;
        if is_of_last && rows.last_mut().is_some_and(|row| row.goes_on(&line)) {
            continue;
        }
        if is_of_last {
            join_first_cell(&mut rows, &line);
            let above = rows.len().checked_sub(2).map(|above| rows[above].bottom);
            if rows.last_mut().is_some_and(|row| row.begins_cell(&line, above)) {
                continue;
            }
        }
        rows.push(OpenRow::new(line));
    }
    lines.extend(rows.into_iter().map(OpenRow::into_line));
}

/// Where at least [`MIN_ROWS`] lines have a cell that is not their first, from left to right.
fn columns(lines: &[TextLine]) -> Vec<f64> {
    let starts: Vec<(f64, f64)> = lines
        .iter()
        .flat_map(|line| line.words.iter().filter(|word| word.is_cell).map(|word| (word.from, line.size)))
        .collect();
    let mut sorted: Vec<f64> = starts.iter().map(|(from, _)| *from).collect();
    sorted.sort_by(f64::total_cmp);
    let is_column = |(from, size): &&(f64, f64)| near(&sorted, *from, *size).len() >= MIN_ROWS;
    let mut columns: Vec<f64> = starts.iter().filter(is_column).map(|(from, _)| *from).collect();
    columns.sort_by(f64::total_cmp);
    columns.dedup();
    columns
}

/// Those of some sorted places that are where a cell with text of a size begins.
fn near(sorted: &[f64], from: f64, size: f64) -> &[f64] {
    let first = sorted.partition_point(|other| from - other > size * MAX_OFFSET);
    let count = sorted[first..].partition_point(|other| other - from <= size * MAX_OFFSET);
    &sorted[first..first + count]
}

/// Joins the lines of a first cell that ends above the cell which begins with `next`.
fn join_first_cell(rows: &mut Vec<OpenRow>, next: &TextLine) {
    while let [.., above, last] = &rows[..] {
        let far = |row: &OpenRow| row.bottom < next.down - next.size * MAX_LINE_STEP;
        let rises = next.down < last.down - next.size * MIN_STEP;
        if !rises || !above.is_one_cell() || !last.is_one_cell() || far(above) || !above.is_above(last) {
            return;
        }
        let Some(last) = rows.pop() else { return };
        if let Some(above) = rows.last_mut() {
            above.add(' ', &last.line);
        }
    }
}

/// A row whose lines are being joined.
struct OpenRow {
    line: TextLine,
    /// Where its last cell begins.
    cell: f64,
    /// The distances down the page of the line that was drawn last, of the highest and of the lowest line.
    down: f64,
    top: f64,
    bottom: f64,
}

impl OpenRow {
    fn new(line: TextLine) -> Self {
        let (cell, down) = (last_cell(&line), line.down);
        Self { line, cell, down, top: down, bottom: down }
    }

    /// The row as one line, where its lowest is.
    fn into_line(mut self) -> TextLine {
        self.line.down = self.bottom;
        self.line
    }

    fn is_like(&self, line: &TextLine) -> bool {
        self.line.turned_as(line) && self.line.is_of_size_of(line)
    }

    fn is_one_cell(&self) -> bool {
        !self.line.text.contains(CELL_SEPARATOR)
    }

    /// Whether another line is the next one of the same cell.
    fn is_above(&self, below: &Self) -> bool {
        let step = below.down - self.bottom;
        self.is_like(&below.line)
            && step > 0.0
            && step <= below.line.size * MAX_LINE_STEP
            && (self.line.from - below.line.from).abs() <= below.line.size * MAX_OFFSET
    }

    /// Takes a line that continues the last cell.
    fn goes_on(&mut self, line: &TextLine) -> bool {
        let (step, near) = (line.down - self.down, line.size * MAX_OFFSET);
        let is_below = step > line.size * MIN_STEP && step <= line.size * MAX_LINE_STEP;
        let goes_on = is_below && (line.from - self.cell).abs() <= near && self.cell > self.line.from + near;
        let goes_on = goes_on && !line.text.contains(CELL_SEPARATOR);
        if goes_on {
            self.add(' ', line);
        }
        goes_on
    }

    /// Takes a line that begins the next cell: it is beside the row, or rises to its beginning, below what is above the row.
    fn begins_cell(&mut self, line: &TextLine, above: Option<f64>) -> bool {
        let begins = line.down <= self.down + line.size * MIN_STEP
            && line.from > self.cell + line.size
            && line.down >= self.top - line.size * MAX_RISE
            && above.is_none_or(|above| above < line.down - line.size * MIN_STEP || above > self.bottom);
        if begins {
            self.add(CELL_SEPARATOR, line);
            self.cell = last_cell(line);
        }
        begins
    }

    fn add(&mut self, separator: char, line: &TextLine) {
        self.line.text.push(separator);
        self.line.text.push_str(&line.text);
        self.line.to = self.line.to.max(line.to);
        self.down = line.down;
        self.top = self.top.min(line.down);
        self.bottom = self.bottom.max(line.down);
    }
}

/// Where the last cell of a line begins.
fn last_cell(line: &TextLine) -> f64 {
    line.words.iter().rev().find(|word| word.is_cell).map_or(line.from, |word| word.from)
}
