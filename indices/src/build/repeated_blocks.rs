//! Removes the blocks that a site repeats on many pages, such as menus and footers.
//!
//! Only blocks in the place of a site's frame are considered ([`FrameCandidate`]). Lists of links that many pages share are
//! removed from all of them. Other repeated text stays on the first page that has it, so that a telephone number in every
//! footer is found once. A title stays with the text below it.

use std::collections::{HashMap, HashSet};

use sha2::{Digest as _, Sha256};

use crate::document::{BlockKind, Document, FrameCandidate, TextBlock};

/// A block is part of the site's frame when it is on at least this many pages, and on at least one page in this many.
const MIN_PAGES: u32 = 3;
const MIN_PAGE_FRACTION: u32 = 10;

/// Most blocks that are counted for one page, and for all pages. Above the second limit, blocks seen on one page only are
/// dropped.
const MAX_BLOCKS_PER_PAGE: usize = 2_000;
const MAX_COUNTED_BLOCKS: usize = 500_000;

/// Counts of the blocks that may be part of the site's frame.
#[derive(Debug, Default)]
pub(super) struct RepeatedBlocks {
    pages: u32,
    counts: HashMap<u64, u32>,
    /// Repeated blocks that one page has kept.
    kept: HashSet<u64>,
}

impl RepeatedBlocks {
    /// Counts the blocks of a page.
    pub(super) fn count(&mut self, document: &Document) {
        self.pages += 1;
        let blocks: HashSet<u64> =
            marks(document).map(|(_, _, mark)| mark).take(MAX_BLOCKS_PER_PAGE).collect();
        for mark in blocks {
            *self.counts.entry(mark).or_default() += 1;
        }
        if self.counts.len() > MAX_COUNTED_BLOCKS {
            self.counts.retain(|_, count| *count > 1);
        }
    }

    /// Removes the site's repeated blocks from a page. Pages come in the order of their paths, so that every build keeps the
    /// same ones.
    pub(super) fn leave_out(&mut self, document: Document) -> Document {
        let mut left_out = HashSet::new();
        for (block, frame, mark) in marks(&document) {
            let count = self.counts.get(&mark).copied().unwrap_or_default();
            let is_repeated = count >= MIN_PAGES && count.saturating_mul(MIN_PAGE_FRACTION) >= self.pages;
            if is_repeated && (frame == FrameCandidate::Links || !self.kept.insert(mark)) {
                left_out.insert(block);
            }
        }
        // The title of what is the page's own stays with it.
        let is_own = |index: usize| {
            let below = document.blocks.get(index + 1).filter(|_| !left_out.contains(&(index + 1)));
            below.is_some_and(|below| below.frame != FrameCandidate::No && !is_heading(below))
        };
        let titles: Vec<usize> = left_out
            .iter()
            .copied()
            .filter(|index| is_heading(&document.blocks[*index]) && is_own(*index))
            .collect();
        for title in titles {
            left_out.remove(&title);
        }
        // A page that consists of repeated blocks only keeps them.
        if left_out.is_empty() || left_out.len() == document.blocks.len() {
            return document;
        }
        document.without(&left_out)
    }
}

fn is_heading(block: &TextBlock) -> bool {
    matches!(block.kind, BlockKind::Heading(_))
}

/// The blocks that may be part of a frame: index, kind, and a hash of the text.
fn marks(document: &Document) -> impl Iterator<Item = (usize, FrameCandidate, u64)> + '_ {
    document.texts().enumerate().filter(|(_, (block, _))| block.frame != FrameCandidate::No).map(
        |(index, (block, text))| {
            let digest = Sha256::digest(text.as_bytes());
            let mark = digest.iter().take(8).fold(0, |mark, byte| mark << 8 | u64::from(*byte));
            (index, block.frame, mark)
        },
    )
}
