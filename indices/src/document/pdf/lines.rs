//! Letters to lines: words are parted by gaps, not by how the letters were written to the file.

use hayro_interpret::kurbo::{Point, Vec2};
use unicode_normalization::char::is_combining_mark;

/// A gap of this share of the letters' size parts words.
const WORD_GAP: f64 = 0.17;
/// A gap of this many sizes parts the cells of a row, if the other gaps of the line are much smaller.
const CELL_GAP: f64 = 1.1;
/// One of so many always does.
const SURE_CELL_GAP: f64 = 1.8;
/// Written spaces so wide part cells, too.
const MANY_SPACES: f64 = 4.0;
/// The width of a space, in sizes, where a line has none.
const USUAL_SPACE: f64 = 0.3;
/// A letter this far above or below the line, in sizes, stands on another one.
const OTHER_LINE: f64 = 0.4;
/// A smaller letter may be raised by this much.
const RAISED: f64 = 0.7;
/// A letter may begin this far before the one before has ended.
const OVERLAP: f64 = 0.6;

/// A letter and its place. `along` grows in the direction of writing, `down` to the next line.
#[derive(Clone, Debug)]
pub(super) struct Glyph {
    pub(super) text: String,
    along: f64,
    down: f64,
    direction: Vec2,
    size: f64,
    width: f64,
}

impl Glyph {
    /// A letter at a point; `right` is the direction of writing.
    pub(super) fn new(text: String, origin: Point, right: Vec2, size: f64, width: f64) -> Self {
        let direction = if right.hypot() > 0.0 { right / right.hypot() } else { Vec2::new(1.0, 0.0) };
        let at = origin.to_vec2();
        // Down is right turned clockwise, as y grows upwards.
        Self {
            along: at.dot(direction),
            down: at.dot(Vec2::new(direction.y, -direction.x)),
            text,
            direction,
            size,
            width,
        }
    }

    /// Whether another letter stands at the same place.
    pub(super) fn is_at(&self, other: &Self) -> bool {
        let near = self.size * 0.15;
        self.turned_as(other.direction)
            && (self.along - other.along).abs() <= near
            && (self.down - other.down).abs() <= near
    }

    fn turned_as(&self, direction: Vec2) -> bool {
        self.direction.dot(direction) > 0.99
    }
}

/// A line of text.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// The text, its cells parted by [`CELL`].
    pub(super) text: String,
    /// The size of most of its letters.
    pub(super) size: f64,
    /// How far down it stands.
    pub(super) down: f64,
    /// Where it begins.
    pub(super) from: f64,
    /// Where it ends.
    pub(super) to: f64,
    direction: Vec2,
}

/// Parts cells; a control character, so that no letter can be it.
pub(super) const CELL: char = '\u{1}';

impl Line {
    /// Whether two lines are written in one direction.
    pub(super) fn turned_as(&self, other: &Self) -> bool {
        self.direction.dot(other.direction) > 0.99
    }

    /// Letters and digits.
    pub(super) fn letters(&self) -> usize {
        self.text.chars().filter(|c| c.is_alphanumeric()).count()
    }
}

/// The lines of a page, in the order in which they are written.
#[derive(Debug, Default)]
pub(super) struct Lines {
    done: Vec<Line>,
    open: Vec<Letter>,
    /// The last letter of the open line that is not raised.
    base: usize,
}

#[derive(Debug)]
struct Letter {
    glyph: Glyph,
    /// The gap before it.
    gap: f64,
    raised: bool,
}

impl Letter {
    fn is_blank(&self) -> bool {
        self.glyph.text.trim().is_empty()
    }
}

impl Lines {
    /// Adds a letter: to the line that is open, or to a new one.
    pub(super) fn push(&mut self, glyph: &Glyph) {
        let place = self.open.last().zip(self.open.get(self.base)).and_then(|(last, base)| {
            let base = &base.glyph;
            let end = last.glyph.along + last.glyph.width;
            let gap = glyph.along - end;
            let (size, lift) = (base.size.max(glyph.size), base.down - glyph.down);
            let mark = glyph.text.chars().all(is_combining_mark) && !glyph.text.is_empty();
            let raised =
                glyph.size < base.size * 0.85 && lift > base.size * 0.15 && lift < base.size * RAISED;
            let level = lift.abs() < size * OTHER_LINE || raised;
            let onwards = gap > -size * OVERLAP || mark;
            (glyph.turned_as(base.direction) && level && onwards)
                .then_some((if mark { 0.0 } else { gap }, raised))
        });
        let (gap, raised) = place.unwrap_or_else(|| {
            self.end();
            (0.0, false)
        });
        if !raised {
            self.base = self.open.len();
        }
        self.open.push(Letter { glyph: glyph.clone(), gap, raised });
    }

    fn end(&mut self) {
        let open = std::mem::take(&mut self.open);
        let (Some(first), Some(last)) = (open.first(), open.last()) else { return };
        let text = words(&open);
        if text.trim().is_empty() {
            return;
        }
        self.done.push(Line {
            text,
            size: usual(open.iter().filter(|letter| !letter.raised).map(|letter| letter.glyph.size)),
            down: first.glyph.down,
            from: first.glyph.along,
            to: last.glyph.along + last.glyph.width,
            direction: first.glyph.direction,
        });
    }

    /// The lines.
    pub(super) fn finish(mut self) -> Vec<Line> {
        self.end();
        self.done
    }
}

/// The text of a line's letters. In a line whose letters are all spaced out, only a wider gap than theirs parts words.
fn words(letters: &[Letter]) -> String {
    let jumps = jumps(letters);
    let mut within: Vec<f64> = jumps.iter().filter(|jump| !jump.blank).map(|jump| jump.width).collect();
    within.sort_by(f64::total_cmp);
    let spaced = within.len() > 3 && within[within.len() / 4] > WORD_GAP;
    let word_gap = if spaced { within[within.len() / 2] * 1.6 } else { WORD_GAP };
    let parts = |jump: &Jump| jump.blank || jump.width > word_gap;
    // Of a justified line all words are far from each other, and none is a cell.
    let mut between: Vec<f64> = jumps.iter().filter(|jump| parts(jump)).map(|jump| jump.width).collect();
    between.sort_by(f64::total_cmp);
    let least = if between.len() > 1 { between[0].max(USUAL_SPACE) } else { USUAL_SPACE };
    let is_cell = |jump: &Jump| match jump.blank {
        // Cells are put into their places; spaces between words are stretched to fill a line.
        true => jump.width > MANY_SPACES,
        false => {
            jump.width > word_gap
                && (jump.width > SURE_CELL_GAP.max(word_gap * 2.0) || jump.width > CELL_GAP.max(least * 2.5))
        }
    };
    let mut text = String::new();
    for (letter, jump) in letters.iter().filter(|letter| !letter.is_blank()).zip(&jumps) {
        if !text.is_empty() && parts(jump) {
            text.push(if is_cell(jump) { CELL } else { ' ' });
        }
        if letter.raised && letter.glyph.text.chars().all(|c| c.is_ascii_digit()) {
            text.extend(letter.glyph.text.chars().map(raised_digit));
        } else {
            text.push_str(&letter.glyph.text);
        }
    }
    text
}

/// What lies before a letter.
struct Jump {
    /// How far it stands from the one before, in sizes.
    width: f64,
    /// Whether spaces were written between.
    blank: bool,
}

/// What lies before each letter that shows something.
fn jumps(letters: &[Letter]) -> Vec<Jump> {
    let mut jumps = Vec::new();
    let mut before = Jump { width: 0.0, blank: false };
    for letter in letters {
        let size = letter.glyph.size.max(0.001);
        before.width += letter.gap / size;
        if letter.is_blank() {
            before.width += letter.glyph.width / size;
            before.blank = true;
        } else {
            jumps.push(std::mem::replace(&mut before, Jump { width: 0.0, blank: false }));
        }
    }
    jumps
}

fn raised_digit(digit: char) -> char {
    ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹']
        .get(digit as usize - '0' as usize)
        .copied()
        .unwrap_or(digit)
}

/// The size that most have, to a tenth.
pub(super) fn usual(sizes: impl Iterator<Item = f64>) -> f64 {
    let mut counts = std::collections::BTreeMap::<i64, usize>::new();
    for size in sizes {
        *counts.entry((size * 10.0).round() as i64).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(size, count)| (*count, *size)).map_or(0.0, |(size, _)| size as f64 / 10.0)
}
