use std::{panic::resume_unwind, time::Instant};

use hayro_interpret::{
    BlendMode, ClipPath, Device, DrawMode, DrawProps, Image, ImageDrawProps, SoftMask,
    font::{Glyph as Drawn, GlyphRun},
    hayro_cmap::BfString,
    kurbo::{BezPath, Point},
};

use super::{
    StopReason,
    cells::part_cells,
    lines::{Glyph, LineBuilder, TextLine},
    wrapped_cells::join_wrapped_cells,
};

/// Number of calls between two checks of the clock.
const CALLS_PER_CLOCK_CHECK: u32 = 64;

/// Collects the letters that a page draws. When a limit is reached, it ends the page by unwinding, since the interpreter has no
/// other way to stop.
pub(super) struct GlyphCollector {
    lines: LineBuilder,
    left: usize,
    chars: usize,
    until: Instant,
    calls: u32,
    /// Letters that have no Unicode value.
    pub(super) unmapped: usize,
    /// Whether there is a picture.
    pub(super) picture: bool,
    /// Whether anything is drawn.
    pub(super) drawn: bool,
    /// The previous run, to skip one that is drawn over it.
    before: Vec<Glyph>,
}

impl GlyphCollector {
    /// A collector for at most `left` characters.
    pub(super) fn new(left: usize, until: Instant) -> Self {
        Self {
            lines: LineBuilder::default(),
            left,
            chars: 0,
            until,
            calls: 0,
            unmapped: 0,
            picture: false,
            drawn: false,
            before: Vec::new(),
        }
    }

    /// Number of characters drawn.
    pub(super) fn chars(&self) -> usize {
        self.chars
    }

    /// The collected lines.
    pub(super) fn into_lines(self) -> Vec<TextLine> {
        let mut lines = self.lines.finish();
        part_cells(&mut lines);
        join_wrapped_cells(&mut lines);
        lines
    }

    fn check_clock(&mut self) {
        self.calls += 1;
        if self.calls.is_multiple_of(CALLS_PER_CLOCK_CHECK) && Instant::now() >= self.until {
            resume_unwind(Box::new(StopReason::Time));
        }
    }

    fn run(&mut self, run: &GlyphRun<'_, '_>, props: &DrawProps<'_>) {
        let mut glyphs = Vec::with_capacity(run.glyphs().len());
        for drawn in run.glyphs() {
            self.check_clock();
            let transform = props.transform * drawn.transform();
            let origin = transform * Point::ZERO;
            let along = transform * Point::new(1_000.0, 0.0) - origin;
            let up = transform * Point::new(0.0, 1_000.0) - origin;
            let (advance, type3) = match &**drawn {
                Drawn::Outline(glyph) => (glyph.advance_width(), false),
                Drawn::Type3(glyph) => (glyph.advance_width(), true),
            };
            let text = match drawn.as_unicode() {
                Some(BfString::Char(c)) => readable(&c.to_string()),
                Some(BfString::String(text)) => readable(&text),
                None => String::new(),
            };
            // A Type 3 glyph may be a drawing.
            self.unmapped += usize::from(text.is_empty() && !type3);
            let width = f64::from(advance.unwrap_or(500.0)) / 1_000.0 * along.hypot();
            glyphs.push(Glyph::new(text, origin, along, up.hypot(), width));
        }
        let again = is_drawn_again(&self.before, &glyphs);
        for glyph in &glyphs {
            self.chars += glyph.text.chars().count();
            if self.chars > self.left {
                resume_unwind(Box::new(StopReason::Chars));
            }
            if !again {
                self.lines.push(glyph);
            }
        }
        self.before = glyphs;
    }
}

/// The letters of a glyph. Ligatures are spelled out; private-use and control characters are removed.
fn readable(text: &str) -> String {
    let mut letters = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            'ﬀ' => letters.push_str("ff"),
            'ﬁ' => letters.push_str("fi"),
            'ﬂ' => letters.push_str("fl"),
            'ﬃ' => letters.push_str("ffi"),
            'ﬄ' => letters.push_str("ffl"),
            'ﬅ' | 'ﬆ' => letters.push_str("st"),
            // The bullets of Symbol and Wingdings.
            '\u{F0B7}' | '\u{F0A7}' => letters.push('•'),
            '\u{E000}'..='\u{F8FF}' | '\u{FFFD}' | '\u{F0000}'..='\u{10FFFD}' => {}
            c if c.is_control() && !c.is_whitespace() => {}
            c => letters.push(c),
        }
    }
    letters
}

/// Whether a run is drawn over the previous one, as for stroked or bold text.
fn is_drawn_again(before: &[Glyph], now: &[Glyph]) -> bool {
    !now.is_empty()
        && before.len() == now.len()
        && before.iter().zip(now).all(|(a, b)| a.text == b.text && a.is_at(b))
}

impl Device<'_> for GlyphCollector {
    fn draw_path(&mut self, _: &BezPath, _: DrawProps<'_>, _: &DrawMode) {
        self.drawn = true;
        self.check_clock();
    }

    fn push_clip_path(&mut self, _: &ClipPath) {
        self.check_clock();
    }

    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'_>>, _: BlendMode) {
        self.check_clock();
    }

    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, '_>, props: DrawProps<'_>, _: &DrawMode) {
        self.run(run, &props);
    }

    fn draw_image(&mut self, _: Image<'_, '_>, _: ImageDrawProps<'_>) {
        self.picture = true;
        self.check_clock();
    }

    fn pop_clip(&mut self) {}

    fn pop_transparency_group(&mut self) {}
}
