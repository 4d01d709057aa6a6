//! Extracts numbers, amounts and codes from a text.

mod units;

use std::{collections::BTreeSet, ops::Range};

use hoidap_shared::text::{fold, search_form};

pub(crate) use self::units::{dimension, find_unit, to_base_unit};
use self::units::{is_one, number_word, power_of_ten};

/// Words between the ends of a range, folded.
const RANGE_WORDS: [&str; 4] = ["den", "to", "toi", "until"];
/// Words between a number and its unit, folded: `3 working days`.
const WORDS_BEFORE_UNIT: [&str; 6] = ["working", "business", "calendar", "full", "consecutive", "whole"];
/// Words after a number that are not what it counts, folded.
const NON_COUNTED_WORDS: &str = " for on in per a an the and to of at from is are or until by with if each when after before per \
    cho den va moi mot trong tai o la cua toi do neu khi thi hoac tu voi duoc co khong ke tro sau truoc nhung con bi \
    se chi hay ma de ve theo tren duoi len khach ban ";

/// A number with its unit, or a code, in normal form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Quantity {
    value: String,
    unit: Option<&'static str>,
    /// Whether it counts something that is not a unit: `6 times`.
    counted: bool,
}

impl Quantity {
    /// Whether it is a code rather than an amount: `DX-M101`, `24/7`, `2.1.10`.
    pub(crate) fn is_code(&self) -> bool {
        self.unit.is_none() && self.value.parse::<f64>().is_err()
    }

    /// Whether it is the code that a folded word spells.
    pub(crate) fn is_code_named(&self, word: &str) -> bool {
        self.value == word
    }

    /// What its unit measures; `None` without a unit.
    pub(crate) fn dimension(&self) -> Option<&'static str> {
        self.unit.map(dimension)
    }

    /// Whether both have the same number, and one of them has no unit.
    pub(crate) fn has_number_of(&self, other: &Self) -> bool {
        self.value == other.value && (self.unit.is_none() || other.unit.is_none())
    }

    /// The currency of an amount of money.
    pub(crate) fn currency(&self) -> Option<&'static str> {
        self.unit.filter(|unit| dimension(unit) == "money")
    }

    /// The amount in the base unit, and what it measures.
    pub(crate) fn amount(&self) -> Option<(f64, Option<&'static str>)> {
        let value: f64 = self.value.parse().ok()?;
        Some((self.unit.map_or(value, |unit| to_base_unit(value, unit)), self.dimension()))
    }

    /// Whether both are the same amount or code. Units are converted; a missing unit matches any.
    pub(crate) fn equals(&self, other: &Self) -> bool {
        match (self.unit, other.unit) {
            (Some(mine), Some(theirs)) if mine != theirs => {
                let close = |a: f64, b: f64| (a - b).abs() <= 1e-9 * a.abs().max(b.abs());
                // Zero is not converted: 0 hours may be a time of day.
                // No rate of exchange is known.
                dimension(mine) == dimension(theirs)
                    && dimension(mine) != "money"
                    && self.value != "0"
                    && self.amount().zip(other.amount()).is_some_and(|(a, b)| close(a.0, b.0))
            }
            (Some(_), None) => self.value == other.value && !other.counted,
            (None, Some(_)) => self.value == other.value && !self.counted,
            _ => self.value == other.value,
        }
    }
}

/// The quantities of a text.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ExtractedQuantities {
    /// Stated quantities in text order: words with a digit, and number words before a unit.
    pub(crate) stated: Vec<Quantity>,
    /// Implied quantities: other number words, and `a month` as one month.
    pub(crate) implied: Vec<Quantity>,
    /// The text without quantities and their units.
    pub(crate) without_quantities: String,
    /// The same, but with codes.
    pub(crate) with_codes: String,
}

impl ExtractedQuantities {
    /// Stated and implied quantities.
    pub(crate) fn all(self) -> impl Iterator<Item = Quantity> {
        self.stated.into_iter().chain(self.implied)
    }
}

/// The quantities that a text states.
#[cfg(test)]
pub(crate) fn quantities(text: &str) -> BTreeSet<Quantity> {
    extract(text).stated.into_iter().collect()
}

/// Whether `have` contains a quantity equal to `need`.
pub(crate) fn contains_quantity(need: &Quantity, have: &BTreeSet<Quantity>) -> bool {
    have.iter().any(|known| known.equals(need))
}

/// Extracts a text's quantities: `2.000`, `2,000` and `2000` are equal, `20GB` is 20 with a unit, `DX-M101` stays
/// whole.
pub(crate) fn extract(text: &str) -> ExtractedQuantities {
    let lower = search_form(text).to_lowercase();
    let words = words(&lower);
    let mut found = ExtractedQuantities::default();
    let mut at = 0;
    // Quantities without a unit that may take it from the other end of their range.
    let mut open: Vec<(usize, usize)> = Vec::new();
    let mut kept = 0;
    while at < words.len() {
        let Some(ParsedQuantity { quantity, end: until, is_stated }) = parse_quantity(&words, at) else {
            at += 1;
            continue;
        };
        let end = words[until - 1].range.end;
        if is_stated {
            if let Some(unit) = quantity.unit {
                for (index, after) in open.drain(..) {
                    if is_range(&words, after, at) {
                        found.stated[index].unit = Some(unit);
                        found.stated[index].counted = false;
                    }
                }
            } else {
                open.clear();
            }
            if quantity.unit.is_none() && !quantity.is_code() {
                open.push((found.stated.len(), until));
            }
            let before = &lower[kept..words[at].range.start];
            found.without_quantities.push_str(before);
            found.without_quantities.push_str(" . ");
            found.with_codes.push_str(before);
            found.with_codes.push_str(if quantity.is_code() { &quantity.value } else { " . " });
            kept = end;
            found.stated.push(quantity);
        } else {
            found.implied.push(quantity);
        }
        at = until;
    }
    found.without_quantities.push_str(&lower[kept..]);
    found.with_codes.push_str(&lower[kept..]);
    found
}

fn is_range(words: &[QuantitySpan], after: usize, next: usize) -> bool {
    next == after || (next == after + 1 && RANGE_WORDS.contains(&words[after].folded.as_str()))
}

/// A quantity found in a text.
struct ParsedQuantity {
    quantity: Quantity,
    /// Index of the word behind it.
    end: usize,
    /// Whether the text states it; else the text only implies it.
    is_stated: bool,
}

impl ParsedQuantity {
    fn stated(quantity: Quantity, end: usize) -> Self {
        Self { quantity, end, is_stated: true }
    }
}

/// The quantity that begins at a word.
fn parse_quantity(words: &[QuantitySpan], at: usize) -> Option<ParsedQuantity> {
    let word = words.get(at)?;
    let unit_at = |i: usize| -> Option<(&'static str, usize)> {
        let next = words.get(i).filter(|next| next.close)?;
        if next.raw == "đô" {
            return Some(("usd", i + 1));
        }
        if next.folded == "phan" && words.get(i + 1).is_some_and(|after| after.folded == "tram") {
            return Some(("%", i + 2));
        }
        if let Some(unit) = find_unit(&next.folded) {
            return Some((unit, i + 1));
        }
        let after =
            words.get(i + 1).filter(|after| after.close).and_then(|after| find_unit(&after.folded))?;
        WORDS_BEFORE_UNIT.contains(&next.folded.as_str()).then_some((after, i + 2))
    };
    if !word.folded.contains(|c: char| c.is_ascii_digit()) {
        let teen =
            |after: &QuantitySpan| after.close.then(|| number_word(&after.raw).filter(|n| *n < 10)).flatten();
        if word.raw == "mười"
            && let Some(n) = words.get(at + 1).and_then(teen).or_else(|| one_after_ten(words.get(at + 1)?))
            && let Some((unit, until)) = unit_at(at + 2)
        {
            let quantity = Quantity { value: (10 + n).to_string(), unit: Some(unit), counted: false };
            return Some(ParsedQuantity::stated(quantity, until));
        }
        let counts = number_word(&word.raw);
        let (value, one) = match counts {
            Some(n) => (n, false),
            None if is_one(&word.raw) => (1, true),
            None => {
                let unit = find_unit(&word.folded).filter(|_| word.per)?;
                let quantity = Quantity { value: "1".into(), unit: Some(unit), counted: false };
                return Some(ParsedQuantity { quantity, end: at + 1, is_stated: false });
            }
        };
        let found = unit_at(at + 1);
        // "Năm" also means "year": it is a number only before a unit that is not month or year.
        if word.raw == "năm"
            && !matches!(found, Some(("day" | "week" | "hour" | "minute" | "second" | "%", _)))
        {
            return None;
        }
        let quantity = Quantity {
            value: value.to_string(),
            unit: found.map(|(unit, _)| unit),
            counted: found.is_none(),
        };
        return match found {
            Some((_, end)) => Some(ParsedQuantity { quantity, end, is_stated: !one }),
            None if one => None,
            None => Some(ParsedQuantity { quantity, end: at + 1, is_stated: false }),
        };
    }
    if let Some(found) = parse_time_of_day(words, at) {
        return Some(found);
    }
    let digits =
        word.folded.find(|c: char| !c.is_ascii_digit() && !".,".contains(c)).unwrap_or(word.folded.len());
    let (digits, rest) = word.folded.split_at(digits);
    let code = || Quantity { value: word.folded.clone(), unit: None, counted: false };
    if digits.is_empty() {
        return Some(ParsedQuantity::stated(code(), at + 1));
    }
    let mut until = at + 1;
    let mut value = normalise_number(digits);
    let mut unit_of = None;
    if let Some(zeros) = power_of_ten(rest) {
        value = scale_by_power(&value, zeros);
    } else if let Some(tail) = rest
        .strip_prefix("tr")
        .filter(|tail| !tail.is_empty() && tail.len() <= 3 && tail.bytes().all(|b| b.is_ascii_digit()))
    {
        // `2tr950` is 2.95 million.
        value = scale_by_power(&format!("{value}.{tail}"), "000000");
    } else if let Some(unit) = find_unit(rest) {
        unit_of = Some(unit);
    } else if !rest.is_empty() {
        return Some(ParsedQuantity::stated(code(), at + 1));
    } else if let Some(zeros) = words.get(until).and_then(|next| power_of_ten(&next.folded)) {
        value = scale_by_power(&value, zeros);
        until += 1;
    }
    if unit_of.is_none() {
        if let Some((unit, end)) = unit_at(until) {
            (unit_of, until) = (Some(unit), end);
        } else {
            let before = at.checked_sub(1).filter(|_| word.close).and_then(|i| words.get(i));
            let before = before.and_then(|word| find_unit(&word.folded));
            unit_of = before.filter(|unit| dimension(unit) == "money");
        }
    }
    let counted = unit_of.is_none()
        && words.get(until).is_some_and(|next| {
            next.close
                && next.folded.chars().all(char::is_alphabetic)
                && !NON_COUNTED_WORDS.contains(&format!(" {} ", next.folded))
        });
    if unit_of.is_some() && value.contains('.') {
        value = value.trim_end_matches('0').trim_end_matches('.').to_string();
    }
    Some(ParsedQuantity::stated(Quantity { value, unit: unit_of, counted }, until))
}

/// The "one" in "mười một".
fn one_after_ten(word: &QuantitySpan) -> Option<u32> {
    (word.close && word.raw == "một").then_some(1)
}

/// Parses a time of day: `8:00`, `8h30`, `8 giờ 30`, `8 pm`, `2 giờ chiều`.
fn parse_time_of_day(words: &[QuantitySpan], at: usize) -> Option<ParsedQuantity> {
    let text = words[at].folded.as_str();
    let hours = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (hour, mut rest) = text.split_at(hours);
    let mut hour: u32 = hour.parse().ok().filter(|hour| *hour <= 24)?;
    let mut until = at + 1;
    let half = ["am", "pm"].into_iter().find(|half| rest.ends_with(half));
    rest = half.map_or(rest, |half| &rest[..rest.len() - half.len()]);
    let mut minute = 0;
    let mut is_clock = half.is_some();
    if let Some(minutes) = rest.strip_prefix([':', 'h', 'g']).filter(|minutes| minutes.len() == 2) {
        minute = minutes.parse().ok().filter(|minute| *minute < 60)?;
        is_clock = true;
    } else if rest == "h" {
        is_clock = true;
    } else if !rest.is_empty() {
        return None;
    } else if !is_clock && words.get(until).is_some_and(|next| next.folded == "gio") {
        is_clock = true;
        until += 1;
        let minutes = words.get(until).and_then(|next| next.folded.parse::<u32>().ok());
        let unit_behind = words.get(until + 1).and_then(|next| find_unit(&next.folded));
        if let Some(given) = minutes.filter(|minute| *minute < 60)
            && matches!(unit_behind, None | Some("minute"))
            && words[until - 1].range.end + 1 == words[until].range.start
        {
            minute = given;
            until += 1 + usize::from(unit_behind.is_some());
        }
    }
    let next = words.get(until).map(|next| next.raw.as_str()).unwrap_or_default();
    if matches!(next, "am" | "pm") && half.is_none() {
        is_clock = true;
    }
    if !is_clock {
        return None;
    }
    if half == Some("pm") || (matches!(next, "pm" | "chiều" | "tối") && half.is_none()) {
        hour += if hour < 12 { 12 } else { 0 };
    }
    if half.is_none() && matches!(next, "am" | "pm" | "chiều" | "tối" | "sáng" | "trưa") {
        until += 1;
    }
    let value = if minute == 0 { hour.to_string() } else { format!("{hour}:{minute:02}") };
    Some(ParsedQuantity::stated(Quantity { value, unit: Some("hour"), counted: false }, until))
}

/// A word with its range and its folded form.
struct QuantitySpan {
    range: Range<usize>,
    raw: String,
    folded: String,
    /// Whether only white space separates it from the word before it.
    close: bool,
    /// Whether a slash precedes it: `đ/tháng`.
    per: bool,
}

/// Splits into words; marks inside numbers and codes are kept, and currency signs are words of their own.
fn words(text: &str) -> Vec<QuantitySpan> {
    let chars: Vec<(usize, char)> = text.char_indices().collect();
    let mut words: Vec<QuantitySpan> = Vec::new();
    let mut open = false;
    for (i, &(at, c)) in chars.iter().enumerate() {
        let beside = |i: Option<usize>| i.and_then(|i| chars.get(i)).map_or(' ', |(_, c)| *c);
        let (before, after) = (beside(i.checked_sub(1)), beside(Some(i + 1)));
        let end = at + c.len_utf8();
        if c.is_alphanumeric() || joins_token(before, c, after) {
            match words.last_mut().filter(|_| open) {
                Some(word) => word.range.end = end,
                None => words.push(QuantitySpan::at(at..end)),
            }
            open = true;
        } else {
            if "%₫$€".contains(c) {
                words.push(QuantitySpan::at(at..end));
            }
            open = false;
        }
    }
    let mut end = 0;
    for word in &mut words {
        word.raw = text[word.range.clone()].to_string();
        word.folded = fold(&word.raw);
        let between = &text[end..word.range.start];
        (word.close, word.per) = (between.trim().is_empty(), between.trim_end().ends_with('/'));
        end = word.range.end;
    }
    words
}

impl QuantitySpan {
    fn at(range: Range<usize>) -> Self {
        Self { range, raw: String::new(), folded: String::new(), close: false, per: false }
    }
}

/// Whether a mark joins its neighbours into one word: `2.000`, `10:30` and `DX-M101`, but not `20-30` or `đ/tháng`.
fn joins_token(before: char, mark: char, after: char) -> bool {
    let digits = before.is_ascii_digit() && after.is_ascii_digit();
    let letters = before.is_alphanumeric() && after.is_alphanumeric();
    match mark {
        '.' | ',' => letters,
        ':' | '/' => digits,
        '-' | '_' => letters && !digits,
        _ => false,
    }
}

/// A number without thousands separators, with a decimal point.
fn normalise_number(number: &str) -> String {
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

/// Multiplies by a power of ten; a number with several points is unchanged.
fn scale_by_power(number: &str, zeros: &str) -> String {
    let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
    if decimals.len() > zeros.len() || decimals.contains('.') {
        return number.to_string();
    }
    let value = format!("{whole}{decimals}{}", &zeros[decimals.len()..]);
    let trimmed = value.trim_start_matches('0');
    if trimmed.is_empty() { "0".into() } else { trimmed.into() }
}

#[cfg(test)]
mod tests;
