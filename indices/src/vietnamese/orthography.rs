//! Checks whether a spelling with diacritics is Vietnamese: letters, onset, rhyme, tone, and the position of the tone mark.

use unicode_normalization::UnicodeNormalization;

/// Onsets, longest first; the last one is empty.
const ONSETS: [&str; 28] = [
    "ngh", "ch", "gh", "gi", "kh", "ng", "nh", "ph", "qu", "th", "tr", "b", "c", "d", "đ", "g", "h", "k",
    "l", "m", "n", "p", "r", "s", "t", "v", "x", "",
];

/// Rhymes without tone, sorted.
const RHYMES: [&str; 160] = [
    "a", "ac", "ach", "ai", "am", "an", "ang", "anh", "ao", "ap", "at", "au", "ay", "e", "ec", "em", "en",
    "eng", "eo", "ep", "et", "i", "ia", "ich", "im", "in", "inh", "ip", "it", "iu", "iêc", "iêm", "iên",
    "iêng", "iêp", "iêt", "iêu", "o", "oa", "oac", "oach", "oai", "oam", "oan", "oang", "oanh", "oao", "oap",
    "oat", "oay", "oc", "oe", "oen", "oeo", "oet", "oi", "om", "on", "ong", "ooc", "oong", "op", "ot", "oăc",
    "oăm", "oăn", "oăng", "oăp", "oăt", "u", "ua", "uc", "ui", "um", "un", "ung", "up", "ut", "uy", "uya",
    "uych", "uyn", "uynh", "uyp", "uyt", "uyu", "uyên", "uyêt", "uân", "uâng", "uât", "uây", "uê", "uêch",
    "uênh", "uôc", "uôi", "uôm", "uôn", "uông", "uôt", "uơ", "y", "yêm", "yên", "yêng", "yêt", "yêu", "âc",
    "âm", "ân", "âng", "âp", "ât", "âu", "ây", "ê", "êch", "êm", "ên", "ênh", "êp", "êt", "êu", "ô", "ôc",
    "ôi", "ôm", "ôn", "ông", "ôp", "ôt", "ăc", "ăm", "ăn", "ăng", "ăp", "ăt", "ơ", "ơi", "ơm", "ơn", "ơp",
    "ơt", "ư", "ưa", "ưc", "ưi", "ưm", "ưng", "ưt", "ưu", "ươc", "ươi", "ươm", "ươn", "ương", "ươp", "ươt",
    "ươu",
];

/// Endings after "gi" that share its vowel: "gì", "gìn", "giết".
const SHARED_I: [&str; 6] = ["", "n", "êc", "ên", "êng", "êt"];

/// Endings after "qu", besides the rhymes with a, ă, â, e, ê or i: "quở", "quốc", "quý".
const AFTER_QU: [&str; 9] = ["ơ", "ôc", "y", "yt", "ych", "yn", "ynh", "yên", "yêt"];

/// Onsets before a lone "y": "kỹ", "lý", "Thy".
const BEFORE_Y: [&str; 9] = ["", "h", "k", "l", "m", "s", "t", "v", "th"];

/// A word without its tone, and the tone with the index of its letter.
struct Toned {
    letters: String,
    tone: Option<(usize, char)>,
}

/// Whether a lower-case word is spelled like one Vietnamese syllable, including its diacritics. Both common positions of a tone
/// mark ("hòa", "hoà") are correct.
pub(crate) fn is_vietnamese_spelling(word: &str) -> bool {
    let Some(Toned { letters, tone }) = without_tone(word) else { return false };
    let stopped = letters.ends_with(['c', 'p', 't']) || letters.ends_with("ch");
    if stopped && !matches!(tone, Some((_, ACUTE | DOT_BELOW))) {
        return false;
    }
    ONSETS.iter().any(|onset| {
        letters.strip_prefix(onset).is_some_and(|rhyme| {
            let at = tone.map(|(position, _)| position.checked_sub(onset.chars().count()));
            fits(onset, rhyme) && at.is_none_or(|at| may_bear_tone(onset, rhyme, at))
        })
    })
}

const GRAVE: char = '\u{300}';
const ACUTE: char = '\u{301}';
const TILDE: char = '\u{303}';
const HOOK: char = '\u{309}';
const DOT_BELOW: char = '\u{323}';

/// Separates the tone from a word. `None` for a word with two tones or with letters that Vietnamese does not have.
fn without_tone(word: &str) -> Option<Toned> {
    let mut toned = Toned { letters: String::with_capacity(word.len()), tone: None };
    for (position, letter) in word.nfc().enumerate() {
        let mut base = String::new();
        for part in std::iter::once(letter).nfd() {
            match part {
                GRAVE | ACUTE | TILDE | HOOK | DOT_BELOW if toned.tone.is_some() => return None,
                GRAVE | ACUTE | TILDE | HOOK | DOT_BELOW => toned.tone = Some((position, part)),
                _ => base.push(part),
            }
        }
        toned.letters.extend(base.nfc());
    }
    let known =
        |c: char| matches!(c, 'a'..='z' | 'ă' | 'â' | 'đ' | 'ê' | 'ô' | 'ơ' | 'ư') && !"fjwz".contains(c);
    (!toned.letters.is_empty() && toned.letters.chars().all(known)).then_some(toned)
}

fn fits(onset: &str, rhyme: &str) -> bool {
    let listed = RHYMES.binary_search(&rhyme).is_ok();
    let starts = |letters: &[char]| rhyme.starts_with(letters);
    match onset {
        "gi" => SHARED_I.contains(&rhyme) || listed && !starts(&['i', 'y', 'ê']),
        "qu" => {
            let glides =
                starts(&['a', 'ă', 'â', 'e', 'ê', 'i']) && !starts_with_any(rhyme, &["ia", "iê", "iu"]);
            AFTER_QU.contains(&rhyme) || listed && glides
        }
        "k" | "gh" | "ngh" if !starts(&['i', 'e', 'ê', 'y']) => false,
        "c" | "g" | "ng" if starts(&['i', 'e', 'ê', 'y']) => false,
        _ if rhyme == "y" => BEFORE_Y.contains(&onset),
        _ if starts(&['y']) => onset.is_empty() && listed,
        "" => listed && !rhyme.starts_with("iê"),
        _ => listed,
    }
}

fn starts_with_any(text: &str, starts: &[&str]) -> bool {
    starts.iter().any(|start| text.starts_with(start))
}

/// Whether the tone mark may be on letter `at` of the rhyme (`None`: on the onset).
fn may_bear_tone(onset: &str, rhyme: &str, at: Option<usize>) -> bool {
    let Some(at) = at else { return onset == "gi" && matches!(rhyme, "" | "n") };
    if matches!(rhyme, "oa" | "oe" | "uy") {
        return at < 2;
    }
    let letters: Vec<char> = rhyme.chars().collect();
    let vowels = letters.iter().take_while(|c| "aăâeêioôơuưy".contains(**c)).count();
    let position = match letters.iter().rposition(|c| "ăâêôơư".contains(*c)) {
        Some(shaped) => shaped,
        // "án", "hoán"; "ngoái", "khuỷu"; "mùa", "mái".
        None if vowels < letters.len() => vowels.saturating_sub(1),
        None if vowels > 2 => 1,
        None => 0,
    };
    at == position
}

#[cfg(test)]
mod tests {
    use super::{RHYMES, is_vietnamese_spelling};

    #[test]
    fn rhymes_are_in_order() {
        assert!(RHYMES.is_sorted());
    }

    #[test]
    fn words_are_vietnamese_by_their_diacritics() {
        for words in [
            "gì gìn giết giếng giữa già giặt giục quốc quý quyển quở quét quên quỹ nghiêng nghỉ nghề ngừng gặp ghế",
            "kỹ kẻ cần của ước ở ý ấy ầm ăn yêu y uống ưu khuỷu khuya thuở xoong ngoằn thuê huênh hoạch được đường",
            "điện ảnh ích ít ỉu hòa hoà thúy thuý khỏe khoẻ lý mỹ tỷ mà không trong toàn loại ngoáy việt muỗng",
        ] {
            words.split(' ').for_each(|word| assert!(is_vietnamese_spelling(word), "{word}"));
        }
    }

    #[test]
    fn what_other_languages_write_is_not() {
        for words in [
            "ĝi mă să că ču čo în käse mã́ café naïve châ nhâ ngươ mât môt đuợc tốí hiệụ cuả qúy gìa lâ nă kà cí gế",
            "ngỉ ghà nghà mắcc tàt mổc thuôngh đ ffff file wifi chat iến yán dý ñan",
        ] {
            words.split(' ').for_each(|word| assert!(!is_vietnamese_spelling(word), "{word}"));
        }
    }
}
