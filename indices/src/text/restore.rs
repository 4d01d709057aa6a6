//! Puts the diacritics back into Vietnamese typed without them, from the site's own words and their neighbours.

use hoidap_shared::text::{fold, has_vietnamese_marks};
use unicode_segmentation::UnicodeSegmentation;

use super::{
    spelling::spelling,
    spellings::{Form, Spellings, UNSEEN},
    syllable::is_syllable,
    words::tokens,
};

/// One word of the text: where it stands and how it may be spelled.
struct Slot {
    range: std::ops::Range<usize>,
    forms: Vec<Form>,
}

/// The text with diacritics, and the mean probability of the syllables chosen (of those with a choice).
///
/// The spellings of a syllable are those that fold to it in the site's words, in what people say, or in the vocabulary. The
/// probability of a sequence is the product of its transitions; the best sequence is Viterbi's, its certainty the
/// forward-backward posterior.
pub(super) fn restore(text: &str, spellings: &Spellings) -> (String, f32) {
    let slots: Vec<Slot> = text
        .unicode_word_indices()
        .map(|(start, word)| Slot { range: start..start + word.len(), forms: forms(word, spellings) })
        .collect();
    let start = slots.first().map_or_else(Vec::new, |first| behind(None, first, spellings));
    let steps: Vec<Vec<Vec<f64>>> = slots
        .windows(2)
        .map(|pair| {
            pair[0].forms.iter().map(|(before, _)| behind(Some(before), &pair[1], spellings)).collect()
        })
        .collect();
    let chosen = viterbi(&start, &steps);
    let certainty = certainty(&slots, &start, &steps, &chosen);
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

/// How many syllables of a text come back right when its diacritics are taken away, and of how many. Every word counts that
/// is spelled like a Vietnamese syllable without them, whether it has any; either place of a tone is right.
pub(super) fn measure(text: &str, spellings: &Spellings) -> (usize, usize) {
    let (restored, _) = restore(&fold(text), spellings);
    let syllables = tokens(text).zip(tokens(&restored)).filter(|(written, _)| is_syllable(written));
    syllables.fold((0, 0), |(right, all), (written, restored)| {
        (right + usize::from(spelling(&written) == spelling(&restored)), all + 1)
    })
}

/// A word with marks, and one that no spelling folds to, stays as it is.
fn forms(word: &str, spellings: &Spellings) -> Vec<Form> {
    let lower = word.to_lowercase();
    let known = if has_vietnamese_marks(&lower) { None } else { spellings.forms(&fold(&lower)) };
    known.map_or_else(|| vec![(lower, UNSEEN)], <[Form]>::to_vec)
}

/// The probability of each spelling of a word behind another one, or at the start.
fn behind(before: Option<&str>, slot: &Slot, spellings: &Spellings) -> Vec<f64> {
    let after = spellings.after(before);
    slot.forms.iter().map(|(form, alone)| after.probability(form, *alone)).collect()
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

fn certainty(slots: &[Slot], start: &[f64], steps: &[Vec<Vec<f64>>], chosen: &[usize]) -> f32 {
    let scaled = |mut v: Vec<f64>| {
        let sum: f64 = v.iter().sum::<f64>().max(f64::MIN_POSITIVE);
        v.iter_mut().for_each(|x| *x /= sum);
        v
    };
    if slots.is_empty() {
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

#[cfg(test)]
mod tests {
    use hoidap_shared::text::Language;

    use super::{super::words::Words, Spellings, measure, restore};

    /// A manual that says "mã", "thị" and "đầu" all day, and a vocabulary with letters of other languages.
    fn dry() -> Spellings {
        let mut words = Words::default();
        for _ in 0..3_000 {
            words.add(
                "Mã thị trường ở đầu bảng. Mục tiêu cụ thể đã được đăng. Các mục đáng kể, các máy cũ. \
                 Bảng tính lưu kết quả của từng ô trong tài liệu, định dạng trang và kiểu đoạn văn xác định cách trình bày",
                Language::Vi,
            );
        }
        let prior = [("ĝi", -6.0), ("mă", -6.0), ("de", -3.5), ("não", -6.0), ("la", -4.0), ("mã", -10.0)];
        words.prior = prior.map(|(word, score)| (word.to_string(), score)).into();
        Spellings::new(&words)
    }

    #[test]
    fn a_dry_manual_does_not_outvote_what_people_say() {
        let spellings = dry();
        for question in [
            "làm sao để đổi tên mà không mất dữ liệu",
            "mình không biết bấm vào đâu thì nó hiện ra",
            "sao nó cứ báo lỗi hoài vậy, phải làm gì",
            "Có cách nào để lấy lại không ạ?",
        ] {
            assert_eq!(restore(&bare(question), &spellings).0, question);
        }
        assert_eq!(restore("ma thi truong", &spellings).0, "mã thị trường", "the site's own words");
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
        let spellings = dry();
        assert_eq!(measure("Làm sao để đổi tên file", &spellings), (5, 5));
        let (right, all) = measure("làm sao để đội tên", &spellings);
        assert_eq!((right, all), (4, 5));
        assert_eq!(measure("làm sao để hoà", &spellings), measure("làm sao để hòa", &spellings));
    }
}
