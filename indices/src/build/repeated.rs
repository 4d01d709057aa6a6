//! What a site puts around its pages, known by being on many of them.
//!
//! Only blocks that stand where frames do are looked at ([`Frame`]). Lists of links that many pages have are left out of
//! all. Other text stays on the first page that has it, so that what is said on every page (a telephone number) is found
//! once.

use std::collections::{HashMap, HashSet};

use sha2::{Digest as _, Sha256};

use crate::document::{Document, Frame};

/// On how many pages a block is, at least, to be part of the site's frame: a number, and one page in so many.
const PAGES: u32 = 3;
const ONE_IN: u32 = 5;

/// The blocks of one page, and of all pages, that are counted; of more than these, those that were on one page so far are
/// forgotten.
const MAX_BLOCKS: usize = 2_000;
const MAX_COUNTED: usize = 500_000;

/// The blocks of a site's pages that may be part of its frame.
#[derive(Debug, Default)]
pub(super) struct Repeated {
    pages: u32,
    counts: HashMap<u64, u32>,
    /// Those that a page has kept.
    kept: HashSet<u64>,
}

impl Repeated {
    /// Counts the blocks of a page.
    pub(super) fn count(&mut self, document: &Document) {
        self.pages += 1;
        let blocks: HashSet<u64> = marks(document).map(|(_, _, mark)| mark).take(MAX_BLOCKS).collect();
        for mark in blocks {
            *self.counts.entry(mark).or_default() += 1;
        }
        if self.counts.len() > MAX_COUNTED {
            self.counts.retain(|_, count| *count > 1);
        }
    }

    /// Leaves out of a page what is the site's. Pages come in the order of their paths, so that the same are kept by every
    /// build.
    pub(super) fn leave_out(&mut self, document: Document) -> Document {
        let mut left_out = HashSet::new();
        for (block, frame, mark) in marks(&document) {
            let count = self.counts.get(&mark).copied().unwrap_or_default();
            let is_repeated = count >= PAGES && count.saturating_mul(ONE_IN) >= self.pages;
            if is_repeated && (frame == Frame::Links || !self.kept.insert(mark)) {
                left_out.insert(block);
            }
        }
        // A page that is nothing but its frame keeps it.
        if left_out.is_empty() || left_out.len() == document.blocks.len() {
            return document;
        }
        document.without(&left_out)
    }
}

/// The blocks that may be part of a frame: their places, and a hash of their text.
fn marks(document: &Document) -> impl Iterator<Item = (usize, Frame, u64)> + '_ {
    document.texts().enumerate().filter(|(_, (block, _))| block.frame != Frame::No).map(
        |(place, (block, text))| {
            let digest = Sha256::digest(text.as_bytes());
            let mark = digest.iter().take(8).fold(0, |mark, byte| mark << 8 | u64::from(*byte));
            (place, block.frame, mark)
        },
    )
}
