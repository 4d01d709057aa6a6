use std::path::Path;

use super::BuildError;
use crate::{
    embed::Embedder,
    library::{Background, Spread},
    store::{Rows, io_error},
};

/// Questions that no site answers.
const UNRELATED: &str = include_str!("unrelated.txt");

/// How near the unrelated questions come to the nearest chunk, in each language; the chunks' vectors are the rows of `path`.
pub(super) fn background(path: &Path, embedder: &dyn Embedder) -> Result<Background, BuildError> {
    let mut background = Background::default();
    let failed = |error| BuildError::from(io_error(path)(error));
    let dimensions = embedder.model().dimensions;
    let rows = Rows::open(path, dimensions).map_err(failed)?;
    for (language, spread) in [("vi", &mut background.vi), ("en", &mut background.en)] {
        let texts: Vec<String> = UNRELATED
            .lines()
            .filter_map(|line| line.strip_prefix(language))
            .map(|q| q.trim().to_string())
            .collect();
        let questions = embedder.embed_queries(&texts)?;
        let mut nearest = vec![-1.0_f32; questions.len()];
        for block in rows.blocks().map_err(failed)? {
            let block = block.map_err(failed)?;
            for (question, nearest) in questions.iter().zip(&mut nearest) {
                let cosine = |row: &[f32]| row.iter().zip(question).map(|(a, b)| a * b).sum::<f32>();
                *nearest = block.chunks(dimensions).map(cosine).fold(*nearest, f32::max);
            }
        }
        *spread = Spread::of(&nearest);
    }
    Ok(background)
}
