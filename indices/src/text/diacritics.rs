//! Restores the diacritics of Vietnamese text typed without them, from the site's words and their neighbours.

use hoidap_shared::text::{fold, has_vietnamese_marks, is_syllable};
use unicode_segmentation::UnicodeSegmentation;

use super::{
    spelling_model::{SpellingModel, SpellingProbability, UNSEEN_PROBABILITY},
    word_counts::lower_words,
};
use crate::vietnamese::tone_marks::canonical_spelling;

/// One word of the text: its range and its possible spellings.
struct WordCandidates {
    range: std::ops::Range<usize>,
    candidates: Vec<SpellingProbability>,
}

/// How well the diacritics of a text were restored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RestorationCount {
    /// Syllables that were restored correctly.
    pub correct: usize,
    /// All syllables.
    pub total: usize,
}

/// Returns the text with diacritics, and the mean probability of the chosen syllables (of those with a choice).
///
/// A syllable's candidates are the words that fold to it in the site's texts, in common phrases, or in the vocabulary. The
/// probability of a sequence is the product of its transitions. Viterbi finds the best sequence; its certainty is the
/// forward-backward posterior.
pub(super) fn restore(text: &str, spelling_model: &SpellingModel) -> (String, f32) {
    let words: Vec<WordCandidates> = text
        .unicode_word_indices()
        .map(|(start, word)| WordCandidates {
            range: start..start + word.len(),
            candidates: candidates(word, spelling_model),
        })
        .collect();
    let start =
        words.first().map_or_else(Vec::new, |first| transition_probabilities(None, first, spelling_model));
    let steps: Vec<Vec<Vec<f64>>> = words
        .windows(2)
        .map(|pair| {
            pair[0]
                .candidates
                .iter()
                .map(|(before, _)| transition_probabilities(Some(before), &pair[1], spelling_model))
                .collect()
        })
        .collect();
    let chosen = viterbi(&start, &steps);
    let certainty = certainty(&words, &start, &steps, &chosen);
    let mut restored = String::with_capacity(text.len() * 2);
    let mut at = 0;
    for (word, &choice) in words.iter().zip(&chosen) {
        let typed = &text[word.range.clone()];
        restored.push_str(&text[at..word.range.start]);
        restored.push_str(&with_case_of(typed, &word.candidates[choice].0));
        at = word.range.end;
    }
    restored.push_str(&text[at..]);
    (restored, certainty)
}

/// Number of syllables that are restored correctly after a text's diacritics were removed, and number of syllables. Every word
/// that is spelled like a Vietnamese syllable counts. Either position of a tone mark is correct.
pub(super) fn measure(text: &str, spelling_model: &SpellingModel) -> RestorationCount {
    let (restored, _) = restore(&fold(text), spelling_model);
    let syllables = lower_words(text).zip(lower_words(&restored)).filter(|(written, _)| is_syllable(written));
    syllables.fold(RestorationCount::default(), |count, (written, restored)| RestorationCount {
        correct: count.correct + usize::from(canonical_spelling(&written) == canonical_spelling(&restored)),
        total: count.total + 1,
    })
}

/// The candidate spellings of a word. A word with diacritics, or one that no spelling folds to, stays as it is.
fn candidates(word: &str, spelling_model: &SpellingModel) -> Vec<SpellingProbability> {
    let lower = word.to_lowercase();
    let known = if has_vietnamese_marks(&lower) { None } else { spelling_model.candidates(&fold(&lower)) };
    known.map_or_else(|| vec![(lower, UNSEEN_PROBABILITY)], <[SpellingProbability]>::to_vec)
}

/// The probability of each candidate after another word, or at the start.
fn transition_probabilities(
    before: Option<&str>,
    word: &WordCandidates,
    spelling_model: &SpellingModel,
) -> Vec<f64> {
    let after = spelling_model.after(before);
    word.candidates.iter().map(|(form, unigram)| after.probability(form, *unigram)).collect()
}

fn viterbi(start: &[f64], steps: &[Vec<Vec<f64>>]) -> Vec<usize> {
    if start.is_empty() {
        return Vec::new();
    }
    let mut score: Vec<f64> = start.iter().map(|p| p.ln()).collect();
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

fn certainty(words: &[WordCandidates], start: &[f64], steps: &[Vec<Vec<f64>>], chosen: &[usize]) -> f32 {
    let scaled = |mut v: Vec<f64>| {
        let sum: f64 = v.iter().sum::<f64>().max(f64::MIN_POSITIVE);
        v.iter_mut().for_each(|x| *x /= sum);
        v
    };
    if words.is_empty() {
        return 1.0;
    }
    let mut forward = vec![scaled(start.to_vec())];
    for step in steps {
        let before = &forward[forward.len() - 1];
        let width = step.first().map_or(0, Vec::len);
        forward.push(scaled(
            (0..width).map(|to| (0..step.len()).map(|f| before[f] * step[f][to]).sum()).collect(),
        ));
    }
    let mut backward = vec![vec![1.0; words[words.len() - 1].candidates.len()]];
    for step in steps.iter().rev() {
        let after = &backward[backward.len() - 1];
        backward
            .push(scaled(step.iter().map(|row| row.iter().zip(after).map(|(p, a)| p * a).sum()).collect()));
    }
    backward.reverse();
    let choices = (0..words.len()).filter(|&i| words[i].candidates.len() > 1);
    let (sum, count) = choices.fold((0.0, 0), |(sum, count), i| {
        let both = scaled(forward[i].iter().zip(&backward[i]).map(|(f, b)| f * b).collect());
        (sum + both[chosen[i]], count + 1)
    });
    if count == 0 { 1.0 } else { (sum / f64::from(count)) as f32 }
}

/// Gives a spelling the capitalisation of the word it replaces.
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

#[cfg(test)]
mod tests {
    use hoidap_shared::text::Language;

    use super::{super::word_counts::WordCounts, RestorationCount, SpellingModel, measure, restore};

    /// A manual that says "mã", "thị" and "đầu" all day, and a vocabulary with letters of other languages.
    fn dry() -> SpellingModel {
        let mut words = WordCounts::default();
        for _ in 0..3_000 {
            words.add(
                "Mã thị trường ở đầu bảng. Mục tiêu cụ thể đã được đăng. Các mục đáng kể, các máy cũ. \
                 Bảng tính lưu kết quả của từng ô trong tài liệu, định dạng trang và kiểu đoạn văn xác định cách trình bày",
                Language::Vi,
            );
        }
        let prior = [("ĝi", -6.0), ("mă", -6.0), ("de", -3.5), ("não", -6.0), ("la", -4.0), ("mã", -10.0)];
        words.prior = prior.map(|(word, score)| (word.to_string(), score)).into();
        SpellingModel::new(&words)
    }

    #[test]
    fn a_dry_manual_does_not_outvote_what_people_say() {
        let spelling_model = dry();
        for question in [
            "làm sao để đổi tên mà không mất dữ liệu",
            "mình không biết bấm vào đâu thì nó hiện ra",
            "sao nó cứ báo lỗi hoài vậy, phải làm gì",
            "Có cách nào để lấy lại không ạ?",
        ] {
            assert_eq!(restore(&bare(question), &spelling_model).0, question);
        }
        assert_eq!(restore("ma thi truong", &spelling_model).0, "mã thị trường", "the site's own words");
    }

    fn bare(text: &str) -> String {
        let letter = |c: char| {
            let bare = hoidap_shared::text::fold(&c.to_string());
            if c.is_uppercase() { bare.to_uppercase() } else { bare }
        };
        text.chars().map(letter).collect()
    }

    #[test]
    fn restoration_is_measured_by_syllables() {
        let spelling_model = dry();
        assert_eq!(
            measure("Làm sao để đổi tên file", &spelling_model),
            RestorationCount { correct: 5, total: 5 }
        );
        let count = measure("làm sao để đội tên", &spelling_model);
        assert_eq!(count, RestorationCount { correct: 4, total: 5 });
        assert_eq!(measure("làm sao để hoà", &spelling_model), measure("làm sao để hòa", &spelling_model));
    }
}
