//! Units of measure, and number words.

/// Units and the folded words for them; a unit has one name in both languages.
const UNITS: [(&str, &[&str]); 30] = [
    ("%", &["%", "percent"]),
    ("kb", &["kb", "kib"]),
    ("mb", &["mb", "mib"]),
    ("gb", &["gb", "gib"]),
    ("tb", &["tb", "tib"]),
    ("mbps", &["mbps"]),
    ("gbps", &["gbps"]),
    ("ms", &["ms"]),
    ("second", &["s", "sec", "second", "seconds", "giay"]),
    ("minute", &["min", "mins", "minute", "minutes", "phut"]),
    ("hour", &["h", "hour", "hours", "gio", "tieng"]),
    ("day", &["day", "days", "ngay"]),
    ("week", &["week", "weeks", "tuan"]),
    ("month", &["month", "months", "thang"]),
    ("year", &["year", "years", "nam", "tuoi"]),
    ("vnd", &["d", "vnd", "dong", "₫"]),
    ("usd", &["usd", "dollar", "dollars", "$"]),
    ("eur", &["eur", "euro", "euros", "€"]),
    ("kg", &["kg", "kilogram", "kilograms"]),
    ("g", &["g", "gram", "grams", "gam"]),
    ("km", &["km", "kilometre", "kilometres", "kilometer", "kilometers"]),
    ("m", &["m", "metre", "metres", "meter", "meters", "met"]),
    ("cm", &["cm", "centimetre", "centimetres", "centimeter", "centimeters"]),
    ("mm", &["mm", "millimetre", "millimetres", "millimeter", "millimeters"]),
    ("l", &["l", "lit", "litre", "litres", "liter", "liters"]),
    ("ml", &["ml", "millilitre", "millilitres", "milliliter", "milliliters"]),
    ("w", &["w", "watt", "watts"]),
    ("kwh", &["kwh"]),
    ("mah", &["mah"]),
    ("inch", &["inch", "inches"]),
];

/// What units measure. Only amounts with the same measure are comparable.
const DIMENSIONS: [(&str, &[&str]); 7] = [
    ("share", &["%"]),
    ("size", &["kb", "mb", "gb", "tb"]),
    ("time", &["ms", "second", "minute", "hour", "day", "week", "month", "year"]),
    ("money", &["vnd", "usd", "eur"]),
    ("weight", &["kg", "g"]),
    ("length", &["km", "m", "cm", "mm", "inch"]),
    ("volume", &["l", "ml"]),
];

/// Units as multiples of another one, for conversion.
const MULTIPLES: [(&str, f64, &str); 16] = [
    ("week", 7.0, "day"),
    ("year", 12.0, "month"),
    ("minute", 60.0, "second"),
    ("ms", 0.001, "second"),
    ("hour", 3_600.0, "second"),
    ("day", 86_400.0, "second"),
    ("month", 2_592_000.0, "second"),
    ("kb", 0.001, "mb"),
    ("gb", 1_000.0, "mb"),
    ("tb", 1_000_000.0, "mb"),
    ("g", 0.001, "kg"),
    ("mm", 0.001, "m"),
    ("cm", 0.01, "m"),
    ("inch", 0.0254, "m"),
    ("km", 1_000.0, "m"),
    ("ml", 0.001, "l"),
];

/// Folded words for powers of ten.
const POWERS: [(&str, &[&str]); 3] = [
    ("000", &["k", "nghin", "ngan", "thousand"]),
    ("000000", &["tr", "trieu", "million", "millions"]),
    ("000000000", &["ty", "ti", "billion", "billions"]),
];

/// Number words, in lower case with diacritics.
const NUMBERS: [(&str, u32); 28] = [
    ("hai", 2),
    ("ba", 3),
    ("bốn", 4),
    ("năm", 5),
    ("sáu", 6),
    ("bảy", 7),
    ("bẩy", 7),
    ("tám", 8),
    ("chín", 9),
    ("mười", 10),
    ("two", 2),
    ("three", 3),
    ("four", 4),
    ("five", 5),
    ("six", 6),
    ("seven", 7),
    ("eight", 8),
    ("nine", 9),
    ("ten", 10),
    ("eleven", 11),
    ("twelve", 12),
    ("fifteen", 15),
    ("twenty", 20),
    ("thirty", 30),
    ("forty", 40),
    ("fifty", 50),
    ("sixty", 60),
    ("ninety", 90),
];

/// Words before a unit that mean "one", in lower case with diacritics.
const ONES: [&str; 8] = ["một", "one", "mỗi", "per", "a", "an", "hàng", "each"];

/// The unit for a folded word.
pub(crate) fn find_unit(word: &str) -> Option<&'static str> {
    UNITS.iter().find(|(_, names)| names.contains(&word)).map(|(unit, _)| *unit)
}

/// What a unit measures; a unit without a group measures itself.
pub(crate) fn dimension(unit: &'static str) -> &'static str {
    DIMENSIONS.iter().find(|(_, units)| units.contains(&unit)).map_or(unit, |(name, _)| *name)
}

/// Converts an amount to its base unit.
pub(crate) fn to_base_unit(value: f64, unit: &'static str) -> f64 {
    MULTIPLES
        .iter()
        .find(|(name, _, _)| *name == unit)
        .map_or(value, |(_, times, base)| to_base_unit(value * times, base))
}

/// The zeros of a power of ten.
pub(super) fn power_of_ten(word: &str) -> Option<&'static str> {
    POWERS.iter().find(|(_, names)| names.contains(&word)).map(|(zeros, _)| *zeros)
}

/// The value of a number word, from two on.
pub(super) fn number_word(word: &str) -> Option<u32> {
    NUMBERS.iter().find(|(name, _)| *name == word).map(|(_, n)| *n)
}

/// Whether a word before a unit means "one".
pub(super) fn is_one(word: &str) -> bool {
    ONES.contains(&word)
}
