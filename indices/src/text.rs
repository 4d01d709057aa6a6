//! Interprets a question's text: normal form, language, restored diacritics, abbreviations, follow-ups and small talk.

mod abbreviations;
mod clarification_reply;
mod diacritics;
mod follow_up_markers;
mod follow_up_rewrite;
pub mod identifiers;
mod language;
mod message;
mod sibling_names;
mod small_talk;
mod spelling_model;
mod word_counts;
mod wordings;

use hoidap_shared::text::{Language, has_vietnamese_marks, is_syllable, normalise, search_form};

pub use abbreviations::Abbreviations;
pub use diacritics::RestorationCount;
pub use follow_up_rewrite::matches_name;
pub(crate) use language::is_english_grammar;
pub use message::{ResolvedMessage, UtteranceKind};
pub use sibling_names::SiblingNames;
pub use word_counts::WordCounts;
pub(crate) use word_counts::lower_words;
pub use wordings::standalone_wordings;

use self::{abbreviations::ExpandedText, small_talk::SmallTalkPhrases, spelling_model::SpellingModel};

/// A text with its language, and with diacritics and abbreviations restored.
#[derive(Clone, Debug, PartialEq)]
pub struct Interpretation {
    /// The text in its search form.
    pub text: String,
    /// The language it is written in.
    pub language: Language,
    /// Whether it is Vietnamese typed without diacritics (or with hardly any).
    pub bare: bool,
    /// The text with diacritics restored (if it was bare) and abbreviations expanded; `None` when nothing changed.
    pub restored: Option<String>,
    /// The same without expanding ambiguous abbreviations; `None` when there are none.
    pub as_typed: Option<String>,
    /// Certainty of the restoration, 0 to 1: the mean probability of the chosen syllables; 1 when nothing was restored.
    pub certainty: f32,
}

impl Interpretation {
    /// The restored text, or the text itself if nothing was restored.
    pub fn meaning(&self) -> &str {
        self.restored.as_deref().unwrap_or(&self.text)
    }
}

/// A model of the words of a site, for language detection and for restoring diacritics.
#[derive(Clone, Debug, Default)]
pub struct TextModel {
    spelling_model: SpellingModel,
    abbreviations: Abbreviations,
    phrases: SmallTalkPhrases,
    siblings: SiblingNames,
}

impl TextModel {
    /// A model of the words of one or more collections, with the built-in abbreviations. The common words of questions are
    /// added.
    pub fn new(words: WordCounts) -> Self {
        Self::with_abbreviations(words, Abbreviations::default())
    }

    /// The same with the given abbreviations.
    pub fn with_abbreviations(words: WordCounts, abbreviations: Abbreviations) -> Self {
        let spelling_model = SpellingModel::new(&words);
        Self {
            spelling_model,
            abbreviations,
            phrases: SmallTalkPhrases::default(),
            siblings: SiblingNames::default(),
        }
    }

    /// The same with the sibling names of the site's tables.
    #[must_use]
    pub fn with_sibling_names(self, siblings: SiblingNames) -> Self {
        Self { siblings, ..self }
    }

    /// Measures the restoration on a Vietnamese text with diacritics: the number of syllables that are restored correctly after
    /// their diacritics were removed, and the number of syllables. `None` for any other text. Every word that is spelled like a
    /// Vietnamese syllable counts, with or without diacritics.
    pub fn measure_restoration(&self, message: &str, hint: Option<Language>) -> Option<RestorationCount> {
        let Interpretation { text, language, bare, .. } = self.interpret(message, hint);
        (language == Language::Vi && !bare).then(|| diacritics::measure(&text, &self.spelling_model))
    }

    /// Interprets a text. `hint` is the language to assume when the text does not show it, such as the page's.
    pub fn interpret(&self, message: &str, hint: Option<Language>) -> Interpretation {
        let text = normalise(&search_form(message));
        let language = language::detect(&text, &self.spelling_model, &self.abbreviations, hint);
        let abbreviation = |word: &str| self.abbreviations.contains(word, language);
        let bare = language == Language::Vi && is_bare(&text, &abbreviation);
        let out = self.abbreviations.expand(&text, language);
        let ExpandedText { text: written, as_typed } =
            out.unwrap_or_else(|| ExpandedText { text: text.clone(), as_typed: None });
        let restore = |text: &str| match bare {
            true => diacritics::restore(text, &self.spelling_model),
            false => (text.to_string(), 1.0),
        };
        let (restored, certainty) = restore(&written);
        let restored = Some(restored).filter(|restored| *restored != text);
        let as_typed = as_typed.map(|as_typed| restore(&as_typed).0);
        Interpretation { text, language, bare, restored, as_typed, certainty }
    }
}

/// Whether so few syllables have diacritics that the writer must have left them out: in Vietnamese prose about two in three
/// have some.
fn is_bare(text: &str, passed_over: &impl Fn(&str) -> bool) -> bool {
    let mut syllables = 0;
    let mut marked = 0;
    let words = word_counts::lower_words(text).filter(|word| is_syllable(word) && !passed_over(word));
    for word in words {
        syllables += 1;
        marked += usize::from(has_vietnamese_marks(&word));
    }
    marked * 5 <= syllables
}
