//! Documents to chunks: along headings, then sentences, within a number of the embedding model's tokens.

use hoidap_shared::config;
use unicode_segmentation::UnicodeSegmentation;

use crate::document::{Block, BlockKind, Document};

/// A section shorter than this share of a chunk goes on into the next one: a lone sentence says too little.
const SMALL_SHARE: usize = 3;

/// A piece of a document; `start` and `end` are characters of its extracted text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Where it starts.
    pub start: usize,
    /// Where it ends, exclusive.
    pub end: usize,
    /// The headings above it, outermost first, without the document's title.
    pub heading_path: Vec<String>,
}

/// The smallest piece that is not cut: a sentence, a row, a line of code; and its tokens.
struct Unit {
    start: usize,
    end: usize,
    tokens: usize,
}

/// Cuts a document.
pub fn cut(document: &Document, settings: &config::Chunking, count: &dyn Fn(&str) -> usize) -> Vec<Span> {
    let mut cutter = Cutter { settings, spans: Vec::new(), units: Vec::new(), fresh: 0, path: Vec::new() };
    let mut headings: Vec<(u8, String)> = Vec::new();
    let mut offsets = Offsets::new(&document.text);
    for block in &document.blocks {
        let text = offsets.slice(block.start, block.end);
        if let BlockKind::Heading(level) = block.kind {
            headings.retain(|(above, _)| *above < level);
            headings.push((level, text.to_string()));
            let path: Vec<String> = headings
                .iter()
                .map(|(_, heading)| heading.clone())
                .filter(|h| *h != document.title)
                .collect();
            let heading = Unit { start: block.start, end: block.end, tokens: count(text) };
            cutter.heading(path, heading);
        } else {
            for unit in units(block, text, settings.max_tokens, count) {
                cutter.push(unit);
            }
        }
    }
    cutter.flush(false);
    cutter.spans
}

struct Cutter<'a> {
    settings: &'a config::Chunking,
    spans: Vec<Span>,
    units: Vec<Unit>,
    /// Units that no chunk holds yet; the ones before them are overlap.
    fresh: usize,
    path: Vec<String>,
}

impl Cutter<'_> {
    fn tokens(&self) -> usize {
        self.units.iter().map(|unit| unit.tokens).sum()
    }

    fn heading(&mut self, path: Vec<String>, heading: Unit) {
        if self.fresh > 0 && self.tokens() * SMALL_SHARE < self.settings.max_tokens {
            self.push(heading);
        } else {
            self.flush(false);
            self.path = path;
        }
    }

    fn push(&mut self, unit: Unit) {
        if self.fresh > 0 && self.tokens() + unit.tokens > self.settings.max_tokens {
            self.flush(true);
        }
        while !self.units.is_empty()
            && self.fresh == 0
            && self.tokens() + unit.tokens > self.settings.max_tokens
        {
            self.units.remove(0);
        }
        self.units.push(unit);
        self.fresh += 1;
    }

    /// Ends the chunk; with `overlap` its last units begin the next one.
    fn flush(&mut self, overlap: bool) {
        if self.fresh > 0
            && let (Some(first), Some(last)) = (self.units.first(), self.units.last())
        {
            self.spans.push(Span { start: first.start, end: last.end, heading_path: self.path.clone() });
        }
        let mut kept = 0;
        let mut from = self.units.len();
        if overlap {
            while from > 0 && kept + self.units[from - 1].tokens <= self.settings.overlap_tokens {
                from -= 1;
                kept += self.units[from].tokens;
            }
        }
        self.units.drain(..from);
        self.fresh = 0;
    }
}

/// A block's sentences or lines; one that is too long is cut between words.
fn units(block: &Block, text: &str, max_tokens: usize, count: &dyn Fn(&str) -> usize) -> Vec<Unit> {
    let pieces: Vec<&str> = match block.kind {
        BlockKind::Code => text.split_inclusive('\n').collect(),
        BlockKind::Row => vec![text],
        _ => text.split_sentence_bounds().collect(),
    };
    let mut units = Vec::new();
    let mut at = block.start;
    for piece in pieces {
        let tokens = count(piece);
        let parts =
            if tokens > max_tokens { halves(piece, max_tokens, count) } else { vec![(piece, tokens)] };
        for (part, tokens) in parts {
            let length = part.chars().count();
            let body = part.trim();
            let lead = part.chars().take_while(|c| c.is_whitespace()).count();
            if !body.is_empty() {
                units.push(Unit { start: at + lead, end: at + lead + body.chars().count(), tokens });
            }
            at += length;
        }
    }
    units
}

/// Cuts a piece in the middle, between words where it has any, until every part fits.
fn halves<'a>(piece: &'a str, max_tokens: usize, count: &dyn Fn(&str) -> usize) -> Vec<(&'a str, usize)> {
    let mut open = vec![piece];
    let mut parts = Vec::new();
    while let Some(part) = open.pop() {
        let tokens = count(part);
        let half = (0..=part.len() / 2).rev().find(|&i| part.is_char_boundary(i)).unwrap_or(0);
        let middle = part[..half].rfind(' ').map_or(half, |space| space + 1);
        if tokens <= max_tokens || middle == 0 {
            parts.push((part, tokens));
        } else {
            open.push(&part[middle..]);
            open.push(&part[..middle]);
        }
    }
    parts
}

/// Slices a text by characters, forwards only, so that a whole document costs one pass.
pub(crate) struct Offsets<'a> {
    text: &'a str,
    chars: usize,
    bytes: usize,
}

impl<'a> Offsets<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, chars: 0, bytes: 0 }
    }

    /// The byte where a character starts; the end of the text when there are fewer.
    pub(crate) fn byte(&mut self, char: usize) -> usize {
        if char < self.chars {
            (self.chars, self.bytes) = (0, 0);
        }
        let rest = &self.text[self.bytes..];
        let step = rest.char_indices().nth(char - self.chars).map_or(rest.len(), |(i, _)| i);
        (self.chars, self.bytes) = (char, self.bytes + step);
        self.bytes
    }

    fn slice(&mut self, start: usize, end: usize) -> &'a str {
        let from = self.byte(start);
        let to = self.byte(end);
        &self.text[from..to]
    }
}
