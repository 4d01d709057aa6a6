use std::path::Path;

use hoidap_shared::text::Language;

use super::BuildError;
use crate::{
    embed::{Embedder, dot},
    library::{Background, LANGUAGES, Spread},
    store::{GENERIC, HUBS, Rows, io_error},
};

/// Questions that no site answers.
const UNRELATED: &str = include_str!("unrelated.txt");

/// Asks the unrelated questions: how near they come to the nearest chunk in each language is returned, and what the chunks are as
/// hubs is written to `dir` (see [`crate::library`]'s hubs). The chunks' vectors are the rows of `path`.
pub(super) fn ask(path: &Path, dir: &Path, embedder: &dyn Embedder) -> Result<Background, BuildError> {
    let mut background = Background::default();
    let failed = |error| BuildError::from(io_error(path)(error));
    let dimensions = embedder.model().dimensions;
    let rows = Rows::open(path, dimensions).map_err(failed)?;
    let generic = Rows::create(&dir.join(GENERIC), dimensions).map_err(failed)?;
    let mut near = vec![[0.0_f32; LANGUAGES.len()]; rows.count().map_err(failed)?];
    for (place, language) in LANGUAGES.into_iter().enumerate() {
        let texts: Vec<String> = UNRELATED
            .lines()
            .filter_map(|line| line.strip_prefix(language.code()))
            .map(|q| q.trim().to_string())
            .collect();
        let questions = embedder.embed_queries(&texts)?;
        let mean = mean(&questions, dimensions);
        generic.write(place, &mean).map_err(failed)?;
        let mut nearest = vec![-1.0_f32; questions.len()];
        let mut chunk = 0;
        for block in rows.blocks().map_err(failed)? {
            let block = block.map_err(failed)?;
            for row in block.chunks(dimensions) {
                for (question, nearest) in questions.iter().zip(&mut nearest) {
                    *nearest = nearest.max(dot(row, question));
                }
                near[chunk][place] = dot(row, &mean);
                chunk += 1;
            }
        }
        let spread = Spread::of(&nearest);
        match language {
            Language::Vi => background.vi = spread,
            Language::En => background.en = spread,
        }
    }
    let hubs = Rows::create(&dir.join(HUBS), LANGUAGES.len()).map_err(failed)?;
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
