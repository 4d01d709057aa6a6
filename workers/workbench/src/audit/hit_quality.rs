use std::collections::BTreeSet;

use hoidap_shared::{
    job::{Answer, Outcome},
    text::Language,
};
use serde::Serialize;

/// How the answer served by a hit compares with the job's own answer, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum HitQuality {
    /// The job failed or was stopped, so the right answer is not known.
    Unknown,
    /// The same text, which cites the same pages.
    SameText,
    /// Another text that cites the same pages, or no page like the right one.
    SamePages,
    /// Another text; some cited pages are the same.
    SomePages,
    /// No cited page in common.
    OtherPages,
    /// An answer in another language.
    OtherLanguage,
    /// Another outcome, such as an answer where no document supports one.
    OtherOutcome,
}

/// The parts of an answer that are compared.
#[derive(Clone, Debug)]
pub(super) struct ComparedAnswer {
    pub(super) outcome: Outcome,
    pub(super) language: Language,
    pub(super) text: String,
    /// Addresses of the cited pages; the path of a document without an address.
    pub(super) pages: BTreeSet<String>,
}

impl HitQuality {
    /// All values, in order.
    pub(super) const ALL: [Self; 7] = [
        Self::Unknown,
        Self::SameText,
        Self::SamePages,
        Self::SomePages,
        Self::OtherPages,
        Self::OtherLanguage,
        Self::OtherOutcome,
    ];

    /// Compares a served answer with the right one.
    pub(super) fn of(served: &ComparedAnswer, right: &ComparedAnswer) -> Self {
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

    /// Whether the visitor would have got a wrong answer.
    pub(super) fn is_false(self) -> bool {
        self >= Self::OtherPages
    }

    /// Whether only a human can judge it.
    pub(super) fn is_doubtful(self) -> bool {
        matches!(self, Self::SamePages | Self::SomePages)
    }

    /// Its name in JSON.
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

impl From<&Answer> for ComparedAnswer {
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

    fn given(outcome: Outcome, text: &str, pages: &[&str]) -> ComparedAnswer {
        let pages = pages.iter().map(|page| (*page).to_string()).collect();
        ComparedAnswer { outcome, language: Language::Vi, text: text.into(), pages }
    }

    #[test]
    fn each_quality_is_recognised() {
        let right = given(Outcome::Answered, "a", &["p", "q"]);
        let english = ComparedAnswer { language: Language::En, ..right.clone() };
        for (served, degree) in [
            (right.clone(), HitQuality::SameText),
            (given(Outcome::Answered, "b", &["q", "p"]), HitQuality::SamePages),
            (given(Outcome::Answered, "b", &["p"]), HitQuality::SomePages),
            (given(Outcome::Answered, "a", &["p"]), HitQuality::SomePages),
            (given(Outcome::Answered, "a", &["r"]), HitQuality::OtherPages),
            (given(Outcome::Answered, "a", &[]), HitQuality::OtherPages),
            (english, HitQuality::OtherLanguage),
            (given(Outcome::SmallTalk, "a", &["p", "q"]), HitQuality::OtherOutcome),
        ] {
            assert_eq!(HitQuality::of(&served, &right), degree, "{served:?}");
        }
        for outcome in [Outcome::Failed, Outcome::Stopped] {
            assert_eq!(HitQuality::of(&right, &given(outcome, "", &[])), HitQuality::Unknown);
        }
        let (hello, thanks) = (given(Outcome::SmallTalk, "a", &[]), given(Outcome::SmallTalk, "b", &[]));
        assert_eq!(HitQuality::of(&hello, &thanks), HitQuality::SamePages);
    }

    #[test]
    fn a_quality_is_right_doubtful_or_false() {
        let kinds = HitQuality::ALL.map(|degree| (degree.is_doubtful(), degree.is_false()));
        let (right, doubtful, wrong) = ((false, false), (true, false), (false, true));
        assert_eq!(kinds, [right, right, doubtful, doubtful, wrong, wrong, wrong]);
        for degree in HitQuality::ALL {
            assert_eq!(serde_json::to_value(degree).unwrap(), degree.name());
        }
    }
}
