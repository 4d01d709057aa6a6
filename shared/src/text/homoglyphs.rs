//! Letters of other scripts that stand in Latin words. The Unicode consortium's own tables of confusables go too far for a search:
//! they make one of `0` and `O`, of `1`, `l` and `I`, and of `m` and `rn`.

use unicode_normalization::char::is_combining_mark;

/// Cyrillic and Greek letters, and the Latin ones that a reader takes them for.
const PAIRS: [(&str, &str); 4] = [
    ("АВЕЅІЈКМНОРСТУҮХԚԜӀ", "ABESIJKMHOPCTYYXQWI"),
    ("аеѕіјкморсухԁһԛԝӏүԍ", "aesijkmopcyxdhqwlyg"),
    ("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧϹͿ", "ABEZHIKMNOPTYXCJ"),
    ("αοινκρυχμϲϳ", "aoivkpuxucj"),
];

/// A text whose Latin words hold Latin letters only. A word of another script stays, unless every letter of it passes for a
/// Latin one.
pub(super) fn write_latin(text: &str) -> String {
    if !text.chars().any(|c| latin(c).is_some()) {
        return text.to_string();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let in_word = |c: char| c.is_alphanumeric() || is_combining_mark(c);
        let word = &rest[..rest.find(|c| !in_word(c)).unwrap_or(rest.len())];
        if passes_for_latin(word) {
            out.extend(word.chars().map(|c| latin(c).unwrap_or(c)));
        } else {
            out.push_str(word);
        }
        rest = &rest[word.len()..];
        let gap = &rest[..rest.find(in_word).unwrap_or(rest.len())];
        out.push_str(gap);
        rest = &rest[gap.len()..];
    }
    out
}

fn passes_for_latin(word: &str) -> bool {
    let letters = || word.chars().filter(|c| c.is_alphabetic());
    if letters().any(is_latin) {
        return true;
    }
    // A lone small letter is a sign: α, μ, ν.
    letters().all(|c| latin(c).is_some())
        && (word.chars().count() > 1 || word.chars().all(char::is_uppercase))
}

fn is_latin(c: char) -> bool {
    c.is_alphabetic() && (c < '\u{250}' || matches!(c, '\u{1E00}'..='\u{1EFF}'))
}

fn latin(c: char) -> Option<char> {
    if !matches!(c, '\u{370}'..='\u{52F}') {
        return None;
    }
    PAIRS.iter().find_map(|(others, ours)| {
        others.chars().zip(ours.chars()).find(|(other, _)| *other == c).map(|(_, our)| our)
    })
}

#[cfg(test)]
mod tests {
    use super::PAIRS;

    #[test]
    fn every_letter_has_its_pair() {
        for (others, ours) in PAIRS {
            assert_eq!(others.chars().count(), ours.chars().count(), "{others}");
            assert!(ours.is_ascii() && !others.chars().any(|c| c.is_ascii()), "{others}");
        }
    }
}
