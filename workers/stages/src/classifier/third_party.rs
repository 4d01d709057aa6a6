//! Detects questions about third-party services.

use std::collections::BTreeSet;

use hoidap_shared::text::fold;
use unicode_segmentation::UnicodeSegmentation as _;

/// Names of well-known services.
const SERVICES: &str = include_str!("services.txt");

/// Words before a name with which the service is only a source or destination: "move my mail over from …".
const RELATION_PREPOSITIONS: [&str; 14] =
    ["from", "to", "into", "with", "and", "via", "tu", "sang", "qua", "voi", "vao", "va", "bang", "cho"];

/// Well-known services, by name.
#[derive(Clone, Debug)]
pub struct ThirdPartyServices {
    names: BTreeSet<&'static str>,
}

impl ThirdPartyServices {
    /// The built-in list.
    pub fn built_in() -> Self {
        let lines = SERVICES.lines().map(str::trim);
        Self { names: lines.filter(|line| !line.is_empty() && !line.starts_with('#')).collect() }
    }

    /// The services that a question is about, not those that are a source or destination.
    pub fn asked_about(&self, question: &str) -> Vec<String> {
        let folded = fold(question);
        let words: Vec<&str> = folded.unicode_words().collect();
        let about = |(i, word): (usize, &&str)| {
            let before = i.checked_sub(1).map(|i| words[i]);
            let named = self.names.contains(*word)
                && !before.is_some_and(|word| RELATION_PREPOSITIONS.contains(&word));
            named.then(|| (*word).to_string())
        };
        words.iter().enumerate().filter_map(about).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_counts_wherever_it_stands_and_however_it_is_written() {
        let services = ThirdPartyServices::built_in();
        for question in ["Zalo không gửi được ảnh", "momo quen mat khau", "how do I add a label in Gmail?"]
        {
            assert_eq!(services.asked_about(question).len(), 1, "{question}");
        }
        assert!(services.asked_about("làm sao đổi mật khẩu?").is_empty());
    }

    #[test]
    fn the_other_end_of_something_is_not_what_is_asked_about() {
        let services = ThirdPartyServices::built_in();
        for question in
            ["Chuyển thư từ Gmail sang Diệc Mail", "Can I share a file to Facebook?", "thanh toan qua momo"]
        {
            assert!(services.asked_about(question).is_empty(), "{question}");
        }
    }
}
