use crate::{
    embed::{EmbedError, Embedder},
    library::{Background, Spread},
};

/// Questions that no site answers.
const UNRELATED: &str = include_str!("unrelated.txt");

/// How near the unrelated questions come to the nearest chunk, in each language.
pub(super) fn background(
    embeddings: &[f32],
    dimensions: usize,
    embedder: &dyn Embedder,
) -> Result<Background, EmbedError> {
    let mut background = Background::default();
    for (language, spread) in [("vi", &mut background.vi), ("en", &mut background.en)] {
        let texts: Vec<String> = UNRELATED
            .lines()
            .filter_map(|line| line.strip_prefix(language))
            .map(|q| q.trim().to_string())
            .collect();
        let questions = embedder.embed_queries(&texts)?;
        let nearest = questions.iter().map(|question| {
            let cosine = |row: &[f32]| row.iter().zip(question).map(|(a, b)| a * b).sum::<f32>();
            embeddings.chunks(dimensions).map(cosine).fold(-1.0, f32::max)
        });
        *spread = Spread::of(&nearest.collect::<Vec<_>>());
    }
    Ok(background)
}
