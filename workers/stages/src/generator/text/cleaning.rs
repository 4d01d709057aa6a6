//! Cleans the text of models and documents, so that the only citation marks are our own. Recognises responses that
//! are no answer.

/// Labels that small models write before an answer.
const ANSWER_LABELS: [&str; 6] = ["Answer:", "Trả lời:", "Câu trả lời:", "A:", "Assistant:", "Response:"];
/// Phrases of a refusal, in lower case.
const REFUSALS: [&str; 22] = [
    "no_answer",
    "i don't know",
    "i do not know",
    "i'm not sure",
    "i am not sure",
    "i cannot answer",
    "i can't answer",
    "cannot be answered",
    "not mentioned in",
    "does not mention",
    "doesn't mention",
    "does not contain",
    "no information",
    "not provided in",
    "unable to answer",
    "tôi không biết",
    "không có thông tin",
    "không tìm thấy thông tin",
    "không được đề cập",
    "không đề cập",
    "không thể trả lời",
    "chưa có thông tin",
];

/// Cleans a response: removes control characters, citation marks, labels and thinking.
pub(crate) fn clean_model_text(raw: &str) -> String {
    let spoken = match (raw.find("<think>"), raw.rfind("</think>")) {
        (_, Some(end)) => &raw[end + "</think>".len()..],
        (Some(_), None) => "",
        (None, None) => raw,
    };
    let mut lines: Vec<String> = remove_marks(spoken, InWordMark::Dropped)
        .lines()
        .map(hoidap_shared::text::normalise)
        .map(|line| if is_bare_list_mark(&line) { String::new() } else { line })
        .collect();
    // Collapse repeated empty lines.
    lines.dedup_by(|line, before| line.is_empty() && before.is_empty());
    let text = lines.join("\n");
    let mut text = text.trim();
    for label in ANSWER_LABELS {
        text = text.strip_prefix(label).unwrap_or(text).trim_start();
    }
    text.to_string()
}

fn is_bare_list_mark(line: &str) -> bool {
    matches!(line, "-" | "*" | "•")
}

/// What to do with a citation mark inside a word, as in `list[1]`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum InWordMark {
    /// Remove it: models put marks there.
    Dropped,
    /// Turn it into `list[ 1 ]`: documents contain code.
    Parted,
}

/// A document's text without `[1]`, `[1, 2]`, `[^1]` and `【1†source】`; `list[1]` becomes `list[ 1 ]`.
pub(crate) fn strip_citation_marks(raw: &str) -> String {
    remove_marks(raw, InWordMark::Parted)
}

/// Works in one pass: a closing bracket decides about the last open one, and the text that remains is examined
/// again.
fn remove_marks(text: &str, in_word: InWordMark) -> String {
    let mut clean = String::with_capacity(text.len());
    // The offsets of open brackets in `clean`, by kind.
    let (mut square, mut lens) = (Vec::new(), Vec::new());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let (open, stack) = match c {
            '[' | ']' => ('[', &mut square),
            '【' | '】' => ('【', &mut lens),
            _ => {
                clean.push(c);
                continue;
            }
        };
        if c == open {
            stack.push(clean.len());
            clean.push(c);
            continue;
        }
        let begins = stack.pop();
        let Some(at) = begins.filter(|at| is_mark(&clean[at + open.len_utf8()..], open)) else {
            clean.push(c);
            continue;
        };
        let inner = clean.split_off(at);
        for stack in [&mut square, &mut lens] {
            while stack.last().is_some_and(|open| *open >= at) {
                stack.pop();
            }
        }
        let is_in_word = clean.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ']');
        if is_in_word && in_word == InWordMark::Parted && open == '[' {
            clean.push_str(&format!("[ {} ]", inner[1..].trim()));
        } else if clean.ends_with(' ')
            && rest.peek().is_some_and(|next| matches!(next, ' ' | '.' | ',' | ';' | ':' | '!' | '?' | '\n'))
        {
            clean.pop();
        }
    }
    clean
}

/// Longest content of a citation mark, in bytes.
const MAX_MARK_BYTES: usize = 40;

fn is_mark(inner: &str, open: char) -> bool {
    if inner.len() > MAX_MARK_BYTES {
        return false;
    }
    let number = |part: &str| {
        let part = part.trim().trim_start_matches('^');
        !part.is_empty() && part.chars().all(|c| c.is_ascii_digit())
    };
    match open {
        '[' => !inner.starts_with(' ') && inner.split([',', ';', '-', '–']).all(number),
        _ => inner.starts_with(|c: char| c.is_ascii_digit()),
    }
}

/// What kind of response a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResponseKind {
    /// A candidate answer.
    Candidate,
    /// No text.
    Empty,
    /// A refusal.
    Refusal,
    /// A repetition of the question.
    Echo,
}

/// Classifies a cleaned response.
pub(crate) fn classify_response(text: &str, question: &str) -> ResponseKind {
    let bare = |text: &str| -> Vec<String> {
        let lower = text.to_lowercase();
        lower.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_string).collect()
    };
    let (said, asked) = (bare(text), bare(question));
    if said.is_empty() {
        return ResponseKind::Empty;
    }
    let lower = text.to_lowercase().replace('’', "'");
    // A long answer may contain such a phrase.
    if text.chars().count() <= 240 && REFUSALS.iter().any(|phrase| lower.contains(phrase)) {
        return ResponseKind::Refusal;
    }
    if said.iter().all(|word| asked.contains(word)) && (said.len() * 2 >= asked.len() || text.ends_with('?'))
    {
        return ResponseKind::Echo;
    }
    ResponseKind::Candidate
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_that_are_not_ours_are_dropped() {
        assert_eq!(clean_model_text("Open it [1]. Then[2, 3] save [^4]."), "Open it. Then save.");
        assert_eq!(clean_model_text("Đặt lại【4†source】."), "Đặt lại.");
        assert_eq!(clean_model_text("[see] [ [x [9"), "[see] [ [x [9");
        assert_eq!(clean_model_text("[99999999999999999999]"), "");
        assert_eq!(strip_citation_marks("Ghi chú [3] SELECT list[1]"), "Ghi chú SELECT list[ 1 ]");
        assert_eq!(strip_citation_marks("a [[1]2] b[[3]4]"), "a b[ 4 ]");
    }

    #[test]
    fn what_marks_leave_behind_is_read_on_whatever_its_length() {
        // Each level becomes a mark only once the inner one is removed: one pass per level would take days.
        let levels = 200_000;
        let nested = format!("a {}1{} b", "[".repeat(levels), "]2".repeat(levels));
        assert!(
            strip_citation_marks(&nested).starts_with("a ")
                && strip_citation_marks(&nested).len() < nested.len()
        );
        for hostile in ["[1]", "[", "[1", "]", "【", "【1", "[1][", "((((", "[[1]2]", " [1] ", "[ ", "a[1]"]
        {
            let long = hostile.repeat(400_000 / hostile.len());
            let clean = clean_model_text(&long);
            assert_eq!(clean_model_text(&clean), clean, "{hostile}");
            assert_eq!(
                strip_citation_marks(&strip_citation_marks(&long)),
                strip_citation_marks(&long),
                "{hostile}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn no_mark_is_left_and_none_is_made(text in "([a-c ]{0,3}(\\[[0-9, ]{0,4}\\]|\\[|\\]|【[0-9a]{0,3}】|【|】|\n|\\.)){0,14}") {
            for clean in [strip_citation_marks(&text), clean_model_text(&text)] {
                proptest::prop_assert_eq!(&strip_citation_marks(&clean), &clean);
            }
        }
    }

    #[test]
    fn a_models_words_become_plain_text() {
        let raw = "<think>The user wants…</think>\u{0}Answer: Mở Cài\u{202E} đặt.\r\n\n\n\n\u{200B}<b>Lưu</b>\t[1]\u{7}";
        assert_eq!(clean_model_text(raw), "Mở Cài đặt.\n\n<b>Lưu</b>");
        assert_eq!(clean_model_text("<think>never ends"), "");
    }

    #[test]
    fn what_is_no_answer_is_known() {
        let question = "Gói Pro có bao nhiêu dung lượng?";
        assert_eq!(classify_response(" \n", question), ResponseKind::Empty);
        assert_eq!(classify_response("...", question), ResponseKind::Empty);
        assert_eq!(classify_response("NO_ANSWER", question), ResponseKind::Refusal);
        assert_eq!(classify_response("Tôi không biết.", question), ResponseKind::Refusal);
        assert_eq!(classify_response("Gói Pro có bao nhiêu dung lượng?", question), ResponseKind::Echo);
        assert_eq!(classify_response("Gói Pro có 500 GB dung lượng.", question), ResponseKind::Candidate);
        assert_eq!(classify_response("500 GB", "How much storage?"), ResponseKind::Candidate);
    }
}
