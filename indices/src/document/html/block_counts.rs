//! Counts of a block of text.

/// What a block or a cell contains.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct BlockCounts {
    /// Characters of text, without white space.
    pub(super) text: usize,
    /// Those of them in links.
    pub(super) linked: usize,
    pub(super) links: usize,
    /// It has a button or a field.
    pub(super) control: bool,
}

impl BlockCounts {
    /// Adds the counts of a part.
    pub(super) fn add(&mut self, other: Self) {
        self.text += other.text;
        self.linked += other.linked;
        self.links += other.links;
        self.control |= other.control;
    }
}
