//! The pages that a refusal offers: where nothing answers with certainty, the visitor may find it there.

use std::collections::BTreeSet;

use hoidap_shared::{
    job::{Passage, RelatedPage, Retrieved},
    text::Language,
};

/// Below this support the found pages are about something else. Of questions that a help site answers, 74 of 100 reach it;
/// of out-of-scope ones over the same site, 10 (`hoidap-worker features`, the help's and the sample site's sets).
const MIN_SUPPORT: f32 = 0.7;
/// Most pages.
const MAX_PAGES: usize = 3;

/// The pages of the first passages, each once, without the one that the visitor is on: those in the visitor's language, or all
/// where there are none. Empty where the search is unsure that the site knows anything about the question.
pub(super) fn related_pages(retrieved: &Retrieved, page: &str) -> Vec<RelatedPage> {
    if retrieved.support.is_nan() || retrieved.support < MIN_SUPPORT {
        return Vec::new();
    }
    let own =
        |passage: &&Passage| Language::from_locale(&passage.locale) == Some(retrieved.classified.language);
    let others = !retrieved.passages.iter().any(|passage| own(&passage));
    let mut seen = BTreeSet::from(["", page]);
    retrieved
        .passages
        .iter()
        .filter(|passage| others || own(passage))
        .filter(|passage| seen.insert(&passage.url))
        .take(MAX_PAGES)
        .map(|passage| RelatedPage { url: passage.url.clone(), title: passage.title.clone() })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generator::{passages::passage_set::tests::passage, refusal::tests::retrieved};

    fn found(support: f32, urls: &[&str]) -> Retrieved {
        let page = |url: &&str| Passage {
            url: (*url).into(),
            title: format!("Page {url}"),
            ..passage("en", "Text.")
        };
        Retrieved { passages: urls.iter().map(page).collect(), support, ..retrieved() }
    }

    fn urls(found: &Retrieved, page: &str) -> Vec<String> {
        related_pages(found, page).into_iter().map(|related| related.url).collect()
    }

    #[test]
    fn the_pages_of_the_first_passages_are_offered_once_each() {
        let found = found(0.9, &["b", "a", "b", "c", "d"]);
        assert_eq!(urls(&found, ""), ["b", "a", "c"]);
        assert_eq!(related_pages(&found, "")[0].title, "Page b");
    }

    #[test]
    fn the_page_that_is_read_and_one_without_an_address_are_not_offered() {
        assert_eq!(urls(&found(0.9, &["b", "", "a"]), "b"), ["a"]);
    }

    #[test]
    fn pages_in_the_visitors_language_are_offered_where_there_are_any() {
        let mut found = found(0.9, &["a", "b"]);
        found.passages[0].locale = "vi".into();
        assert_eq!(urls(&found, ""), ["b"]);
        found.passages[1].locale = "vi".into();
        assert_eq!(urls(&found, ""), ["a", "b"]);
    }

    #[test]
    fn without_support_no_page_is_offered() {
        for support in [0.0, 0.69, f32::NAN] {
            assert!(urls(&found(support, &["a"]), "").is_empty(), "{support}");
        }
    }
}
