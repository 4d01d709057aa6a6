//! What Hoidap says of itself to a visitor, in the visitor's language.

use crate::text::Language;

/// When the fleet could not work on a question.
pub fn apology(language: Language, support: &str) -> String {
    match language {
        Language::Vi => {
            format!("Xin lỗi, tôi đang gặp sự cố kỹ thuật. Vui lòng liên hệ {support} để được hỗ trợ.")
        }
        Language::En => format!("Sorry, I am having a technical problem. Please contact {support} for help."),
    }
}

/// When no document answers a question; `topic` is what was asked about, in the visitor's own words, where that can be said.
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

/// What stands before the things to choose from, and before the last of them.
fn asking(language: Language) -> [&'static str; 2] {
    match language {
        Language::Vi => ["Bạn hỏi về ", " hay "],
        Language::En => ["Do you mean ", " or "],
    }
}

/// Asks which of several things a question is about.
pub fn which(language: Language, labels: &[&str]) -> String {
    let [before, or] = asking(language);
    let (last, others) = labels.split_last().unwrap_or((&"", &[]));
    format!("{before}{}{or}{last}?", others.join(", "))
}

/// The things that an answer asks to choose from; none where it is no such question.
pub fn asked_which(answer: &str) -> Vec<&str> {
    let read = |language| {
        let [before, or] = asking(language);
        let (others, last) = answer.strip_prefix(before)?.strip_suffix('?')?.rsplit_once(or)?;
        Some(others.split(", ").chain([last]).collect())
    };
    read(Language::Vi).or_else(|| read(Language::En)).unwrap_or_default()
}

/// A question that leaves open what it is about, completed by that.
pub fn about(label: &str, question: &str) -> String {
    format!("{label}: {question}")
}

/// What stands before an answer that holds for one thing where others differ.
pub fn holds_for(language: Language, label: &str) -> String {
    match language {
        Language::Vi => format!("Với {label}:"),
        Language::En => format!("For {label}:"),
    }
}

/// When a question names a code, part number or version that no document holds.
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

/// What is said without asking anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmallTalk {
    /// A greeting, and whatever is none of the others.
    Greeting,
    /// Thanks.
    Thanks,
    /// A farewell.
    Farewell,
    /// A word that something was understood.
    Understood,
    /// Who answers here, a person or a machine.
    WhoAnswers,
}

/// When a visitor is only being friendly.
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

/// When a question has nothing to do with the site.
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

/// When a visitor wants to speak with a person.
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
    fn what_is_asked_back_can_be_read_again() {
        for (language, labels, text) in [
            (
                Language::Vi,
                vec!["Diệc Mail", "Diệc Drive", "Diệc Meet"],
                "Bạn hỏi về Diệc Mail, Diệc Drive hay Diệc Meet?",
            ),
            (Language::En, vec!["Free", "Pro"], "Do you mean Free or Pro?"),
        ] {
            assert_eq!(which(language, &labels), text);
            assert_eq!(asked_which(text), labels);
        }
        for answer in ["Gói Pro giá 39.000 đ. [1]", "Bạn hỏi về Diệc Mail?", "Do you mean Free or Pro"]
        {
            assert!(asked_which(answer).is_empty(), "{answer}");
        }
    }
}
