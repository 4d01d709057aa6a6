//! Finds phrases in a text as whole words, without case and diacritics.

use hoidap_shared::text::fold;
use unicode_segmentation::UnicodeSegmentation as _;

/// The folded words of a text.
pub(super) struct FoldedWords(String);

impl FoldedWords {
    pub(super) fn of(text: &str) -> Self {
        let folded = fold(text);
        Self(format!(" {} ", folded.unicode_words().collect::<Vec<_>>().join(" ")))
    }

    /// Whether one of the folded phrases is among them.
    pub(super) fn contain_any(&self, phrases: &[&str]) -> bool {
        phrases.iter().any(|phrase| self.0.contains(&format!(" {phrase} ")))
    }
}
