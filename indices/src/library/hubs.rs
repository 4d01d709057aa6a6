//! Hubs: chunks that are near every question, whatever it asks.
//!
//! A page of five labels, or a text in the question's own language among others, has a high cosine with any question at all. So each
//! version keeps the mean vector of questions that no site answers, and how near each chunk is to it. A share of that is taken from
//! the chunk's cosine: as `q · c − s · (m · c) = (q − s · m) · c`, it is enough to search for another vector than the question's.

use std::path::Path;

use hoidap_shared::text::Language;

use crate::store::{GENERIC, HUBS, Rows};

/// Languages that the unrelated questions are asked in.
pub(crate) const LANGUAGES: [Language; 2] = [Language::Vi, Language::En];

/// The share of a chunk's cosine with the mean unrelated question that is taken from its cosine with a question
/// (docs/indices.md, "Levers").
const SHARE: f32 = 0.5;

/// What is known of the hubs of one version.
pub(super) struct Hubs {
    /// The mean vector of the unrelated questions of each of [`LANGUAGES`].
    means: Vec<Vec<f32>>,
    /// The cosine of each chunk with each of them.
    near: Vec<[f32; LANGUAGES.len()]>,
}

impl Hubs {
    /// Reads the hubs of a version with so many chunks.
    pub(super) fn open(dir: &Path, dimensions: usize, chunks: usize) -> Result<Self, String> {
        let read = |name: &str, width: usize, rows: usize| {
            let file = Rows::open(&dir.join(name), width);
            file.and_then(|file| file.read(0..rows)).map_err(|error| format!("{name}: {error}"))
        };
        let means = read(GENERIC, dimensions, LANGUAGES.len())?;
        let near = read(HUBS, LANGUAGES.len(), chunks)?;
        Ok(Self {
            means: means.chunks(dimensions).map(<[f32]>::to_vec).collect(),
            near: near.as_chunks().0.to_vec(),
        })
    }

    /// The vector to search for in place of a question's: its inner product with a chunk is that of the question less the chunk's
    /// part as a hub.
    pub(super) fn vector(&self, question: &[f32], language: Language) -> Vec<f32> {
        let mean = &self.means[place(language)];
        question.iter().zip(mean).map(|(q, m)| q - SHARE * m).collect()
    }

    /// The cosine of question and chunk, from the inner product of [`Self::vector`] and the chunk.
    pub(super) fn cosine(&self, score: f32, chunk: usize, language: Language) -> f32 {
        score + SHARE * self.near[chunk][place(language)]
    }
}

fn place(language: Language) -> usize {
    LANGUAGES.iter().position(|known| *known == language).unwrap_or_default()
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
        let means = Rows::create(&dir.path().join(GENERIC), 2).unwrap();
        let near = Rows::create(&dir.path().join(HUBS), 2).unwrap();
        for (i, chunk) in [hub, page].iter().enumerate() {
            means.write(i, &generic).unwrap();
            near.write(i, &[dot(chunk, &generic); 2]).unwrap();
        }
        let hubs = Hubs::open(dir.path(), 2, 2).unwrap();
        let vector = hubs.vector(&question, Language::En);
        assert!(dot(&question, &hub) > dot(&question, &page));
        assert!(dot(&vector, &hub) < dot(&vector, &page));
        for (i, chunk) in [hub, page].iter().enumerate() {
            let cosine = hubs.cosine(dot(&vector, chunk), i, Language::En);
            assert!((cosine - dot(&question, chunk)).abs() < 1e-6);
        }
    }
}
