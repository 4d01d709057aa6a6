//! Generates false claims with another number, date, unit or name, or with words of the next sentence.

use hoidap_shared::text::{Language, fold};

use super::{
    ClaimGenerator, SyntheticClaim,
    tokens::{SentenceWord, capitalise, digits, is_number, is_year, replace_range, words},
};
use crate::generator::question::answer_type::MONTHS;

/// Units and a wrong replacement after a number, in lower case.
const UNIT_REPLACEMENTS: [(&str, &str); 40] = [
    ("gb", "TB"),
    ("tb", "GB"),
    ("mb", "GB"),
    ("kb", "MB"),
    ("ngày", "tháng"),
    ("tháng", "năm"),
    ("tuần", "tháng"),
    ("giờ", "phút"),
    ("phút", "giờ"),
    ("giây", "phút"),
    ("năm", "tháng"),
    ("hour", "minute"),
    ("hours", "minutes"),
    ("minute", "hour"),
    ("minutes", "hours"),
    ("second", "minute"),
    ("seconds", "minutes"),
    ("day", "month"),
    ("days", "months"),
    ("week", "month"),
    ("weeks", "months"),
    ("month", "year"),
    ("months", "years"),
    ("years", "months"),
    ("km", "m"),
    ("m", "km"),
    ("cm", "mm"),
    ("mm", "cm"),
    ("kg", "g"),
    ("km2", "ha"),
    ("miles", "feet"),
    ("feet", "miles"),
    ("mét", "km"),
    ("million", "billion"),
    ("billion", "million"),
    ("triệu", "tỷ"),
    ("tỷ", "triệu"),
    ("percent", "degrees"),
    ("pixels", "points"),
    ("points", "pixels"),
];
/// Verbs that end a subject, in lower case.
const VERBS: [&str; 13] =
    ["is", "are", "was", "were", "has", "have", "can", "là", "được", "có", "bị", "cho", "will"];
/// First words of a subject that is a pronoun.
const PRONOUNS: [&str; 24] = [
    "it", "this", "that", "these", "those", "they", "he", "she", "there", "we", "you", "its", "their", "his",
    "her", "what", "nó", "đây", "đó", "ông", "bà", "họ", "điều", "việc",
];
/// Words that only connect names.
const CONNECTIVES: [&str; 16] = [
    "and", "or", "of", "the", "a", "in", "with", "to", "between", "và", "hoặc", "của", "với", "cùng", "đến",
    "giữa",
];

impl ClaimGenerator<'_> {
    /// Replaces a number, a date and a unit.
    pub(super) fn number_claims(&mut self, own: &str, language: Language, made: &mut Vec<SyntheticClaim>) {
        let found = words(own);
        let numbers: Vec<&SentenceWord<'_>> =
            found.iter().filter(|word| is_number(word.text) && digits(word.text).len() < 13).collect();
        if let Some(number) = self.random_choice(&numbers).copied() {
            let (new, kind) =
                (self.other_number(number.text), if is_year(number.text) { "date" } else { "number" });
            self.push(kind, language, own, replace_range(own, &number.range, &new), made);
        }
        let months: Vec<&SentenceWord<'_>> = found
            .iter()
            .filter(|word| word.text.starts_with(char::is_uppercase) && MONTHS.contains(&word.low.as_str()))
            .collect();
        if let Some(month) = self.random_choice(&months).copied() {
            let at = MONTHS.iter().position(|known| *known == month.low).unwrap_or_default();
            let new = capitalise(MONTHS[(at + 1 + self.random_below(10)) % 12]);
            self.push("date", language, own, replace_range(own, &month.range, &new), made);
        }
        let segments: Vec<(&SentenceWord<'_>, &str)> = found
            .windows(2)
            .filter(|pair| is_number(pair[0].text) && !pair[1].parted)
            .filter_map(|pair| {
                let (_, other) = UNIT_REPLACEMENTS.iter().find(|(segment, _)| *segment == pair[1].low)?;
                // "Năm 1990" and "tháng 3" are dates.
                let dated = is_year(pair[0].text)
                    || matches!(pair[1].low.as_str(), "tháng" | "năm") && own.contains("ngày");
                (!dated).then_some((&pair[1], *other))
            })
            .collect();
        if let Some(&(segment, other)) = self.random_choice(&segments) {
            self.push("unit", language, own, replace_range(own, &segment.range, other), made);
        }
    }

    /// Another number in the same format.
    fn other_number(&mut self, number: &str) -> String {
        let whole: Vec<char> = number.chars().collect();
        if let Ok(value) = number.parse::<u32>()
            && value < 3_000
        {
            let step = 1 + u32::try_from(self.random_below(9)).unwrap_or(0);
            let down = is_year(number) || value > 20;
            return if down && self.random_below(2) == 0 { value - step } else { value + step }.to_string();
        }
        let digits: Vec<usize> = (0..whole.len()).filter(|&at| whole[at].is_ascii_digit()).collect();
        // The first digits matter most.
        let at = digits[self.random_below(digits.len().min(2))];
        let digit = whole[at].to_digit(10).unwrap_or(0);
        let other =
            (digit + 1 + u32::try_from(self.random_below(7)).unwrap_or(0)) % 9 + u32::from(at == digits[0]);
        let other = if other == digit { (other + 1) % 9 + 1 } else { other };
        let put = |(i, c): (usize, &char)| {
            if i == at { char::from_digit(other % 10, 10).unwrap_or('7') } else { *c }
        };
        whole.iter().enumerate().map(put).collect()
    }

    /// Replaces a name by another one, and swaps two names of the sentence.
    pub(super) fn name_claims(&mut self, own: &str, language: Language, made: &mut Vec<SyntheticClaim>) {
        let found = words(own);
        let names = self.names.find_in(&found);
        if names.is_empty() {
            return;
        }
        let held = format!(" {} ", fold(own));
        let of_others: Vec<String> = self
            .passage_set
            .segments
            .iter()
            .filter(|segment| !segment.text.ends_with('?'))
            .flat_map(|segment| {
                let words = words(&segment.text);
                let names = self.names.find_in(&words);
                let name = |name: &std::ops::Range<usize>| {
                    segment.text[words[name.start].range.start..words[name.end - 1].range.end].to_string()
                };
                names.iter().map(name).collect::<Vec<_>>()
            })
            .filter(|name| {
                let low = fold(name);
                !low.split(' ').any(|word| held.contains(word))
                    && !name.contains(|c: char| c.is_ascii_digit())
            })
            .collect();
        let name = self.random_choice(&names).cloned().unwrap_or(0..1);
        let range = found[name.start].range.start..found[name.end - 1].range.end;
        let alike: Vec<&String> =
            of_others.iter().filter(|other| other.split(' ').count().abs_diff(name.len()) <= 1).collect();
        if let Some(other) = self.random_choice(&alike).copied() {
            let kind = if name.start == 0 { "name at the head" } else { "name" };
            self.push(kind, language, own, replace_range(own, &range, other), made);
        }
        let pairs: Vec<(usize, usize)> = (0..names.len())
            .flat_map(|a| (a + 1..names.len()).map(move |b| (a, b)))
            .filter(|&(a, b)| {
                let between = &found[names[a].end..names[b].start];
                let text = |name: &std::ops::Range<usize>| {
                    fold(&own[found[name.start].range.start..found[name.end - 1].range.end])
                };
                let (first, second) = (text(&names[a]), text(&names[b]));
                // Names in a list may be in any order.
                let apart = between.iter().filter(|word| !CONNECTIVES.contains(&word.low.as_str())).count()
                    >= 2
                    && between.iter().all(|word| !word.parted)
                    && !names[a + 1..b].iter().any(|name| name.start > 0);
                apart && !first.contains(&second) && !second.contains(&first)
            })
            .collect();
        if let Some(&(a, b)) = self.random_choice(&pairs) {
            let text =
                |name: &std::ops::Range<usize>| found[name.start].range.start..found[name.end - 1].range.end;
            let (first, second) = (text(&names[a]), text(&names[b]));
            let made_of = format!(
                "{}{}{}{}{}",
                &own[..first.start],
                &own[second.clone()],
                &own[first.end..second.start],
                &own[first.clone()],
                &own[second.end..]
            );
            if !self.is_stated(&made_of, Some(own)) {
                made.push(SyntheticClaim::wrong("names exchanged", language, own, made_of));
            }
        }
    }

    /// Uses a number, and the predicate, of an adjacent sentence.
    pub(super) fn neighbour_claims(
        &mut self,
        at: usize,
        own: &str,
        language: Language,
        made: &mut Vec<SyntheticClaim>,
    ) {
        let passage_set = self.passage_set;
        let passage = passage_set.segments[at].passage;
        let beside = [at.checked_sub(1), Some(at + 1)].into_iter().flatten();
        let beside: Vec<&str> = beside
            .filter_map(|at| passage_set.segments.get(at))
            .filter(|segment| {
                segment.passage == passage && segment.row.is_none() && !segment.text.ends_with(['?', ':'])
            })
            .map(|segment| &*segment.text)
            .collect();
        let found = words(own);
        let numbers: Vec<&SentenceWord<'_>> = found.iter().filter(|word| is_number(word.text)).collect();
        let held: Vec<String> = numbers.iter().map(|word| digits(word.text)).collect();
        let mut others = Vec::new();
        for text in &beside {
            let words = words(text);
            let number = |word: &SentenceWord<'_>| {
                is_number(word.text) && !held.contains(&digits(word.text)) && word.text.len() < 14
            };
            others.extend(words.iter().filter(|word| number(word)).map(|word| word.text.to_string()));
        }
        if let Some(number) = self.random_choice(&numbers).copied() {
            let alike: Vec<&String> =
                others.iter().filter(|other| is_year(other) == is_year(number.text)).collect();
            if let Some(other) = self.random_choice(&alike).copied() {
                self.push(
                    "neighbour's number",
                    language,
                    own,
                    replace_range(own, &number.range, other),
                    made,
                );
            }
        }
        let Some((subject, _)) = split_subject(own) else { return };
        let theirs: Vec<(&str, &str)> = beside
            .iter()
            .filter_map(|text| split_subject(text))
            .filter(|(other, _)| {
                let (mine, other) = (self.content(subject), self.content(other));
                !other.is_empty() && !mine.is_empty() && mine.is_disjoint(&other)
            })
            .collect();
        if let Some(&(_, said)) = self.random_choice(&theirs) {
            self.push("neighbour's words", language, own, format!("{subject} {said}"), made);
        }
    }

    /// Keeps a claim, unless the passages state it.
    fn push(
        &mut self,
        kind: &'static str,
        language: Language,
        own: &str,
        sentence: String,
        made: &mut Vec<SyntheticClaim>,
    ) {
        if sentence != own && !self.is_stated(&sentence, None) {
            made.push(SyntheticClaim::wrong(kind, language, own, sentence));
        }
    }
}

/// A sentence's subject and predicate, if the subject is short and not a pronoun.
fn split_subject(text: &str) -> Option<(&str, &str)> {
    let found = words(text);
    let at = found.iter().position(|word| VERBS.contains(&word.low.as_str()))?;
    let subject = &found[..at];
    let short = (1..=6).contains(&at) && subject.iter().skip(1).all(|word| !word.parted) && !found[at].parted;
    let stands = PRONOUNS.contains(&subject.first()?.low.as_str())
        || subject.iter().any(|word| {
            matches!(
                word.low.as_str(),
                "này" | "đó" | "such" | "which" | "who" | "mà" | "khi" | "nếu" | "when" | "if"
            )
        });
    (short && !stands && found.len() > at + 2)
        .then(|| (&text[..found[at - 1].range.end], &text[found[at].range.start..]))
}
