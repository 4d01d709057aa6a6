//! The first thing that happens to a question: normal form, language, and the diacritics its writer left out.

mod abbreviations;
mod choice;
mod courtesy;
mod follow_up;
pub mod identifiers;
mod language;
mod markers;
mod orthography;
mod restore;
mod sentence;
mod siblings;
mod spelling;
mod spellings;
pub(crate) mod syllable;
mod wordings;
mod words;

use hoidap_shared::text::{Language, has_vietnamese_marks, normalise, search_form};

pub use abbreviations::Abbreviations;
pub use follow_up::names_it;
pub use sentence::{Reading, Sentence};
pub use siblings::Siblings;
pub use wordings::of as queries;
pub use words::Words;
pub(crate) use words::tokens;

use self::{abbreviations::WrittenOut, courtesy::Phrases, spellings::Spellings};

/// A text as Hoidap reads it.
#[derive(Clone, Debug, PartialEq)]
pub struct Understood {
    /// The text in its form for search.
    pub text: String,
    /// The language it is written in.
    pub language: Language,
    /// Vietnamese, typed without diacritics (or nearly so).
    pub bare: bool,
    /// The text with its diacritics put back, when it was bare, and its abbreviations written out; when something changed.
    pub restored: Option<String>,
    /// The same with those abbreviations as they were typed whose letters the site uses itself, when there are such.
    pub as_typed: Option<String>,
    /// How sure the restoration is, 0 to 1: the mean probability of the syllables chosen; 1 when nothing was restored.
    pub certainty: f32,
}

impl Understood {
    /// The best reading of the text: restored where that was needed.
    pub fn meaning(&self) -> &str {
        self.restored.as_deref().unwrap_or(&self.text)
    }
}

/// What is known of the words of a site: the base of language detection and restoration.
#[derive(Clone, Debug, Default)]
pub struct TextModel {
    spellings: Spellings,
    abbreviations: Abbreviations,
    phrases: Phrases,
    siblings: Siblings,
}

impl TextModel {
    /// A model over the words of one or more collections, with the built-in abbreviations; the common words of
    /// questions are added.
    pub fn new(words: Words) -> Self {
        Self::abbreviating(words, Abbreviations::default())
    }

    /// The same with the given abbreviations.
    pub fn abbreviating(words: Words, abbreviations: Abbreviations) -> Self {
        let spellings = Spellings::new(&words);
        Self { spellings, abbreviations, phrases: Phrases::default(), siblings: Siblings::default() }
    }

    /// The same with what stands beside each other in the site's tables.
    #[must_use]
    pub fn with_siblings(self, siblings: Siblings) -> Self {
        Self { siblings, ..self }
    }

    /// How many syllables of a Vietnamese text with diacritics come back right when they are taken away, and of how many;
    /// `None` for any other text. Every word counts that is spelled like a Vietnamese syllable, marks or none.
    pub fn restores(&self, message: &str, hint: Option<Language>) -> Option<(usize, usize)> {
        let Understood { text, language, bare, .. } = self.understand(message, hint);
        (language == Language::Vi && !bare).then(|| restore::measure(&text, &self.spellings))
    }

    /// Reads a text; `hint` is the language to believe when the text itself leaves it open, such as the page's.
    pub fn understand(&self, message: &str, hint: Option<Language>) -> Understood {
        let text = normalise(&search_form(message));
        let language = language::detect(&text, &self.spellings, &self.abbreviations, hint);
        let abbreviation = |word: &str| self.abbreviations.knows(word, language);
        let bare = language == Language::Vi && is_bare(&text, &abbreviation);
        let out = self.abbreviations.write_out(&text, language);
        let WrittenOut { text: written, as_typed } =
            out.unwrap_or_else(|| WrittenOut { text: text.clone(), as_typed: None });
        let restore = |text: &str| match bare {
            true => restore::restore(text, &self.spellings),
            false => (text.to_string(), 1.0),
        };
        let (restored, certainty) = restore(&written);
        let restored = Some(restored).filter(|restored| *restored != text);
        let as_typed = as_typed.map(|as_typed| restore(&as_typed).0);
        Understood { text, language, bare, restored, as_typed, certainty }
    }
}

/// Whether so few syllables carry a mark that the writer must have left them out: about two in three do in
/// Vietnamese prose.
fn is_bare(text: &str, passed_over: &impl Fn(&str) -> bool) -> bool {
    let mut syllables = 0;
    let mut marked = 0;
    let words = words::tokens(text).filter(|word| syllable::is_syllable(word) && !passed_over(word));
    for word in words {
        syllables += 1;
        marked += usize::from(has_vietnamese_marks(&word));
    }
    marked * 5 <= syllables
}
