//! Finds where two texts stand beside each other without a space, since only a style sheet parts them: a name and its price.
//!
//! Editors part words into elements, too, so what stands on both sides decides.

use scraper::node::Element;

/// Elements within a line that a style sheet may part from the one before.
const INLINE_ELEMENTS: [&str; 12] =
    ["span", "a", "b", "strong", "em", "i", "small", "time", "data", "ins", "bdi", "mark"];

/// Shortest word that is no unit of the number before it.
const MIN_WORD_CHARS: usize = 3;

/// The place between an element that ended and the next one, as long as no text stands there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Seam {
    /// There is text.
    #[default]
    None,
    /// An element ended; whether it has a look of its own.
    Ended { styled: bool },
    /// Another one began. `styled` counts those with a look; `over_empty` says whether an empty element is between.
    Between { styled: u8, over_empty: bool },
}

impl Seam {
    /// The place after an element begins.
    pub(super) fn begin(self, element: &Element) -> Self {
        if !INLINE_ELEMENTS.contains(&element.name()) {
            return Self::None;
        }
        let is_styled = u8::from(is_styled(element));
        match self {
            Self::None => Self::None,
            Self::Ended { styled } => {
                Self::Between { styled: u8::from(styled) + is_styled, over_empty: false }
            }
            Self::Between { styled, over_empty } => {
                Self::Between { styled: styled.max(is_styled), over_empty }
            }
        }
    }

    /// The place after an element ends. Elements that end together are one, and so are empty ones.
    pub(super) fn end(self, element: &Element) -> Self {
        if !INLINE_ELEMENTS.contains(&element.name()) {
            return Self::None;
        }
        match self {
            Self::None => Self::Ended { styled: is_styled(element) },
            Self::Ended { styled } => Self::Ended { styled: styled || is_styled(element) },
            Self::Between { styled, .. } => Self::Between { styled, over_empty: true },
        }
    }

    /// Whether a space is missing between the text before and the text behind.
    pub(super) fn parts(self, before: &str, behind: &str) -> bool {
        let Self::Between { styled, over_empty } = self else { return false };
        let (Some(last), Some(first)) = (before.chars().last(), behind.chars().next()) else { return false };
        let of_words = last.is_alphanumeric() || matches!(last, ')' | '%');
        if !first.is_alphanumeric() && !matches!(first, '(' | '$' | '€' | '£') {
            return false;
        }
        if last == ':' {
            return before.chars().rev().nth(1).is_some_and(char::is_alphabetic);
        }
        if over_empty && of_words {
            return true;
        }
        // Not a letter that is set apart: `iPhone`.
        let is_word = before.chars().rev().take(2).filter(|c| c.is_alphabetic()).count() > 1;
        let next_word = behind.chars().take(MIN_WORD_CHARS).filter(|c| c.is_alphabetic()).count();
        let is_number = first.is_ascii_digit() || matches!(first, '$' | '€' | '£');
        match (last, first) {
            (_, '(') => styled > 1 && of_words,
            (')' | '%', _) => styled > 1,
            _ if is_word && is_number => styled > 0,
            _ if is_word && last.is_lowercase() && first.is_uppercase() => styled > 1,
            _ if last.is_ascii_digit() && first.is_alphabetic() => styled > 1 && next_word >= MIN_WORD_CHARS,
            _ => false,
        }
    }
}

/// Whether an element has a look that a style sheet gives it.
fn is_styled(element: &Element) -> bool {
    element.name() == "a" || element.attr("class").is_some()
}
