//! Hubness: some chunks are near every question, whatever it asks.
//!
//! A page of five labels, or the only text in the question's language, has a high cosine with any question. So each version
//! stores the mean vector of unrelated questions, and the cosine of each chunk with it. A share of that is subtracted from the
//! chunk's cosine. Since `q · c − s · (m · c) = (q − s · m) · c`, it is enough to search with a corrected query vector.

use std::path::Path;

use hoidap_shared::text::Language;

use crate::{
    score_distribution::QUESTION_LANGUAGES,
    store::{GENERIC, HUBS, VectorFile},
};

/// The share of a chunk's cosine with the mean unrelated question that is subtracted from its cosine with a question
/// (docs/research/retrieval.md, "Experiments").
const HUBNESS_SHARE: f32 = 0.5;

/// The hubness correction of one version.
pub(super) struct HubnessCorrection {
    /// The mean vector of the unrelated questions of each of [`QUESTION_LANGUAGES`].
    means: Vec<Vec<f32>>,
    /// The cosine of each chunk with each of them.
    near: Vec<[f32; QUESTION_LANGUAGES.len()]>,
}

impl HubnessCorrection {
    /// Reads the files of a version with `chunks` chunks.
    pub(super) fn open(dir: &Path, dimensions: usize, chunks: usize) -> Result<Self, String> {
        let read = |name: &str, width: usize, rows: usize| {
            let file = VectorFile::open(&dir.join(name), width);
            file.and_then(|file| file.read(0..rows)).map_err(|error| format!("{name}: {error}"))
        };
        let means = read(GENERIC, dimensions, QUESTION_LANGUAGES.len())?;
        let near = read(HUBS, QUESTION_LANGUAGES.len(), chunks)?;
        Ok(Self {
            means: means.chunks(dimensions).map(<[f32]>::to_vec).collect(),
            near: near.as_chunks().0.to_vec(),
        })
    }

    /// The vector to search with in place of a question's: its inner product with a chunk is the question's, less the chunk's
    /// hubness.
    pub(super) fn corrected_query(&self, question: &[f32], language: Language) -> Vec<f32> {
        let mean = &self.means[language_index(language)];
        question.iter().zip(mean).map(|(q, m)| q - HUBNESS_SHARE * m).collect()
    }

    /// The cosine of question and chunk, computed back from the score of [`Self::corrected_query`].
    pub(super) fn raw_cosine(&self, score: f32, chunk: usize, language: Language) -> f32 {
        score + HUBNESS_SHARE * self.near[chunk][language_index(language)]
    }
}

fn language_index(language: Language) -> usize {
    QUESTION_LANGUAGES.iter().position(|known| *known == language).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_that_is_near_everything_comes_behind_one_that_is_near_this() {
        let dir = tempfile::tempdir().unwrap();
        let generic = [0.6, 0.8];
        let (hub, page, question) = ([0.6, 0.8], [1.0, 0.0], [0.8, 0.6]);
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        let means = VectorFile::create(&dir.path().join(GENERIC), 2).unwrap();
        let near = VectorFile::create(&dir.path().join(HUBS), 2).unwrap();
        for (i, chunk) in [hub, page].iter().enumerate() {
            means.write(i, &generic).unwrap();
            near.write(i, &[dot(chunk, &generic); 2]).unwrap();
        }
        let hubness = HubnessCorrection::open(dir.path(), 2, 2).unwrap();
        let vector = hubness.corrected_query(&question, Language::En);
        assert!(dot(&question, &hub) > dot(&question, &page));
        assert!(dot(&vector, &hub) < dot(&vector, &page));
        for (i, chunk) in [hub, page].iter().enumerate() {
            let cosine = hubness.raw_cosine(dot(&vector, chunk), i, Language::En);
            assert!((cosine - dot(&question, chunk)).abs() < 1e-6);
        }
    }
}
