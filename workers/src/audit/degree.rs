use std::collections::BTreeSet;

use hoidap_shared::{
    job::{Answer, Outcome},
    text::Language,
};
use serde::Serialize;

/// How far the answer that would have been served is from the one that the job got, from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Degree {
    /// The job failed or was stopped: what would have been right is not known.
    Unknown,
    /// The same text, which cites the same pages.
    SameText,
    /// Another text that cites the same pages, or cites none as the right one does.
    SamePages,
    /// Another text; some cited pages in common.
    SomePages,
    /// No cited page in common.
    OtherPages,
    /// An answer in another language.
    OtherLanguage,
    /// Another outcome, such as an answer where no document supports one.
    OtherOutcome,
}

/// What degrees are judged by.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub(super) outcome: Outcome,
    pub(super) language: Language,
    pub(super) text: String,
    /// The addresses of the cited pages; the path of a document that has none.
    pub(super) pages: BTreeSet<String>,
}

impl Degree {
    /// Every one, in order.
    pub(super) const ALL: [Self; 7] = [
        Self::Unknown,
        Self::SameText,
        Self::SamePages,
        Self::SomePages,
        Self::OtherPages,
        Self::OtherLanguage,
        Self::OtherOutcome,
    ];

    /// The degree of serving one answer to whom another was right for.
    pub(super) fn of(served: &Given, right: &Given) -> Self {
        let common = served.pages.intersection(&right.pages).count();
        if matches!(right.outcome, Outcome::Failed | Outcome::Stopped) {
            Self::Unknown
        } else if served.outcome != right.outcome {
            Self::OtherOutcome
        } else if served.language != right.language {
            Self::OtherLanguage
        } else if served.pages == right.pages {
            if served.text == right.text { Self::SameText } else { Self::SamePages }
        } else if common > 0 {
            Self::SomePages
        } else {
            Self::OtherPages
        }
    }

    /// Whether the visitor would have got something wrong.
    pub(super) fn is_false(self) -> bool {
        self >= Self::OtherPages
    }

    /// Whether it takes a reader to tell.
    pub(super) fn is_doubtful(self) -> bool {
        matches!(self, Self::SamePages | Self::SomePages)
    }

    /// Its name, as in the JSON.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::SameText => "same_text",
            Self::SamePages => "same_pages",
            Self::SomePages => "some_pages",
            Self::OtherPages => "other_pages",
            Self::OtherLanguage => "other_language",
            Self::OtherOutcome => "other_outcome",
        }
    }
}

impl From<&Answer> for Given {
    fn from(answer: &Answer) -> Self {
        let page = |source: &hoidap_shared::job::Source| {
            let at = &source.metadata;
            if at.url.is_empty() { at.source.clone() } else { at.url.clone() }
        };
        Self {
            outcome: answer.outcome,
            language: answer.language,
            text: answer.text.clone(),
            pages: answer.sources.iter().map(page).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(outcome: Outcome, text: &str, pages: &[&str]) -> Given {
        let pages = pages.iter().map(|page| (*page).to_string()).collect();
        Given { outcome, language: Language::Vi, text: text.into(), pages }
    }

    #[test]
    fn each_degree_is_told_from_the_next() {
        let right = given(Outcome::Answered, "a", &["p", "q"]);
        let english = Given { language: Language::En, ..right.clone() };
        for (served, degree) in [
            (right.clone(), Degree::SameText),
            (given(Outcome::Answered, "b", &["q", "p"]), Degree::SamePages),
            (given(Outcome::Answered, "b", &["p"]), Degree::SomePages),
            (given(Outcome::Answered, "a", &["p"]), Degree::SomePages),
            (given(Outcome::Answered, "a", &["r"]), Degree::OtherPages),
            (given(Outcome::Answered, "a", &[]), Degree::OtherPages),
            (english, Degree::OtherLanguage),
            (given(Outcome::SmallTalk, "a", &["p", "q"]), Degree::OtherOutcome),
        ] {
            assert_eq!(Degree::of(&served, &right), degree, "{served:?}");
        }
        for outcome in [Outcome::Failed, Outcome::Stopped] {
            assert_eq!(Degree::of(&right, &given(outcome, "", &[])), Degree::Unknown);
        }
        let (hello, thanks) = (given(Outcome::SmallTalk, "a", &[]), given(Outcome::SmallTalk, "b", &[]));
        assert_eq!(Degree::of(&hello, &thanks), Degree::SamePages);
    }

    #[test]
    fn a_degree_is_right_doubtful_or_false() {
        let kinds = Degree::ALL.map(|degree| (degree.is_doubtful(), degree.is_false()));
        let (right, doubtful, wrong) = ((false, false), (true, false), (false, true));
        assert_eq!(kinds, [right, right, doubtful, doubtful, wrong, wrong, wrong]);
        for degree in Degree::ALL {
            assert_eq!(serde_json::to_value(degree).unwrap(), degree.name());
        }
    }
}
