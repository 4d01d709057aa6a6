use std::path::Path;

use hoidap_shared::text::Language;

use super::BuildError;
use crate::{
    embed::Embedder,
    score_distribution::{QUESTION_LANGUAGES, ScoreDistribution, UnrelatedScores},
    store::{GENERIC, HUBS, VectorFile, io_error},
    vector_math::dot,
};

/// Questions that no site answers, one a line after the code of its language.
const UNRELATED_QUESTIONS: &str = include_str!("unrelated_questions.txt");

/// Embeds the unrelated questions and compares them with all chunks, whose vectors are the rows of `path`. Returns the
/// distribution of their best cosines for each language, and writes the hubness of the chunks to `dir`.
pub(super) fn measure_unrelated(
    path: &Path,
    dir: &Path,
    embedder: &dyn Embedder,
) -> Result<UnrelatedScores, BuildError> {
    let mut background = UnrelatedScores::default();
    let failed = |error| BuildError::from(io_error(path)(error));
    let dimensions = embedder.model().dimensions;
    let rows = VectorFile::open(path, dimensions).map_err(failed)?;
    let generic = VectorFile::create(&dir.join(GENERIC), dimensions).map_err(failed)?;
    let mut near = vec![[0.0_f32; QUESTION_LANGUAGES.len()]; rows.count().map_err(failed)?];
    for (index, language) in QUESTION_LANGUAGES.into_iter().enumerate() {
        let texts: Vec<String> = UNRELATED_QUESTIONS
            .lines()
            .filter_map(|line| line.strip_prefix(language.code()))
            .map(|q| q.trim().to_string())
            .collect();
        let questions = embedder.embed_queries(&texts)?;
        let mean = mean(&questions, dimensions);
        generic.write(index, &mean).map_err(failed)?;
        let mut nearest = vec![-1.0_f32; questions.len()];
        let mut chunk = 0;
        for block in rows.blocks().map_err(failed)? {
            let block = block.map_err(failed)?;
            for row in block.chunks(dimensions) {
                for (question, nearest) in questions.iter().zip(&mut nearest) {
                    *nearest = nearest.max(dot(row, question));
                }
                near[chunk][index] = dot(row, &mean);
                chunk += 1;
            }
        }
        let spread = ScoreDistribution::of(&nearest);
        match language {
            Language::Vi => background.vi = spread,
            Language::En => background.en = spread,
        }
    }
    let hubs = VectorFile::create(&dir.join(HUBS), QUESTION_LANGUAGES.len()).map_err(failed)?;
    for (chunk, near) in near.iter().enumerate() {
        hubs.write(chunk, near).map_err(failed)?;
    }
    Ok(background)
}

fn mean(vectors: &[Vec<f32>], dimensions: usize) -> Vec<f32> {
    let mut mean = vec![0.0; dimensions];
    for vector in vectors {
        mean.iter_mut().zip(vector).for_each(|(sum, x)| *sum += x / vectors.len() as f32);
    }
    mean
}
