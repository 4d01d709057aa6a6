//! Numbers, amounts and codes in a text: what a sentence must share with the passage it cites.

use std::collections::BTreeSet;

use hoidap_shared::text::fold;

/// Units by the words that name them, folded; a unit has one name in both languages.
const UNITS: [(&str, &[&str]); 16] = [
    ("%", &["%", "percent", "phan tram"]),
    ("kb", &["kb", "kib"]),
    ("mb", &["mb", "mib"]),
    ("gb", &["gb", "gib"]),
    ("tb", &["tb", "tib"]),
    ("ms", &["ms"]),
    ("second", &["s", "sec", "second", "seconds", "giay"]),
    ("minute", &["min", "minute", "minutes", "phut"]),
    ("hour", &["h", "hour", "hours", "gio", "tieng"]),
    ("day", &["day", "days", "ngay"]),
    ("week", &["week", "weeks", "tuan"]),
    ("month", &["month", "months", "thang"]),
    ("year", &["year", "years", "nam"]),
    ("vnd", &["d", "vnd", "dong", "₫"]),
    ("usd", &["usd", "dollar", "dollars", "$"]),
    ("eur", &["eur", "euro", "euros", "€"]),
];

/// A number or code in its normal form, and the unit behind it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Figure {
    value: String,
    unit: Option<&'static str>,
}

/// Every word of a text that holds a digit: `2.000`, `2,000` and `2000` are one, `20GB` is 20 and a unit, `DX-M101`
/// stays whole.
pub(crate) fn figures(text: &str) -> BTreeSet<Figure> {
    let words: Vec<String> = words(&fold(text));
    let mut found = BTreeSet::new();
    for (i, word) in words.iter().enumerate().filter(|(_, word)| word.chars().any(|c| c.is_ascii_digit())) {
        let digits = word.find(|c: char| !c.is_ascii_digit() && !".,".contains(c)).unwrap_or(word.len());
        let (number, rest) = word.split_at(digits);
        let behind = || words.get(i + 1).and_then(|next| unit(next));
        let before = || i.checked_sub(1).and_then(|i| words.get(i)).filter(|w| *w == "$" || *w == "€");
        let figure = match unit(rest) {
            Some(unit) if !number.is_empty() => Figure { value: plain(number), unit: Some(unit) },
            _ if rest.is_empty() => {
                Figure { value: plain(number), unit: behind().or_else(|| before().and_then(|w| unit(w))) }
            }
            _ => Figure { value: word.clone(), unit: None },
        };
        found.insert(figure);
    }
    found
}

/// Whether a text with the figures `have` can be the ground of one with the figure `need`: the same value, and the
/// same unit where both name one.
pub(crate) fn grounded(need: &Figure, have: &BTreeSet<Figure>) -> bool {
    have.iter().any(|known| {
        known.value == need.value && (need.unit.is_none() || known.unit.is_none() || known.unit == need.unit)
    })
}

/// Words with the marks that hold numbers and codes together; signs of units stand alone.
fn words(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut words: Vec<String> = vec![String::new()];
    for (i, &c) in chars.iter().enumerate() {
        let before = i.checked_sub(1).and_then(|i| chars.get(i)).copied().unwrap_or(' ');
        let after = chars.get(i + 1).copied().unwrap_or(' ');
        if c.is_alphanumeric() || joins(before, c, after) {
            if let Some(open) = words.last_mut() {
                open.push(c);
            }
        } else {
            if "%₫$€".contains(c) {
                words.push(c.to_string());
            }
            words.push(String::new());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Whether a mark holds together what stands on its sides: `2.000`, `10:30` and `DX-M101`, but not `20-30` or `đ/tháng`.
fn joins(before: char, mark: char, after: char) -> bool {
    let digits = before.is_ascii_digit() && after.is_ascii_digit();
    let letters = before.is_alphanumeric() && after.is_alphanumeric();
    match mark {
        '.' | ',' => letters,
        ':' | '/' => digits,
        '-' | '_' => letters && !digits,
        _ => false,
    }
}

fn unit(word: &str) -> Option<&'static str> {
    UNITS.iter().find(|(_, names)| names.contains(&word)).map(|(unit, _)| *unit)
}

/// A number without marks between thousands, with a point before decimals.
fn plain(number: &str) -> String {
    let number = number.trim_matches(['.', ',']);
    let groups: Vec<&str> = number.split(['.', ',']).collect();
    let thousands = |groups: &[&str]| groups.iter().skip(1).all(|group| group.len() == 3);
    match groups.as_slice() {
        all if groups.len() > 1 && all[0].len() <= 3 && all[0] != "0" && thousands(all) => all.concat(),
        [whole @ .., decimals] if whole.len() > 1 && thousands(whole) => {
            format!("{}.{decimals}", whole.concat())
        }
        all => all.join("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> (String, Option<&'static str>) {
        let found = figures(text);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        found.into_iter().next().map(|figure| (figure.value, figure.unit)).unwrap()
    }

    #[test]
    fn one_number_has_one_form() {
        for text in ["2.000.000 đồng", "2,000,000 đồng", "2000000đ", "2.000.000 ₫", "2,000,000 VND"]
        {
            assert_eq!(one(text), ("2000000".into(), Some("vnd")), "{text}");
        }
        assert_eq!(one("1,5 GB"), ("1.5".into(), Some("gb")));
        assert_eq!(one("1.234,5 MB."), ("1234.5".into(), Some("mb")));
        assert_eq!(one("sau 30 ngày"), one("after 30 days"));
        assert_eq!(one("$5"), ("5".into(), Some("usd")));
    }

    #[test]
    fn codes_stay_whole() {
        assert_eq!(one("lỗi DX-M101."), ("dx-m101".into(), None));
        assert_eq!(one("(24/7)"), ("24/7".into(), None));
        assert_eq!(one("5.1.1"), ("5.1.1".into(), None));
        assert_eq!(one("149.000đ/tháng"), ("149000".into(), Some("vnd")));
        assert_eq!(figures("20-30 GB").len(), 2);
    }

    #[test]
    fn another_value_or_unit_is_no_ground() {
        let have = figures("20 GB trong 30 ngày");
        let holds = |text: &str| figures(text).iter().all(|figure| grounded(figure, &have));
        assert!(holds("20GB") && holds("30 days") && holds("no figure at all"));
        assert!(!holds("20 TB") && !holds("30 giờ") && !holds("21 GB"));
    }
}
