use hoidap_shared::text::{Language, has_vietnamese_marks};

use super::{abbreviations::Abbreviations, spellings::Spellings, syllable::is_syllable, words::tokens};

/// What a word of English grammar says for English.
const GRAMMAR: f64 = 2.5;

/// What a word says that no Vietnamese syllable is spelled like; names and technical terms stand in Vietnamese
/// questions, too.
const FOREIGN: f64 = 0.6;

/// What a syllable with a Vietnamese mark says for Vietnamese.
const MARKED: f64 = 2.5;

/// What a word says that is spelled like a Vietnamese syllable and is a common one, or a common English word.
const COMMON: f64 = 1.0;

/// What any other word of a Vietnamese spelling says.
const POSSIBLE: f64 = 0.5;

/// What the page's language says when the words leave it open.
const HINT: f64 = 0.75;

/// English words that no Vietnamese question borrows.
const ENGLISH: &str = " how what where when why which who whose is are was were does did has have my your our their its \
    with without from for of and or if this that these should would could will please there much many after before \
    about tell ";

/// Common English words that are spelled like a Vietnamese syllable.
const BOTH: &str = " a am an at can chat do get go got had he her him hi hot i in it let long man me men mean my no not on \
    one out put run say see set so sun ten than the them then they thing think to too top up us we you ";

/// English words of courtesy, which no Vietnamese syllable is spelled like.
const COURTEOUS: &str = " thanks thank yes yeah yep nope great perfect sure goodbye awesome cool please human agent person someone talk speak bye byebye hello hey ";

/// The language of a text: Vietnamese when its words speak more for it than for English.
pub(super) fn detect(
    text: &str,
    spellings: &Spellings,
    abbreviations: &Abbreviations,
    hint: Option<Language>,
) -> Language {
    let hinted = match hint {
        Some(Language::Vi) => HINT,
        Some(Language::En) => -HINT,
        None => 0.0,
    };
    let vietnamese = tokens(text).fold(hinted, |sum, word| sum + evidence(&word, spellings, abbreviations));
    if vietnamese >= 0.0 { Language::Vi } else { Language::En }
}

fn evidence(word: &str, spellings: &Spellings, abbreviations: &Abbreviations) -> f64 {
    let listed = |list: &str| list.contains(&format!(" {word} "));
    if !word.chars().any(char::is_alphabetic) {
        0.0
    } else if listed(ENGLISH) {
        -GRAMMAR
    } else if listed(COURTEOUS) {
        -COMMON
    } else if abbreviations.is_vietnamese(word) {
        COMMON
    } else if is_syllable(word) {
        match (has_vietnamese_marks(word), listed(BOTH), spellings.knows(word)) {
            (true, _, _) => MARKED,
            (false, true, _) => -COMMON,
            (false, false, true) => COMMON,
            (false, false, false) => POSSIBLE,
        }
    } else if has_vietnamese_marks(word) {
        // A name such as "café" decides nothing.
        0.0
    } else {
        -FOREIGN
    }
}
