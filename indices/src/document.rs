//! Lists files and extracts their text and structure.

mod decode;
mod extract;
mod file_listing;
mod front_matter;
mod html;
mod isolated_reader;
mod limits;
mod line_groups;
mod markdown;
mod pdf;
mod plain;
mod read_error;
mod xhtml;

use std::collections::HashSet;

use hoidap_shared::text::normalise;
use serde::{Deserialize, Serialize};

pub use extract::{extract, is_page, read};
pub use file_listing::{FileListing, SourceFile, list_files};
pub use isolated_reader::{IsolatedReader, serve_reads};
pub use limits::Limits;
pub use read_error::ReadError;

/// A file that was left out of a collection, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedFile {
    /// The file's name in the collection, or the kind of several files.
    pub source: String,
    /// The reason.
    pub reason: String,
    /// Number of files.
    pub files: usize,
}

impl SkippedFile {
    /// A single file.
    pub fn one(source: String, reason: String) -> Self {
        Self { source, reason, files: 1 }
    }
}

/// Longest heading and title, in characters. A longer heading becomes text; a longer title is truncated.
const MAX_HEADING_CHARS: usize = 300;

/// The kind of a block of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BlockKind {
    /// A heading and its level, from 1.
    Heading(u8),
    /// A paragraph.
    Text,
    /// An item of a list, or the definition of a term.
    Item,
    /// The row of a table that names its columns, its cells separated by `|`.
    Head,
    /// Another row of a table, likewise.
    Row,
    /// Preformatted lines.
    Code,
}

/// Whether a block may be part of the frame around a site's pages, such as a menu. Then it is removed if many pages have it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum FrameCandidate {
    /// It is part of the page.
    #[default]
    No,
    /// It is where frames are: outside the page's main part, before its first heading, or around a button.
    Text,
    /// It is mostly links.
    Links,
    /// It is text in the page's footer.
    Footer,
}

/// A block of the extracted text; `start` and `end` are in characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextBlock {
    /// Its kind.
    pub kind: BlockKind,
    /// Where it starts.
    pub start: usize,
    /// Where it ends, exclusive.
    pub end: usize,
    /// Whether it may be part of the site's frame.
    pub frame: FrameCandidate,
}

/// The text of a file, without its navigation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// Its title.
    pub title: String,
    /// The locale that it declares.
    pub locale: Option<String>,
    /// The whole text, in normal form; blocks are separated by a line break.
    pub text: String,
    /// The text's blocks, in order.
    pub blocks: Vec<TextBlock>,
    /// Whether the file's format tells what each block is; in plain text and PDF, lists are guessed from the lines.
    pub structured: bool,
    /// The parts of the file that are not in the text, and why: one sentence each.
    pub left_out: Vec<String>,
    chars: usize,
}

impl Document {
    /// Appends a block, unless it is empty.
    pub(crate) fn push(&mut self, kind: BlockKind, raw: &str) -> Option<&mut TextBlock> {
        let text = match kind {
            BlockKind::Code => {
                raw.lines().map(code_line).collect::<Vec<_>>().join("\n").trim_matches('\n').to_string()
            }
            _ => normalise(raw),
        };
        if text.trim().is_empty() {
            return None;
        }
        self.append(kind, &text, FrameCandidate::No);
        self.blocks.last_mut()
    }

    fn append(&mut self, kind: BlockKind, text: &str, frame: FrameCandidate) {
        if !self.text.is_empty() {
            self.text.push('\n');
            self.chars += 1;
        }
        let length = text.chars().count();
        // A heading is repeated before every chunk below it, so it must be short.
        let kind = if matches!(kind, BlockKind::Heading(_)) && length > MAX_HEADING_CHARS {
            BlockKind::Text
        } else {
            kind
        };
        self.blocks.push(TextBlock { kind, start: self.chars, end: self.chars + length, frame });
        self.text.push_str(text);
        self.chars += length;
    }

    /// Removes the last block and returns its text, if it is as wanted; else returns an empty text.
    fn pop_if(&mut self, is_wanted: impl FnOnce(BlockKind, &str) -> bool) -> String {
        let Some(last) = self.blocks.last() else { return String::new() };
        let length = last.end - last.start;
        let at = self.text.char_indices().rev().nth(length.saturating_sub(1)).map_or(0, |(at, _)| at);
        if length == 0 || !is_wanted(last.kind, &self.text[at..]) {
            return String::new();
        }
        let text = self.text.split_off(at);
        self.blocks.pop();
        self.text.truncate(self.text.trim_end_matches('\n').len());
        self.chars = self.blocks.last().map_or(0, |block| block.end);
        text
    }

    pub(crate) fn texts(&self) -> impl Iterator<Item = (&TextBlock, &str)> {
        let mut rest = self.text.as_str();
        self.blocks.iter().map(move |block| {
            let end = rest.char_indices().nth(block.end - block.start).map_or(rest.len(), |(at, _)| at);
            let (text, after) = rest.split_at(end);
            // The line break between two blocks.
            rest = after.strip_prefix('\n').unwrap_or(after);
            (block, text)
        })
    }

    /// The document without the blocks at these indices.
    pub(crate) fn without(&self, left_out: &HashSet<usize>) -> Self {
        let mut document = Self {
            title: self.title.clone(),
            locale: self.locale.clone(),
            structured: self.structured,
            left_out: self.left_out.clone(),
            ..Self::default()
        };
        for (index, (block, text)) in self.texts().enumerate() {
            if !left_out.contains(&index) {
                document.append(block.kind, text, block.frame);
            }
        }
        document
    }

    /// Truncates the document after `chars` characters. Returns whether anything was removed.
    fn cut(&mut self, chars: usize) -> bool {
        if self.chars <= chars {
            return false;
        }
        self.blocks.retain(|block| block.start < chars);
        if let Some(last) = self.blocks.last_mut() {
            last.end = last.end.min(chars);
        }
        self.chars = self.blocks.last().map_or(0, |block| block.end);
        let end = self.text.char_indices().nth(self.chars).map_or(self.text.len(), |(at, _)| at);
        self.text.truncate(end);
        true
    }

    /// Replaces a missing title by the first heading, or else by the file's name.
    fn settle_title(&mut self, file_name: &str) {
        self.title = normalise(&self.title);
        if self.title.is_empty() {
            let headings = || self.blocks.iter().filter(|block| matches!(block.kind, BlockKind::Heading(_)));
            let first = headings().find(|block| block.frame == FrameCandidate::No).or(headings().next());
            self.title = match first {
                Some(block) => self.text.chars().skip(block.start).take(block.end - block.start).collect(),
                None => file_name.to_string(),
            };
        }
        if let Some((end, _)) = self.title.char_indices().nth(MAX_HEADING_CHARS) {
            self.title.truncate(end);
        }
    }
}

/// Normalises a line of code, but keeps its indentation.
fn code_line(line: &str) -> String {
    let indent: String = line.chars().take_while(|c| *c == ' ' || *c == '\t').map(|_| ' ').collect();
    indent + &normalise(line)
}
