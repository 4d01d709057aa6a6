use hoidap_shared::text::{Language, has_vietnamese_marks, is_syllable};

use super::{abbreviations::Abbreviations, spelling_model::SpellingModel, word_counts::lower_words};

/// Weight of an English function word.
const ENGLISH_GRAMMAR_WEIGHT: f64 = 2.5;

/// Weight of a word that is not spelled like a Vietnamese syllable. It is low, since Vietnamese questions contain names and
/// technical terms, too.
const FOREIGN_WEIGHT: f64 = 0.6;

/// Weight of a syllable with Vietnamese diacritics.
const MARKED_SYLLABLE_WEIGHT: f64 = 2.5;

/// Weight of a common word of either language that is spelled like a Vietnamese syllable.
const COMMON_WORD_WEIGHT: f64 = 1.0;

/// Weight of any other word that is spelled like a Vietnamese syllable.
const UNKNOWN_SYLLABLE_WEIGHT: f64 = 0.5;

/// Weight of the page's language.
const PAGE_LANGUAGE_WEIGHT: f64 = 0.75;

/// English function words that Vietnamese questions do not borrow.
const ENGLISH_GRAMMAR_WORDS: &str = " how what where when why which who whose is are was were does did has have my your our their its \
    with without from for of and or if this that these should would could will please there much many after before \
    about tell ";

/// Common English words that are spelled like a Vietnamese syllable.
const AMBIGUOUS_ENGLISH_WORDS: &str = " a am an at can chat do get go got had he her him hi hot i in it let long man me men mean my no not on \
    one out put run say see set so sun ten than the them then they thing think to too top up us we you ";

/// English words of courtesy that are not spelled like a Vietnamese syllable.
const ENGLISH_COURTESY_WORDS: &str = " thanks thank yes yeah yep nope great perfect sure goodbye awesome cool please human agent person someone talk speak bye byebye hello hey ";

/// Detects the language of a text: Vietnamese when the sum of its words' weights is not negative.
pub(super) fn detect(
    text: &str,
    spelling_model: &SpellingModel,
    abbreviations: &Abbreviations,
    hint: Option<Language>,
) -> Language {
    let hinted = match hint {
        Some(Language::Vi) => PAGE_LANGUAGE_WEIGHT,
        Some(Language::En) => -PAGE_LANGUAGE_WEIGHT,
        None => 0.0,
    };
    let vietnamese =
        lower_words(text).fold(hinted, |sum, word| sum + word_weight(&word, spelling_model, abbreviations));
    if vietnamese >= 0.0 { Language::Vi } else { Language::En }
}

/// Whether a word in lower case is an English function word that Vietnamese texts do not borrow.
pub(crate) fn is_english_grammar(word: &str) -> bool {
    is_listed(ENGLISH_GRAMMAR_WORDS, word)
}

fn is_listed(list: &str, word: &str) -> bool {
    list.contains(&format!(" {word} "))
}

fn word_weight(word: &str, spelling_model: &SpellingModel, abbreviations: &Abbreviations) -> f64 {
    let listed = |list: &str| is_listed(list, word);
    if !word.chars().any(char::is_alphabetic) {
        0.0
    } else if is_english_grammar(word) {
        -ENGLISH_GRAMMAR_WEIGHT
    } else if listed(ENGLISH_COURTESY_WORDS) {
        -COMMON_WORD_WEIGHT
    } else if abbreviations.is_vietnamese(word) {
        COMMON_WORD_WEIGHT
    } else if is_syllable(word) {
        match (has_vietnamese_marks(word), listed(AMBIGUOUS_ENGLISH_WORDS), spelling_model.knows(word)) {
            (true, _, _) => MARKED_SYLLABLE_WEIGHT,
            (false, true, _) => -COMMON_WORD_WEIGHT,
            (false, false, true) => COMMON_WORD_WEIGHT,
            (false, false, false) => UNKNOWN_SYLLABLE_WEIGHT,
        }
    } else if has_vietnamese_marks(word) {
        // A word such as "café" counts for neither.
        0.0
    } else {
        -FOREIGN_WEIGHT
    }
}
