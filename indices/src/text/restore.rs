//! Puts the diacritics back into Vietnamese typed without them, from the site's own words and their neighbours.

use std::collections::BTreeMap;

use hoidap_shared::text::{fold, has_vietnamese_marks};
use unicode_segmentation::UnicodeSegmentation;

use super::words::{ByFold, Words};

/// The probability of a word that was never seen.
const UNSEEN: f64 = 1e-9;

/// One word of the text: where it stands and how it may be spelled.
struct Slot {
    range: std::ops::Range<usize>,
    forms: Vec<(String, f64)>,
}

/// The text with diacritics, and the mean probability of the syllables chosen (of those with a choice).
///
/// The spellings of a syllable are those that fold to it in the site's words or the vocabulary. The probability of a
/// sequence is the product of its transitions, each interpolated by Witten and Bell (1991) between the counts of
/// neighbours and the word alone; the best sequence is Viterbi's, its certainty the forward-backward posterior.
pub(super) fn restore(text: &str, words: &Words, by_fold: &ByFold) -> (String, f32) {
    let slots: Vec<Slot> = text
        .unicode_word_indices()
        .map(|(start, word)| Slot { range: start..start + word.len(), forms: forms(word, by_fold) })
        .collect();
    let steps: Vec<Vec<Vec<f64>>> =
        slots.windows(2).map(|pair| transitions(&pair[0], &pair[1], words)).collect();
    let chosen = viterbi(&slots, &steps);
    let certainty = certainty(&slots, &steps, &chosen);
    let mut restored = String::with_capacity(text.len() * 2);
    let mut at = 0;
    for (slot, &choice) in slots.iter().zip(&chosen) {
        let typed = &text[slot.range.clone()];
        restored.push_str(&text[at..slot.range.start]);
        restored.push_str(&with_case_of(typed, &slot.forms[choice].0));
        at = slot.range.end;
    }
    restored.push_str(&text[at..]);
    (restored, certainty)
}

/// A word with marks, and one that no spelling folds to, stays as it is.
fn forms(word: &str, by_fold: &ByFold) -> Vec<(String, f64)> {
    let lower = word.to_lowercase();
    let itself = vec![(lower.clone(), UNSEEN)];
    if has_vietnamese_marks(&lower) {
        return itself;
    }
    match by_fold.get(&fold(&lower)) {
        Some(forms) if !forms.is_empty() => forms.clone(),
        _ => itself,
    }
}

/// P(second | first) for each pair of spellings.
fn transitions(first: &Slot, second: &Slot, words: &Words) -> Vec<Vec<f64>> {
    let none = BTreeMap::new();
    first
        .forms
        .iter()
        .map(|(before, _)| {
            let followers = words.pairs.get(before).unwrap_or(&none);
            let total: f64 = followers.values().map(|n| f64::from(*n)).sum();
            let kinds = followers.len() as f64;
            let known = if total > 0.0 { total / (total + kinds) } else { 0.0 };
            second
                .forms
                .iter()
                .map(|(form, alone)| {
                    let pair = followers.get(form).map_or(0.0, |n| f64::from(*n) / total);
                    known * pair + (1.0 - known) * alone.max(UNSEEN)
                })
                .collect()
        })
        .collect()
}

fn viterbi(slots: &[Slot], steps: &[Vec<Vec<f64>>]) -> Vec<usize> {
    let Some(first) = slots.first() else { return Vec::new() };
    let mut score: Vec<f64> = first.forms.iter().map(|(_, p)| p.max(UNSEEN).ln()).collect();
    let mut back: Vec<Vec<usize>> = Vec::with_capacity(steps.len());
    for step in steps {
        let width = step.first().map_or(0, Vec::len);
        let best = |to: usize| {
            (0..step.len())
                .map(|from| (from, score[from] + step[from][to].ln()))
                .max_by(|a, b| a.1.total_cmp(&b.1))
                .unwrap_or((0, f64::MIN))
        };
        let column: Vec<(usize, f64)> = (0..width).map(best).collect();
        back.push(column.iter().map(|(from, _)| *from).collect());
        score = column.into_iter().map(|(_, s)| s).collect();
    }
    let last = (0..score.len()).max_by(|a, b| score[*a].total_cmp(&score[*b])).unwrap_or(0);
    let mut path = vec![last];
    for pointers in back.iter().rev() {
        path.push(pointers[path[path.len() - 1]]);
    }
    path.reverse();
    path
}

fn certainty(slots: &[Slot], steps: &[Vec<Vec<f64>>], chosen: &[usize]) -> f32 {
    let scaled = |mut v: Vec<f64>| {
        let sum: f64 = v.iter().sum::<f64>().max(f64::MIN_POSITIVE);
        v.iter_mut().for_each(|x| *x /= sum);
        v
    };
    let Some(first) = slots.first() else { return 1.0 };
    let mut forward = vec![scaled(first.forms.iter().map(|(_, p)| p.max(UNSEEN)).collect())];
    for step in steps {
        let before = &forward[forward.len() - 1];
        let width = step.first().map_or(0, Vec::len);
        forward.push(scaled(
            (0..width).map(|to| (0..step.len()).map(|f| before[f] * step[f][to]).sum()).collect(),
        ));
    }
    let mut backward = vec![vec![1.0; slots[slots.len() - 1].forms.len()]];
    for step in steps.iter().rev() {
        let after = &backward[backward.len() - 1];
        backward
            .push(scaled(step.iter().map(|row| row.iter().zip(after).map(|(p, a)| p * a).sum()).collect()));
    }
    backward.reverse();
    let choices = (0..slots.len()).filter(|&i| slots[i].forms.len() > 1);
    let (sum, count) = choices.fold((0.0, 0), |(sum, count), i| {
        let both = scaled(forward[i].iter().zip(&backward[i]).map(|(f, b)| f * b).collect());
        (sum + both[chosen[i]], count + 1)
    });
    if count == 0 { 1.0 } else { (sum / f64::from(count)) as f32 }
}

/// Gives a spelling the capitals of the word it replaces.
fn with_case_of(typed: &str, form: &str) -> String {
    if !typed.chars().any(char::is_uppercase) {
        return form.to_string();
    }
    typed
        .chars()
        .zip(form.chars())
        .map(|(t, f)| if t.is_uppercase() { f.to_uppercase().next().unwrap_or(f) } else { f })
        .collect()
}
