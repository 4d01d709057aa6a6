//! Groups letters into lines. Words are separated by gaps, independent of how the letters are stored in the file.

use hayro_interpret::kurbo::{Point, Vec2};
use unicode_normalization::char::is_combining_mark;

use crate::document::line_groups::raised_digit;

/// A gap of this share of the letters' size separates words.
const WORD_GAP: f64 = 0.17;
/// A gap of this many sizes separates cells if the other gaps of the line are much smaller.
const CELL_GAP: f64 = 1.1;
/// A gap of this many sizes always separates cells.
const CERTAIN_CELL_GAP: f64 = 1.8;
/// Space characters of this total width, in sizes, separate cells, too.
const CELL_SPACES: f64 = 4.0;
/// The assumed width of a space, in sizes, if a line has none.
const DEFAULT_SPACE: f64 = 0.3;
/// A letter this far above or below the line, in sizes, is on another line.
const NEW_LINE_SHIFT: f64 = 0.4;
/// A smaller letter may be raised by this much, in sizes.
const MAX_RAISE: f64 = 0.7;
/// A letter may overlap the previous one by this much, in sizes.
const MAX_OVERLAP: f64 = 0.6;

/// A letter and its position. `along` grows in the writing direction, `down` towards the next line.
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
    /// A letter at a point; `right` is the writing direction.
    pub(super) fn new(text: String, origin: Point, right: Vec2, size: f64, width: f64) -> Self {
        let direction = if right.hypot() > 0.0 { right / right.hypot() } else { Vec2::new(1.0, 0.0) };
        let at = origin.to_vec2();
        // `down` is `right` turned clockwise, since y grows upwards.
        Self {
            along: at.dot(direction),
            down: at.dot(Vec2::new(direction.y, -direction.x)),
            text,
            direction,
            size,
            width,
        }
    }

    /// Whether another letter is at the same position.
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

/// Largest share by which the sizes of letters of one size differ.
const MAX_SIZE_DIFFERENCE: f64 = 0.08;

#[derive(Clone, Debug)]
pub(super) struct TextLine {
    /// The text, its cells separated by [`CELL_SEPARATOR`].
    pub(super) text: String,
    /// The size of most of its letters.
    pub(super) size: f64,
    /// Its distance down the page.
    pub(super) down: f64,
    /// Where it begins.
    pub(super) from: f64,
    /// Where it ends.
    pub(super) to: f64,
    direction: Vec2,
    /// Its words but the first.
    pub(super) words: Vec<WordStart>,
}

/// Where a word begins.
#[derive(Clone, Debug)]
pub(super) struct WordStart {
    /// The place in the line's text of what separates it from the word before.
    pub(super) separator: usize,
    /// Its distance along the line, and the gap before it, in sizes.
    pub(super) from: f64,
    pub(super) gap: f64,
    /// Whether it begins a cell.
    pub(super) is_cell: bool,
}

/// Separates cells; a control character, which no text contains.
pub(super) const CELL_SEPARATOR: char = '\u{1}';

impl TextLine {
    /// Whether two lines have the same writing direction.
    pub(super) fn turned_as(&self, other: &Self) -> bool {
        self.direction.dot(other.direction) > 0.99
    }

    /// Whether two lines have letters of one size.
    pub(super) fn is_of_size_of(&self, other: &Self) -> bool {
        (self.size - other.size).abs() <= self.size.max(other.size) * MAX_SIZE_DIFFERENCE
    }

    /// Number of letters and digits.
    pub(super) fn letters(&self) -> usize {
        self.text.chars().filter(|c| c.is_alphanumeric()).count()
    }
}

/// Builds the lines of a page, in the order in which they are drawn.
#[derive(Debug, Default)]
pub(super) struct LineBuilder {
    done: Vec<TextLine>,
    open: Vec<PlacedGlyph>,
    /// Index of the last letter of the open line that is not raised.
    base: usize,
}

#[derive(Debug)]
struct PlacedGlyph {
    glyph: Glyph,
    /// The gap before it.
    gap: f64,
    raised: bool,
}

impl PlacedGlyph {
    fn is_blank(&self) -> bool {
        self.glyph.text.trim().is_empty()
    }
}

impl LineBuilder {
    /// Adds a letter to the open line, or to a new one.
    pub(super) fn push(&mut self, glyph: &Glyph) {
        let joined = self.open.last().zip(self.open.get(self.base)).and_then(|(last, base)| {
            let base = &base.glyph;
            let end = last.glyph.along + last.glyph.width;
            let gap = glyph.along - end;
            let (size, lift) = (base.size.max(glyph.size), base.down - glyph.down);
            let mark = glyph.text.chars().all(is_combining_mark) && !glyph.text.is_empty();
            let raised =
                glyph.size < base.size * 0.85 && lift > base.size * 0.15 && lift < base.size * MAX_RAISE;
            let level = lift.abs() < size * NEW_LINE_SHIFT || raised;
            let onwards = gap > -size * MAX_OVERLAP || mark;
            (glyph.turned_as(base.direction) && level && onwards)
                .then_some((if mark { 0.0 } else { gap }, raised))
        });
        let (gap, raised) = joined.unwrap_or_else(|| {
            self.end();
            (0.0, false)
        });
        if !raised {
            self.base = self.open.len();
        }
        self.open.push(PlacedGlyph { glyph: glyph.clone(), gap, raised });
    }

    fn end(&mut self) {
        let open = std::mem::take(&mut self.open);
        let (Some(first), Some(last)) = (open.first(), open.last()) else { return };
        let (text, words) = line_text(&open);
        if text.trim().is_empty() {
            return;
        }
        self.done.push(TextLine {
            text,
            size: most_common_size(
                open.iter().filter(|letter| !letter.raised).map(|letter| letter.glyph.size),
            ),
            down: first.glyph.down,
            from: first.glyph.along,
            to: last.glyph.along + last.glyph.width,
            direction: first.glyph.direction,
            words,
        });
    }

    /// Ends the open line and returns all lines.
    pub(super) fn finish(mut self) -> Vec<TextLine> {
        self.end();
        self.done
    }
}

/// The text of a line's letters, and its words but the first. In a line with spaced-out letters, only wider gaps separate words.
fn line_text(letters: &[PlacedGlyph]) -> (String, Vec<WordStart>) {
    let gaps = gaps(letters);
    let mut within: Vec<f64> = gaps.iter().filter(|gap| !gap.blank).map(|gap| gap.width).collect();
    within.sort_by(f64::total_cmp);
    let spaced = within.len() > 3 && within[within.len() / 4] > WORD_GAP;
    let word_gap = if spaced { within[within.len() / 2] * 1.6 } else { WORD_GAP };
    let parts = |gap: &GlyphGap| gap.blank || gap.width > word_gap;
    // In a justified line all words are far apart, but none is a cell.
    let mut between: Vec<f64> = gaps.iter().filter(|gap| parts(gap)).map(|gap| gap.width).collect();
    between.sort_by(f64::total_cmp);
    let least = if between.len() > 1 { between[0].max(DEFAULT_SPACE) } else { DEFAULT_SPACE };
    let is_cell = |gap: &GlyphGap| match gap.blank {
        // Spaces between words may be stretched, so cells need wider ones.
        true => gap.width > CELL_SPACES,
        false => {
            gap.width > word_gap
                && (gap.width > CERTAIN_CELL_GAP.max(word_gap * 2.0) || gap.width > CELL_GAP.max(least * 2.5))
        }
    };
    let (mut text, mut words) = (String::new(), Vec::new());
    for (letter, gap) in letters.iter().filter(|letter| !letter.is_blank()).zip(&gaps) {
        if !text.is_empty() && parts(gap) {
            let (separator, from, is_cell) = (text.len(), letter.glyph.along, is_cell(gap));
            words.push(WordStart { separator, from, gap: gap.width, is_cell });
            text.push(if is_cell { CELL_SEPARATOR } else { ' ' });
        }
        if letter.raised && letter.glyph.text.chars().all(|c| c.is_ascii_digit()) {
            text.extend(letter.glyph.text.chars().map(raised_digit));
        } else {
            text.push_str(&letter.glyph.text);
        }
    }
    (text, words)
}

/// The gap before a letter.
struct GlyphGap {
    /// Its width, in sizes.
    width: f64,
    /// Whether it contains space characters.
    blank: bool,
}

/// The gap before each visible letter.
fn gaps(letters: &[PlacedGlyph]) -> Vec<GlyphGap> {
    let mut gaps = Vec::new();
    let mut before = GlyphGap { width: 0.0, blank: false };
    for letter in letters {
        let size = letter.glyph.size.max(0.001);
        before.width += letter.gap / size;
        if letter.is_blank() {
            before.width += letter.glyph.width / size;
            before.blank = true;
        } else {
            gaps.push(std::mem::replace(&mut before, GlyphGap { width: 0.0, blank: false }));
        }
    }
    gaps
}

/// The most common size, rounded to a tenth.
pub(super) fn most_common_size(sizes: impl Iterator<Item = f64>) -> f64 {
    let mut counts = std::collections::BTreeMap::<i64, usize>::new();
    for size in sizes {
        *counts.entry((size * 10.0).round() as i64).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(size, count)| (*count, *size)).map_or(0.0, |(size, _)| size as f64 / 10.0)
}
