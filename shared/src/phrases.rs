//! Standard texts for visitors, in their language.

use crate::text::Language;

/// The answer when the fleet could not process a question.
pub fn apology(language: Language, support: &str) -> String {
    match language {
        Language::Vi => {
            format!("Xin lỗi, tôi đang gặp sự cố kỹ thuật. Vui lòng liên hệ {support} để được hỗ trợ.")
        }
        Language::En => format!("Sorry, I am having a technical problem. Please contact {support} for help."),
    }
}

/// The answer when no document answers a question. `topic` is what was asked about, in the visitor's own words, where it
/// could be extracted.
pub fn no_answer(language: Language, topic: Option<&str>, support: &str) -> String {
    match (language, topic) {
        (Language::Vi, None) => format!(
            "Tôi chưa tìm thấy thông tin này trong tài liệu. Bạn vui lòng liên hệ {support} để được hỗ trợ thêm."
        ),
        (Language::Vi, Some(topic)) => format!(
            "Tôi chưa tìm thấy thông tin về “{topic}” trong tài liệu. Bạn vui lòng liên hệ {support} để được hỗ trợ thêm."
        ),
        (Language::En, None) => format!(
            "I could not find this in the documentation. Please contact {support} and they will help you."
        ),
        (Language::En, Some(topic)) => format!(
            "I could not find anything about “{topic}” in the documentation. Please contact {support} and they will help you."
        ),
    }
}

/// What stands before and after the passages that come closest, where no answer is certain. `topic` is as for [`no_answer`].
pub fn uncertain(language: Language, topic: Option<&str>, support: &str) -> [String; 2] {
    let about = |word| topic.map(|topic| format!(" {word} “{topic}”")).unwrap_or_default();
    match language {
        Language::Vi => [
            format!("Tôi chưa tìm thấy câu trả lời chắc chắn{}. Gần nhất trong tài liệu là:", about("về")),
            format!("Nếu chưa đúng ý, bạn vui lòng liên hệ {support} để được hỗ trợ thêm."),
        ],
        Language::En => [
            format!("I could not find a certain answer{}. Closest in the documentation:", about("about")),
            format!("If this does not help, please contact {support}."),
        ],
    }
}

/// The text before the choices, and before the last choice.
fn choice_delimiters(language: Language) -> [&'static str; 2] {
    match language {
        Language::Vi => ["Bạn hỏi về ", " hay "],
        Language::En => ["Do you mean ", " or "],
    }
}

/// Asks which of several things a question is about.
pub fn ask_which(language: Language, labels: &[&str]) -> String {
    let [before, or] = choice_delimiters(language);
    let (last, others) = labels.split_last().unwrap_or((&"", &[]));
    format!("{before}{}{or}{last}?", others.join(", "))
}

/// The choices that an answer offers; none where it is no such question.
pub fn offered_choices(answer: &str) -> Vec<&str> {
    let read = |language| {
        let [before, or] = choice_delimiters(language);
        let (others, last) = answer.strip_prefix(before)?.strip_suffix('?')?.rsplit_once(or)?;
        Some(others.split(", ").chain([last]).collect())
    };
    read(Language::Vi).or_else(|| read(Language::En)).unwrap_or_default()
}

/// A question that leaves open what it is about, completed by a choice.
pub fn complete_question(label: &str, question: &str) -> String {
    format!("{label}: {question}")
}

/// The introduction of an answer that applies to one thing where others differ.
pub fn applies_to(language: Language, label: &str) -> String {
    match language {
        Language::Vi => format!("Với {label}:"),
        Language::En => format!("For {label}:"),
    }
}

/// The answer when a question names a code, part number or version that no document holds.
pub fn unknown_identifier(language: Language, identifier: &str, support: &str) -> String {
    match language {
        Language::Vi => format!(
            "Tôi không tìm thấy “{identifier}” trong tài liệu. Bạn vui lòng kiểm tra lại, hoặc liên hệ {support} để được hỗ trợ."
        ),
        Language::En => format!(
            "I could not find “{identifier}” in the documentation. Please check it, or contact {support} for help."
        ),
    }
}

/// Kinds of small talk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmallTalk {
    /// A greeting, and all other small talk.
    Greeting,
    /// Thanks.
    Thanks,
    /// A farewell.
    Farewell,
    /// The visitor says that something was understood.
    Understood,
    /// The visitor asks whether a person or a machine answers.
    WhoAnswers,
}

/// The answer to small talk.
pub fn small_talk(language: Language, kind: SmallTalk, support: &str) -> String {
    use SmallTalk::{Farewell, Greeting, Thanks, Understood, WhoAnswers};
    let text = match (language, kind) {
        (Language::Vi, Greeting) => {
            "Chào bạn! Tôi có thể trả lời các câu hỏi về sản phẩm và dịch vụ của chúng tôi. Bạn cần giúp gì?"
        }
        (Language::En, Greeting) => {
            "Hello! I can answer questions about our products and services. How can I help you?"
        }
        (Language::Vi, Thanks) => "Không có gì ạ! Bạn cần gì thêm cứ hỏi nhé.",
        (Language::En, Thanks) => "You are welcome! Ask whenever you need anything else.",
        (Language::Vi, Farewell) => "Tạm biệt bạn, hẹn gặp lại!",
        (Language::En, Farewell) => "Goodbye, and see you again!",
        (Language::Vi, Understood) => "Vâng, bạn cần gì thêm cứ hỏi nhé.",
        (Language::En, Understood) => "Good. Ask whenever you need anything else.",
        (Language::Vi, WhoAnswers) => {
            return format!(
                "Tôi là trợ lý tự động, trả lời từ tài liệu của trang này. Muốn gặp nhân viên, bạn vui lòng liên hệ {support}."
            );
        }
        (Language::En, WhoAnswers) => {
            return format!(
                "I am an automated assistant and answer from the documents of this site. To reach a person, please contact {support}."
            );
        }
    };
    text.into()
}

/// The answer when a question has nothing to do with the site.
pub fn out_of_scope(language: Language, support: &str) -> String {
    match language {
        Language::Vi => format!(
            "Xin lỗi, tôi chỉ trả lời được các câu hỏi về sản phẩm và dịch vụ của chúng tôi. \
             Với việc khác, bạn vui lòng liên hệ {support}."
        ),
        Language::En => format!(
            "Sorry, I can only answer questions about our products and services. For anything else, please contact {support}."
        ),
    }
}

/// The answer when a visitor wants to speak with a person.
pub fn human_agent(language: Language, support: &str) -> String {
    match language {
        Language::Vi => {
            format!("Bạn có thể gặp nhân viên hỗ trợ qua {support}. Hãy mô tả ngắn gọn vấn đề của bạn nhé.")
        }
        Language::En => format!(
            "You can reach our support staff at {support}. Please describe your problem in a few words."
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offered_choices_can_be_parsed() {
        for (language, labels, text) in [
            (
                Language::Vi,
                vec!["Diệc Mail", "Diệc Drive", "Diệc Meet"],
                "Bạn hỏi về Diệc Mail, Diệc Drive hay Diệc Meet?",
            ),
            (Language::En, vec!["Free", "Pro"], "Do you mean Free or Pro?"),
        ] {
            assert_eq!(ask_which(language, &labels), text);
            assert_eq!(offered_choices(text), labels);
        }
        for answer in ["Gói Pro giá 39.000 đ. [1]", "Bạn hỏi về Diệc Mail?", "Do you mean Free or Pro"]
        {
            assert!(offered_choices(answer).is_empty(), "{answer}");
        }
    }
}
