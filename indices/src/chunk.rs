//! Splits documents into chunks: along headings, then sentences, within a number of the embedding model's tokens.

use std::collections::HashMap;

use hoidap_shared::{
    config,
    job::{Cut, LineKind},
    text::sentences,
};

use crate::{
    char_offsets::CharOffsets,
    document::{BlockKind, Document, FrameCandidate, TextBlock},
};

/// A section shorter than one part in this many of a chunk is merged with the next one: a lone sentence says too little.
const MIN_SECTION_FRACTION: usize = 3;

/// Longest row that is kept as the names of the columns of a table's later chunks, in characters.
const MAX_HEAD_CHARS: usize = 400;

/// A chunk's place in its document; `start` and `end` are characters of the extracted text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChunkSpan {
    /// Where it starts.
    pub start: usize,
    /// Where it ends, exclusive.
    pub end: usize,
    /// The headings above it, outermost first, without the document's title.
    pub heading_path: Vec<String>,
    /// What each of its lines is; empty for a document without structure.
    pub lines: Vec<LineKind>,
    /// For each heading among its lines, the number of headings that stay above it.
    pub heading_depths: Vec<u8>,
    /// What its first and last list or table lack.
    pub cut: Cut,
}

/// The chunks of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentChunks {
    /// The chunks, in the order of the text.
    pub spans: Vec<ChunkSpan>,
    /// Whether they cover the whole document; `false` when the limit of chunks cut it.
    pub complete: bool,
}

/// The smallest unit that is not split: a sentence, a table row, or a line of code, with its number of tokens.
struct TextUnit {
    start: usize,
    end: usize,
    tokens: usize,
}

/// Splits a document into at most `max_chunks` chunks. `count` counts a text's tokens.
pub fn split_document(
    document: &Document,
    settings: &config::ChunkingConfig,
    max_chunks: usize,
    count: &dyn Fn(&str) -> usize,
) -> DocumentChunks {
    let mut builder = ChunkBuilder {
        settings,
        spans: Vec::new(),
        units: Vec::new(),
        fresh: 0,
        path: Vec::new(),
        next_path: None,
        pending_heading: None,
    };
    let mut headings: Vec<(u8, String)> = Vec::new();
    let mut depths: HashMap<usize, u8> = HashMap::new();
    let mut offsets = CharOffsets::new(&document.text);
    let mut rest = &document.blocks[..];
    let mut in_footer = false;
    while let Some(block) = rest.first() {
        // What is in the footer is about the site, and not about what the last heading says.
        if is_in_footer(block) != std::mem::replace(&mut in_footer, is_in_footer(block)) {
            headings.clear();
            builder.end_part();
        }
        if let BlockKind::Heading(level) = block.kind {
            let text = offsets.slice(block.start, block.end);
            headings.retain(|(above, _)| *above < level);
            headings.push((level, text.to_string()));
            let path: Vec<String> = headings
                .iter()
                .map(|(_, heading)| heading.clone())
                .filter(|h| *h != document.title)
                .collect();
            let depth = path.len() - usize::from(path.last().is_some_and(|last| last == text));
            depths.insert(block.start, u8::try_from(depth).unwrap_or(u8::MAX));
            let heading = TextUnit { start: block.start, end: block.end, tokens: count(text).max(1) };
            builder.heading(path, level, heading);
            rest = &rest[1..];
        } else {
            let (together, behind) = rest.split_at(list_length(rest).max(1));
            let mut pieces = Vec::new();
            for block in together {
                let text = offsets.slice(block.start, block.end);
                pieces.extend(text_units(block, text, settings.max_tokens, count));
            }
            builder.text(pieces, together.len() > 1);
            rest = behind;
        }
        if builder.spans.len() > max_chunks {
            break;
        }
    }
    builder.end_pending_heading(0);
    builder.flush(false);
    let complete = builder.spans.len() <= max_chunks;
    builder.spans.truncate(max_chunks);
    if document.structured {
        mark_lines(document, &depths, &mut builder.spans);
    }
    mark_cuts(document, &mut builder.spans);
    DocumentChunks { spans: builder.spans, complete }
}

/// Records what each line of the chunks is, and how many headings stay above each heading, by its start.
fn mark_lines(document: &Document, depths: &HashMap<usize, u8>, spans: &mut [ChunkSpan]) {
    let mut offsets = CharOffsets::new(&document.text);
    // A block's lines, each with the place of its first character.
    let mut lines: Vec<(usize, LineKind)> = Vec::new();
    for block in &document.blocks {
        let kind = match block.kind {
            BlockKind::Heading(_) => LineKind::Heading,
            BlockKind::Text => LineKind::Text,
            BlockKind::Item => LineKind::Item,
            BlockKind::Head => LineKind::Head,
            BlockKind::Row => LineKind::Row,
            BlockKind::Code => LineKind::Code,
        };
        let text = offsets.slice(block.start, block.end).chars().enumerate();
        let breaks = text.filter(|(_, c)| *c == '\n').map(|(at, _)| block.start + at + 1);
        lines.extend([block.start].into_iter().chain(breaks).map(|start| (start, kind)));
    }
    for span in spans {
        let first = lines.partition_point(|(start, _)| *start <= span.start).saturating_sub(1);
        let inside = lines[first..].iter().take_while(|(start, _)| *start < span.end);
        let depth = |(start, kind): &(usize, LineKind)| match kind {
            LineKind::Heading => depths.get(start).copied(),
            _ => None,
        };
        span.heading_depths = inside.clone().filter_map(depth).collect();
        span.lines = inside.map(|(_, kind)| *kind).collect();
    }
}

/// Records which lists and tables go on beyond a chunk, and the names of the columns that it lacks.
fn mark_cuts(document: &Document, spans: &mut [ChunkSpan]) {
    let is_item = |block: &TextBlock| block.kind == BlockKind::Item;
    let is_entry = |block: &TextBlock| is_item(block) || is_row(block);
    let goes_on = |a: &TextBlock, b: &TextBlock| {
        let begins_a_table = is_head(b) && !is_head(a);
        let is_one = is_item(a) == is_item(b) && is_in_footer(a) == is_in_footer(b);
        is_entry(a) && is_entry(b) && is_one && !begins_a_table
    };
    let lists: Vec<&[TextBlock]> =
        document.blocks.chunk_by(goes_on).filter(|run| is_entry(&run[0])).collect();
    let mut offsets = CharOffsets::new(&document.text);
    // The last head that a chunk lacks, by its start: many chunks of a long table lack the same one.
    let mut known = (usize::MAX, "");
    for span in spans {
        let around = |at: usize| {
            let list = lists.partition_point(|list| list[list.len() - 1].end <= at);
            lists.get(list).copied().filter(|list| list[0].start < at)
        };
        let before = around(span.start);
        span.cut.before = before.is_some();
        span.cut.after = around(span.end).is_some();
        // A table begins with its head.
        let head = before.map(|list| &list[0]).filter(|first| is_head(first));
        span.cut.head = head.filter(|head| head.end - head.start <= MAX_HEAD_CHARS).map(|head| {
            if known.0 != head.start {
                known = (head.start, offsets.slice(head.start, head.end));
            }
            known.1.to_string()
        });
    }
}

struct ChunkBuilder<'a> {
    settings: &'a config::ChunkingConfig,
    spans: Vec<ChunkSpan>,
    units: Vec<TextUnit>,
    /// Number of units at the end that no chunk holds yet; the ones before them are overlap.
    fresh: usize,
    path: Vec<String>,
    /// The headings above the last section in the open chunk, if it is not the first one in it.
    next_path: Option<Vec<String>>,
    /// The last heading and its level, as long as no chunk holds it and no text follows it.
    pending_heading: Option<(u8, TextUnit)>,
}

impl ChunkBuilder<'_> {
    fn tokens(&self) -> usize {
        self.units.iter().map(|unit| unit.tokens).sum()
    }

    fn heading(&mut self, path: Vec<String>, level: u8, heading: TextUnit) {
        self.end_pending_heading(level);
        if self.fresh > 0 && self.tokens() * MIN_SECTION_FRACTION < self.settings.max_tokens {
            self.next_path = Some(path);
            self.push(heading);
        } else {
            self.flush(false);
            self.path = path;
            self.pending_heading = Some((level, heading));
        }
    }

    /// Ends a part of the document: no heading above it belongs to what follows.
    fn end_part(&mut self) {
        self.end_pending_heading(0);
        self.flush(false);
        self.path.clear();
        self.next_path = None;
    }

    /// Adds a heading without text below as a text of its own, since no chunk would hold it otherwise. That is the case when
    /// the next heading has the same level or a higher one; a heading with subheadings is in the heading path of their chunks.
    fn end_pending_heading(&mut self, next: u8) {
        if let Some((_, heading)) = self.pending_heading.take_if(|(level, _)| next <= *level) {
            self.push(heading);
        }
    }

    /// Appends text. With `whole`, it goes into one chunk if it fits.
    fn text(&mut self, units: Vec<TextUnit>, whole: bool) {
        let (tokens, max_tokens) =
            (units.iter().map(|unit| unit.tokens).sum::<usize>(), self.settings.max_tokens);
        if whole && self.fresh > 0 && tokens <= max_tokens && self.tokens() + tokens > max_tokens {
            self.flush(false);
        }
        for unit in units {
            self.pending_heading = None;
            self.push(unit);
        }
    }

    fn push(&mut self, unit: TextUnit) {
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

    /// Ends the chunk. With `overlap`, its last units begin the next one.
    fn flush(&mut self, overlap: bool) {
        if self.fresh > 0
            && let (Some(first), Some(last)) = (self.units.first(), self.units.last())
        {
            let heading_path = self.path.clone();
            self.spans.push(ChunkSpan {
                start: first.start,
                end: last.end,
                heading_path,
                lines: Vec::new(),
                heading_depths: Vec::new(),
                cut: Cut::default(),
            });
            self.path = self.next_path.take().unwrap_or(std::mem::take(&mut self.path));
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

fn is_in_footer(block: &TextBlock) -> bool {
    block.frame == FrameCandidate::Footer
}

fn is_row(block: &TextBlock) -> bool {
    matches!(block.kind, BlockKind::Head | BlockKind::Row)
}

fn is_head(block: &TextBlock) -> bool {
    block.kind == BlockKind::Head
}

/// Number of leading blocks that form one list or table, with the text that introduces it.
fn list_length(blocks: &[TextBlock]) -> usize {
    let lead = usize::from(blocks.first().is_some_and(|first| first.kind == BlockKind::Text));
    let is_after =
        |block: &TextBlock| blocks.first().is_some_and(|first| is_in_footer(first) == is_in_footer(block));
    let is_entry = |block: &&TextBlock| (is_row(block) || block.kind == BlockKind::Item) && is_after(block);
    match blocks[lead..].iter().take_while(is_entry).count() {
        0 => 0,
        entries => lead + entries,
    }
}

/// A block's sentences or lines. One that is too long is split between words.
fn text_units(
    block: &TextBlock,
    text: &str,
    max_tokens: usize,
    count: &dyn Fn(&str) -> usize,
) -> Vec<TextUnit> {
    let pieces: Vec<&str> = match block.kind {
        BlockKind::Code => text.split_inclusive('\n').collect(),
        BlockKind::Head | BlockKind::Row => vec![text],
        _ => whole_sentences(text),
    };
    let mut units = Vec::new();
    let mut at = block.start;
    for piece in pieces {
        let parts = split_to_fit(piece, max_tokens, count);
        for (part, tokens) in parts {
            let length = part.chars().count();
            let body = part.trim();
            let lead = part.chars().take_while(|c| c.is_whitespace()).count();
            if !body.is_empty() {
                units.push(TextUnit {
                    start: at + lead,
                    end: at + lead + body.chars().count(),
                    tokens: tokens.max(1),
                });
            }
            at += length;
        }
    }
    units
}

/// The sentences of a text, each with the white space that follows it.
fn whole_sentences(text: &str) -> Vec<&str> {
    let mut ends: Vec<usize> = sentences(text).iter().skip(1).map(|sentence| sentence.start).collect();
    ends.push(text.len());
    let mut at = 0;
    ends.into_iter().map(|end| &text[std::mem::replace(&mut at, end)..end]).collect()
}

/// A text with more bytes than this for each allowed token is split without counting its tokens.
const MAX_BYTES_PER_TOKEN: usize = 32;

/// Splits a text in the middle, between words if possible, until every part fits. Each part comes with its tokens.
fn split_to_fit<'a>(
    piece: &'a str,
    max_tokens: usize,
    count: &dyn Fn(&str) -> usize,
) -> Vec<(&'a str, usize)> {
    let mut open = vec![piece];
    let mut parts = Vec::new();
    while let Some(part) = open.pop() {
        let long = part.len() > max_tokens.max(1) * MAX_BYTES_PER_TOKEN;
        let tokens = if long { usize::MAX } else { count(part) };
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

#[cfg(test)]
mod tests;
