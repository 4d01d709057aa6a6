//! Files to extracted text with its structure.

mod decode;
mod extract;
mod find;
mod front_matter;
mod html;
mod markdown;
mod pdf;
mod plain;
mod reader;
mod xhtml;

use std::collections::HashSet;

use hoidap_shared::text::normalise;
use serde::{Deserialize, Serialize};

pub use extract::{Limits, ReadError, extract, is_page, read};
pub use find::{Found, Listing, find};
pub use reader::{Reader, serve};

/// What was left out of a collection, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The file, as it is called in the collection, or the kind of several.
    pub source: String,
    /// Why.
    pub reason: String,
    /// How many files.
    pub files: usize,
}

impl Skipped {
    /// One file.
    pub fn one(source: String, reason: String) -> Self {
        Self { source, reason, files: 1 }
    }
}

/// A longer heading is a text, and a longer title is cut, in characters.
const HEADING_CHARS: usize = 300;

/// What a block of text is on its page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BlockKind {
    /// A heading and its level, from 1.
    Heading(u8),
    /// A paragraph.
    Text,
    /// An item of a list, or what is said of a term in a list of terms.
    Item,
    /// A row of a table, its cells parted by `|`.
    Row,
    /// Preformatted lines.
    Code,
}

/// Whether a block may be part of the frame that a site puts around its pages: then it is left out of a page when it is
/// on many of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Frame {
    /// It is part of the page.
    #[default]
    No,
    /// It stands where frames do: beside the page's main part, before its first heading, or around a button.
    Text,
    /// It is mostly links.
    Links,
}

/// A piece of the extracted text; `start` and `end` are characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// What it is.
    pub kind: BlockKind,
    /// Where it starts.
    pub start: usize,
    /// Where it ends, exclusive.
    pub end: usize,
    /// Whether it may be part of the site's frame.
    pub frame: Frame,
}

/// What a file says, without its navigation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// Its title.
    pub title: String,
    /// The language it says it is in.
    pub locale: Option<String>,
    /// The whole text, in normal form; blocks are parted by a line break.
    pub text: String,
    /// The text's blocks, in order.
    pub blocks: Vec<Block>,
    /// What of the file is not in the text, and why: a sentence each.
    pub left_out: Vec<String>,
    chars: usize,
}

impl Document {
    /// Appends a block; an empty one is left out.
    pub(crate) fn push(&mut self, kind: BlockKind, raw: &str) -> Option<&mut Block> {
        let text = match kind {
            BlockKind::Code => {
                raw.lines().map(code_line).collect::<Vec<_>>().join("\n").trim_matches('\n').to_string()
            }
            _ => normalise(raw),
        };
        if text.trim().is_empty() {
            return None;
        }
        self.append(kind, &text, Frame::No);
        self.blocks.last_mut()
    }

    fn append(&mut self, kind: BlockKind, text: &str, frame: Frame) {
        if !self.text.is_empty() {
            self.text.push('\n');
            self.chars += 1;
        }
        let length = text.chars().count();
        // Headings and titles stand before every text below them.
        let kind = if matches!(kind, BlockKind::Heading(_)) && length > HEADING_CHARS {
            BlockKind::Text
        } else {
            kind
        };
        self.blocks.push(Block { kind, start: self.chars, end: self.chars + length, frame });
        self.text.push_str(text);
        self.chars += length;
    }

    /// The blocks and their texts.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&Block, &str)> {
        let mut rest = self.text.as_str();
        self.blocks.iter().map(move |block| {
            let end = rest.char_indices().nth(block.end - block.start).map_or(rest.len(), |(at, _)| at);
            let (text, after) = rest.split_at(end);
            // The line break that parts two blocks.
            rest = after.strip_prefix('\n').unwrap_or(after);
            (block, text)
        })
    }

    /// The document without the blocks in these places.
    pub(crate) fn without(&self, left_out: &HashSet<usize>) -> Self {
        let mut document = Self {
            title: self.title.clone(),
            locale: self.locale.clone(),
            left_out: self.left_out.clone(),
            ..Self::default()
        };
        for (place, (block, text)) in self.texts().enumerate() {
            if !left_out.contains(&place) {
                document.append(block.kind, text, block.frame);
            }
        }
        document
    }

    /// Leaves out what is behind so many characters; whether anything was.
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

    /// The first heading stands in for a missing title, and the file's name for both.
    fn settle_title(&mut self, file_name: &str) {
        self.title = normalise(&self.title);
        if self.title.is_empty() {
            let headings = || self.blocks.iter().filter(|block| matches!(block.kind, BlockKind::Heading(_)));
            let first = headings().find(|block| block.frame == Frame::No).or(headings().next());
            self.title = match first {
                Some(block) => self.text.chars().skip(block.start).take(block.end - block.start).collect(),
                None => file_name.to_string(),
            };
        }
        if let Some((end, _)) = self.title.char_indices().nth(HEADING_CHARS) {
            self.title.truncate(end);
        }
    }
}

/// A line of code keeps its indentation.
fn code_line(line: &str) -> String {
    let indent: String = line.chars().take_while(|c| *c == ' ' || *c == '\t').map(|_| ' ').collect();
    indent + &normalise(line)
}
