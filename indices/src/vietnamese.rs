//! Spelling rules of Vietnamese: syllables, diacritics and tone marks.

pub(crate) mod orthography;
pub(crate) mod syllable;
pub(crate) mod tone_marks;
