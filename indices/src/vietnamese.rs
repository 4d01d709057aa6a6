//! Spelling rules of Vietnamese: diacritics and tone marks.

pub(crate) mod orthography;
pub(crate) mod tone_marks;
