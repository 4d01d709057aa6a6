//! The first thing that happens to a question: normal form, language, and the diacritics its writer left out.

mod follow_up;
mod language;
mod restore;
pub(crate) mod syllable;
mod words;

use hoidap_shared::{
    job::{Query, QueryKind},
    text::{Language, has_vietnamese_marks, normalise, search_form},
};

pub use follow_up::follow_up;
pub use words::Words;
pub(crate) use words::tokens;

/// Below this certainty a restoration is searched beside the words as they were typed, with equal right.
const DOUBTFUL: f32 = 0.5;

/// A text as Hoidap reads it.
#[derive(Clone, Debug, PartialEq)]
pub struct Understood {
    /// The text in its form for search.
    pub text: String,
    /// The language it is written in.
    pub language: Language,
    /// Vietnamese, typed without diacritics (or nearly so).
    pub bare: bool,
    /// The text with its diacritics put back, when it was bare and something changed.
    pub restored: Option<String>,
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
    words: Words,
    by_fold: words::ByFold,
}

impl TextModel {
    /// A model over the words of one or more collections; the common words of questions are added.
    pub fn new(mut words: Words) -> Self {
        words.add_common();
        let by_fold = words.by_fold();
        Self { words, by_fold }
    }

    /// Reads a text; `hint` is the language to believe when the text itself leaves it open, such as the page's.
    pub fn understand(&self, message: &str, hint: Option<Language>) -> Understood {
        let text = normalise(&search_form(message));
        let language = language::detect(&text, &self.by_fold, hint);
        let bare = language == Language::Vi && is_bare(&text);
        if !bare {
            return Understood { text, language, bare, restored: None, certainty: 1.0 };
        }
        let (restored, certainty) = restore::restore(&text, &self.words, &self.by_fold);
        let restored = Some(restored).filter(|restored| *restored != text);
        Understood { text, language, bare, restored, certainty }
    }
}

/// Whether so few syllables carry a mark that the writer must have left them out: about two in three do in
/// Vietnamese prose.
fn is_bare(text: &str) -> bool {
    let mut syllables = 0;
    let mut marked = 0;
    for word in words::tokens(text).filter(|word| syllable::is_syllable(word)) {
        syllables += 1;
        marked += usize::from(has_vietnamese_marks(&word));
    }
    marked * 5 <= syllables
}

/// The wordings to search for a question, without embeddings, the most trusted first.
///
/// A follow-up's rewriting comes before the words it was made from. Of a restored text both spellings are searched:
/// the restored one, and the typed one with the weight that the restoration's doubt leaves it.
pub fn queries(understood: &Understood, rewritten: Option<&str>) -> Vec<Query> {
    let query = |text: &str, kind, weight| Query { text: text.into(), kind, weight, embedding: None };
    let mut queries = Vec::new();
    if let Some(rewritten) = rewritten {
        queries.push(query(rewritten, QueryKind::Rewritten, 1.0));
    }
    // What stands alone says more than the follow-up it was made from.
    let share = if rewritten.is_some() { 0.5 } else { 1.0 };
    match &understood.restored {
        Some(restored) => {
            let doubt = if understood.certainty < DOUBTFUL { 1.0 } else { 1.0 - understood.certainty };
            queries.push(query(restored, QueryKind::Restored, share));
            queries.push(query(&understood.text, QueryKind::Asked, share * doubt.clamp(0.1, 1.0)));
        }
        None => queries.push(query(&understood.text, QueryKind::Asked, share)),
    }
    queries
}
