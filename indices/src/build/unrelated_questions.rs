use std::{path::Path, sync::OnceLock};

use hoidap_shared::text::Language;

use super::BuildError;
use crate::{
    embed::{EmbedError, Embedder},
    score_distribution::{QUESTION_LANGUAGES, ScoreDistribution, UnrelatedScores},
    store::{GENERIC, HUBS, VectorFile, io_error},
    vector_math::dot,
};

/// Questions that no site answers, one a line after the code of its language.
const UNRELATED_QUESTIONS: &str = include_str!("unrelated_questions.txt");

/// A vector for each question.
type QuestionVectors = Vec<Vec<f32>>;

/// The vectors of the unrelated questions, in each of [`QUESTION_LANGUAGES`]. They are embedded once, when the first collection
/// needs them.
#[derive(Debug, Default)]
pub struct UnrelatedVectors(OnceLock<Vec<QuestionVectors>>);

impl UnrelatedVectors {
    fn get(&self, embedder: &dyn Embedder) -> Result<&[QuestionVectors], EmbedError> {
        if let Some(known) = self.0.get() {
            return Ok(known);
        }
        let questions = |language: Language| {
            let lines =
                UNRELATED_QUESTIONS.lines().filter_map(move |line| line.strip_prefix(language.code()));
            lines.map(|question| question.trim().to_string()).collect::<Vec<_>>()
        };
        let all = QUESTION_LANGUAGES.into_iter().map(|language| embedder.embed_queries(&questions(language)));
        let all = all.collect::<Result<_, _>>()?;
        Ok(self.0.get_or_init(|| all))
    }
}

/// Compares the unrelated questions with all chunks, whose vectors are the rows of `path`. Returns the distribution of their best
/// cosines for each language, and writes the hubness of the chunks to `dir`.
pub(super) fn measure_unrelated(
    path: &Path,
    dir: &Path,
    embedder: &dyn Embedder,
    unrelated: &UnrelatedVectors,
) -> Result<UnrelatedScores, BuildError> {
    let mut background = UnrelatedScores::default();
    let failed = |error| BuildError::from(io_error(path)(error));
    let dimensions = embedder.model().dimensions;
    let rows = VectorFile::open(path, dimensions).map_err(failed)?;
    let generic = VectorFile::create(&dir.join(GENERIC), dimensions).map_err(failed)?;
    let mut near = vec![[0.0_f32; QUESTION_LANGUAGES.len()]; rows.count().map_err(failed)?];
    let unrelated = unrelated.get(embedder)?;
    for ((index, language), questions) in QUESTION_LANGUAGES.into_iter().enumerate().zip(unrelated) {
        let mean = mean(questions, dimensions);
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
