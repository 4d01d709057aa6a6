//! Assembles an answer's sentences into text, citations and sources.

use hoidap_shared::job::{Citation, Passage, Source, SourceMetadata};

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AnswerSentence {
    /// What precedes it: a space, a line break, or a list marker.
    pub(crate) lead: String,
    /// Its text, without citation marks.
    pub(crate) text: String,
    /// The supporting passage's index in the job, and the support, 0 to 1.
    pub(crate) cite: Option<(usize, f32)>,
}

/// The answer as the visitor sees it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct AssembledAnswer {
    /// The text, with ` [n]` after each supported sentence.
    pub(crate) text: String,
    /// Which span of the text rests on which source; offsets in characters.
    pub(crate) citations: Vec<Citation>,
    /// The cited passages, ordered by citation number.
    pub(crate) sources: Vec<Source>,
    /// Their indices in the job.
    pub(crate) cited: Vec<usize>,
}

/// Joins the sentences and numbers the cited passages from 1, in order of first citation.
pub(crate) fn assemble(sentences: &[AnswerSentence], passages: &[Passage]) -> AssembledAnswer {
    let mut done = AssembledAnswer::default();
    let mut length = 0;
    for sentence in sentences {
        let lead = if done.text.is_empty() { sentence.lead.trim_start() } else { sentence.lead.as_str() };
        let start = length + lead.chars().count();
        let end = start + sentence.text.chars().count();
        done.text.push_str(lead);
        done.text.push_str(&sentence.text);
        length = end;
        let Some((passage, support)) = sentence.cite.filter(|(passage, _)| *passage < passages.len()) else {
            continue;
        };
        let n = done.cited.iter().position(|known| *known == passage).unwrap_or_else(|| {
            done.cited.push(passage);
            done.sources.push(to_source(&passages[passage]));
            done.cited.len() - 1
        }) + 1;
        let mark = format!(" [{n}]");
        length += mark.len();
        done.text.push_str(&mark);
        let n = u32::try_from(n).unwrap_or(u32::MAX);
        done.citations.push(Citation { n, answer_start: start, answer_end: end, support });
    }
    done
}

/// Converts a passage into a source of the answer.
pub(crate) fn to_source(passage: &Passage) -> Source {
    Source {
        content: passage.text.clone(),
        collection: passage.collection.clone(),
        score: if passage.score.is_finite() { passage.score.clamp(0.0, 1.0) } else { 0.0 },
        metadata: SourceMetadata {
            url: passage.url.clone(),
            title: passage.title.clone(),
            heading_path: passage.heading_path.clone(),
            chunk_id: passage.chunk_id.clone(),
            document_version: passage.document_hash.clone(),
            index_version: passage.version.clone(),
            start: passage.start,
            end: passage.end,
            source: passage.source.clone(),
            locale: passage.locale.clone(),
            product: passage.product.clone(),
            section: passage.section.clone(),
        },
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::generator::passages::passage_set::tests::passage;

    /// Checks that every `[n]` has a citation and a source, and that every citation spans its sentence.
    pub(crate) fn check(done: &AssembledAnswer) {
        let chars: Vec<char> = done.text.chars().collect();
        let mut marks = Vec::new();
        for (i, _) in chars.iter().enumerate().filter(|(_, c)| **c == '[') {
            let inner: String = chars[i + 1..].iter().take_while(|c| **c != ']').collect();
            if !inner.is_empty() && inner.chars().all(|c| c.is_ascii_digit()) {
                marks.push((i, inner.parse::<usize>().unwrap()));
            }
        }
        assert_eq!(marks.len(), done.citations.len(), "{:?}", done.text);
        for ((at, n), citation) in marks.iter().zip(&done.citations) {
            assert_eq!(*n, citation.n as usize);
            assert!(*n >= 1 && *n <= done.sources.len(), "{:?}", done.text);
            assert_eq!(citation.answer_end + 1, *at, "{:?}", done.text);
            assert!(citation.answer_start < citation.answer_end);
            assert!((0.0..=1.0).contains(&citation.support));
        }
        for n in 1..=done.sources.len() {
            assert!(
                done.citations.iter().any(|citation| citation.n as usize == n),
                "source {n} is not cited"
            );
        }
    }

    #[test]
    fn cited_passages_are_numbered_from_one() {
        let passages: Vec<_> = ["a", "b", "c"].map(|text| passage("en", text)).to_vec();
        let sentence = |text: &str, cite| AnswerSentence { lead: " ".into(), text: text.into(), cite };
        let sentences = [
            sentence("Đầu tiên.", Some((2, 0.9))),
            sentence("No ground.", None),
            sentence("B.", Some((1, 0.6))),
            sentence("C.", Some((2, 1.0))),
        ];
        let done = assemble(&sentences, &passages);
        assert_eq!(done.text, "Đầu tiên. [1] No ground. B. [2] C. [1]");
        assert_eq!(done.sources.iter().map(|s| s.content.as_str()).collect::<Vec<_>>(), ["c", "b"]);
        let spans: Vec<String> = done
            .citations
            .iter()
            .map(|c| done.text.chars().skip(c.answer_start).take(c.answer_end - c.answer_start).collect())
            .collect();
        assert_eq!(spans, ["Đầu tiên.", "B.", "C."]);
        check(&done);
    }
}
