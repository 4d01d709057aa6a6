//! Finds cells that are close to each other, by the cells of the rows around them.

use super::lines::{CELL_SEPARATOR, TextLine};

/// Rows above and below that show where columns begin.
const NEIGHBOURS: usize = 8;

/// Fewest rows whose cell begins where a word does.
pub(super) const MIN_ROWS: usize = 2;

/// A word begins where a cell does if it is nearer than this, in sizes.
pub(super) const MAX_OFFSET: f64 = 0.15;

/// The gap before a cell is at least this wide, in sizes, and this many times as wide as the others between the line's words.
const MIN_GAP: f64 = 0.5;
const GAP_RATIO: f64 = 1.5;

/// Two lines are of one table if they are at most this many sizes apart.
const MAX_STEP: f64 = 3.0;

/// Parts the words that begin where the cells of the rows around begin, and that a gap separates from the word before.
pub(super) fn part_cells(lines: &mut [TextLine]) {
    let columns: Vec<Vec<f64>> = lines
        .iter()
        .map(|line| line.words.iter().filter(|word| word.is_cell).map(|word| word.from).collect())
        .collect();
    for at in 0..lines.len() {
        let around: Vec<usize> = neighbours(lines, at).filter(|row| !columns[*row].is_empty()).collect();
        if around.len() < MIN_ROWS {
            continue;
        }
        let line = &mut lines[at];
        let mut gaps: Vec<f64> =
            line.words.iter().filter(|word| !word.is_cell).map(|word| word.gap).collect();
        gaps.sort_by(f64::total_cmp);
        let least = gaps.first().copied().filter(|_| gaps.len() > 1).unwrap_or_default();
        for word in line.words.iter_mut().filter(|word| !word.is_cell) {
            let begins = |row: &usize| {
                columns[*row].iter().any(|column| (column - word.from).abs() <= line.size * MAX_OFFSET)
            };
            if word.gap >= MIN_GAP.max(least * GAP_RATIO)
                && around.iter().filter(|row| begins(row)).count() >= MIN_ROWS
            {
                word.is_cell = true;
                line.text.replace_range(word.separator..=word.separator, &CELL_SEPARATOR.to_string());
            }
        }
    }
}

/// The lines that follow each other without a gap above and below a line.
fn neighbours(lines: &[TextLine], at: usize) -> impl Iterator<Item = usize> + '_ {
    let follows = |above: usize, below: usize| {
        let step = lines[below].down - lines[above].down;
        lines[above].turned_as(&lines[below]) && step > 0.0 && step <= lines[below].size * MAX_STEP
    };
    let above = (0..at).rev().take(NEIGHBOURS).take_while(move |row| follows(*row, row + 1));
    let below = (at + 1..lines.len()).take(NEIGHBOURS).take_while(move |row| follows(row - 1, *row));
    above.chain(below)
}
