//! Recognises Vietnamese syllables by their spelling rules: an onset and a rhyme.

use super::fold;

/// Onsets without diacritics, longest first. `q` is always written `qu`.
const ONSETS: [&str; 28] = [
    "ngh", "ch", "gh", "gi", "kh", "ng", "nh", "ph", "qu", "th", "tr", "b", "c", "d", "g", "h", "k", "l",
    "m", "n", "p", "r", "s", "t", "v", "x", "q", "",
];

/// Rhymes without diacritics, sorted.
const RHYMES: [&str; 110] = [
    "a", "ac", "ach", "ai", "am", "an", "ang", "anh", "ao", "ap", "at", "au", "ay", "e", "ec", "ech", "em",
    "en", "eng", "enh", "eo", "ep", "et", "eu", "i", "ia", "ich", "iec", "iem", "ien", "ieng", "iep", "iet",
    "ieu", "im", "in", "inh", "ip", "it", "iu", "o", "oa", "oac", "oach", "oai", "oam", "oan", "oang",
    "oanh", "oao", "oap", "oat", "oay", "oc", "oe", "oen", "oeo", "oet", "oi", "om", "on", "ong", "ooc",
    "oong", "op", "ot", "u", "ua", "uan", "uang", "uat", "uay", "uc", "ue", "uech", "uenh", "ui", "um", "un",
    "ung", "uo", "uoc", "uoi", "uom", "uon", "uong", "uop", "uot", "uou", "up", "ut", "uu", "uy", "uya",
    "uych", "uyen", "uyet", "uyn", "uynh", "uyp", "uyt", "y", "ych", "ye", "yem", "yen", "yet", "yeu", "ynh",
    "yt",
];

/// Whether a word is spelled like one Vietnamese syllable, with or without its diacritics.
pub fn is_syllable(word: &str) -> bool {
    // The longest syllable, "nghiêng", has seven letters.
    if word.is_empty() || word.len() > 24 {
        return false;
    }
    is_folded_syllable(&fold(word))
}

/// The same for a word without diacritics.
pub fn is_folded_syllable(folded: &str) -> bool {
    if folded.is_empty() || folded.len() > 7 || !folded.bytes().all(|b| b.is_ascii_lowercase()) {
        return false;
    }
    ONSETS.iter().any(|onset| folded.strip_prefix(onset).is_some_and(|rest| fits(onset, rest)))
}

fn fits(onset: &str, rest: &str) -> bool {
    match onset {
        // "gì", "quốc": onset and rhyme share a vowel.
        "gi" if rest.is_empty() => true,
        "q" => rest == "uoc",
        _ => RHYMES.binary_search(&rest).is_ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::{RHYMES, is_syllable};

    #[test]
    fn rhymes_are_in_order() {
        assert!(RHYMES.is_sorted());
    }

    #[test]
    fn vietnamese_syllables_are_known_with_and_without_marks() {
        for word in
            ["nghiêng", "gì", "quốc", "khuyên", "mật", "khau", "đường", "thuê", "ở", "xoong", "giữa", "yêu"]
        {
            assert!(is_syllable(word), "{word}");
        }
    }

    #[test]
    fn other_words_are_not() {
        for word in
            ["how", "password", "debian", "vacuum", "file", "x86", "", "ffff", "wifi", "straß", "what"]
        {
            assert!(!is_syllable(word), "{word}");
        }
    }
}
