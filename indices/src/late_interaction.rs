//! Late interaction: how well each token of a question matches some token of a passage (Khattab and Zaharia, ColBERT, 2020).
//!
//! A model computes a vector for every token before it averages them. [`Projection`] makes these vectors small, so that a
//! version can store them for all chunks. [`score`] compares a question's vectors with a passage's.

use std::{fs, io, ops::Range, path::Path, sync::Arc};

use crate::{
    model::TextRole,
    vector_math::{dot, normalise},
};

/// The value of 1.0 in a component of a question's token, which has eight bits.
const QUESTION_SCALE: f32 = 127.0;

/// A component of a passage's token has four bits: this many steps up to [`MAX_DEVIATIONS`] standard deviations of a
/// component of a unit vector. Larger values are clipped. On the question sets of docs/indices.md this loses nothing against
/// eight bits.
const PASSAGE_STEPS: f32 = 7.0;
const MAX_DEVIATIONS: f32 = 2.7;
/// The value of 0.0 in four bits.
const NIBBLE_ZERO: u8 = 8;

/// Built-in projections: the model's name (lower case, without its publisher), its dimensions, and the file.
const BUILT_IN_PROJECTIONS: [(&str, usize, &[u8]); 1] =
    [("multilingual-e5-small", 384, include_bytes!("late_interaction/multilingual-e5-small.f32"))];

/// The file of a model's own projection, in the model's folder.
const PROJECTION_FILE: &str = "projection.f32";

/// The token vectors of a text, concatenated. A component has one signed byte in a question, and four bits in a passage (the
/// first of two in the low bits, 8 is zero). Empty when the model has no projection.
pub type TokenVectors = Vec<u8>;

/// Projects a model's token vectors to small ones: `P · (t − mean)`, scaled to length 1.
///
/// Its file holds little-endian `f32` values: the mean of question tokens, the mean of passage tokens, and `P` by rows of the
/// model's dimensions. `P` holds the principal components of both kinds of tokens, with the widest ones scaled down.
#[derive(Clone)]
pub(crate) struct Projection {
    model: usize,
    dimensions: usize,
    numbers: Arc<[f32]>,
}

impl Projection {
    /// The built-in projection for a model with vectors of `dimensions` numbers; `None` if there is none.
    pub(crate) fn for_model(model: &str, dimensions: usize) -> Option<Self> {
        let name = model.rsplit('/').next()?.to_ascii_lowercase();
        let (_, model, file) = BUILT_IN_PROJECTIONS
            .into_iter()
            .find(|(known, model, _)| *known == name && *model == dimensions)?;
        Self::parse(file, model)
    }

    /// The projection in a model's folder, for vectors of `dimensions` numbers; `None` if the folder has none.
    ///
    /// # Errors
    /// When the file cannot be read, or does not fit the dimensions.
    pub(crate) fn in_folder(model: &Path, dimensions: usize) -> io::Result<Option<Self>> {
        match fs::read(model.join(PROJECTION_FILE)) {
            Ok(file) => Self::parse(&file, dimensions).map(Some).ok_or_else(|| {
                io::Error::other(format!(
                    "{PROJECTION_FILE} is no projection of vectors of {dimensions} numbers"
                ))
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn parse(file: &[u8], model: usize) -> Option<Self> {
        let (numbers, rest) = file.as_chunks();
        let numbers: Arc<[f32]> = numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        let small = numbers.len().checked_div(model)?.checked_sub(2)?;
        let whole = rest.is_empty() && numbers.len().is_multiple_of(model);
        let usable = small > 0 && small.is_multiple_of(2) && numbers.iter().all(|number| number.is_finite());
        (whole && usable).then_some(Self { model, dimensions: small, numbers })
    }

    /// Number of components of a projected vector.
    pub(crate) fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// The projected vectors of a text's tokens.
    pub(crate) fn project<'a>(
        &self,
        role: TextRole,
        tokens: impl Iterator<Item = &'a [f32]>,
    ) -> TokenVectors {
        let (means, matrix) = self.numbers.split_at(2 * self.model);
        let (question, passage) = means.split_at(self.model);
        let mean = if role == TextRole::Query { question } else { passage };
        let mut small = TokenVectors::new();
        for token in tokens {
            let centred: Vec<f32> = token.iter().zip(mean).map(|(t, m)| t - m).collect();
            let mut vector: Vec<f32> =
                matrix.chunks_exact(self.model).map(|row| dot(row, &centred)).collect();
            normalise(&mut vector);
            match role {
                TextRole::Query => {
                    small.extend(vector.into_iter().map(|x| (x * QUESTION_SCALE).round() as i8 as u8))
                }
                TextRole::Passage => {
                    small.extend(vector.as_chunks().0.iter().map(|[low, high]| {
                        nibble(*low, self.dimensions) | nibble(*high, self.dimensions) << 4
                    }))
                }
            }
        }
        small
    }
}

/// The tokens of a passage, unpacked.
pub(crate) struct PassageTokens {
    /// The components, in quantisation steps.
    components: Vec<i16>,
    dimensions: usize,
}

impl PassageTokens {
    /// Unpacks token vectors of `dimensions` components.
    pub(crate) fn unpack(passage: &[u8], dimensions: usize) -> Self {
        let mut components = vec![0; 2 * passage.len()];
        for (pair, byte) in components.as_chunks_mut().0.iter_mut().zip(passage) {
            *pair = [
                i16::from(byte & 0xF) - i16::from(NIBBLE_ZERO),
                i16::from(byte >> 4) - i16::from(NIBBLE_ZERO),
            ];
        }
        components.truncate(whole_tokens(components.len(), dimensions));
        Self { components, dimensions }
    }

    /// Compares every token of a question with every token of the passage; `None` when either has no tokens.
    pub(crate) fn matches(&self, question: &[u8]) -> Option<TokenMatches> {
        let whole = whole_tokens(question.len(), self.dimensions);
        if whole == 0 || self.components.is_empty() {
            return None;
        }
        let question: Vec<i16> = question[..whole].iter().map(|byte| i16::from(*byte as i8)).collect();
        let of_token = |token| self.tokens().map(move |other| inner_product(token, other));
        Some(TokenMatches {
            products: question.chunks_exact(self.dimensions).flat_map(of_token).collect(),
            passage_tokens: self.components.len() / self.dimensions,
            unit: step_size(self.dimensions) / QUESTION_SCALE,
        })
    }

    /// The components of the first `most` tokens, each token of length 1.
    pub(crate) fn unit_vectors(&self, most: usize) -> Vec<f32> {
        let mut numbers: Vec<f32> = self.tokens().take(most).flatten().copied().map(f32::from).collect();
        numbers.chunks_exact_mut(self.dimensions.max(1)).for_each(normalise);
        numbers
    }

    fn tokens(&self) -> impl Iterator<Item = &[i16]> {
        self.components.chunks_exact(self.dimensions.max(1))
    }
}

/// The cosine of every token of a question with every token of a passage.
pub(crate) struct TokenMatches {
    /// Row by row, one row for each token of the question, in steps of `unit`.
    products: Vec<i32>,
    passage_tokens: usize,
    unit: f32,
}

impl TokenMatches {
    /// How well the passage matches the question, -1 to 1: the mean over the question's tokens of the best cosine with a
    /// passage token.
    pub(crate) fn score(&self) -> f32 {
        self.best(0..self.passage_tokens).as_deref().map_or(0.0, mean)
    }

    /// For each question token, the best cosine with a token of a part of the passage; `None` when the part has no tokens.
    pub(crate) fn best(&self, part: Range<usize>) -> Option<Vec<f32>> {
        let part = part.start.min(self.passage_tokens)..part.end.min(self.passage_tokens);
        let rows = self.products.chunks_exact(self.passage_tokens);
        rows.map(|row| row[part.clone()].iter().max().map(|most| *most as f32 * self.unit)).collect()
    }
}

/// The mean of numbers, of which there must be at least one.
pub(crate) fn mean(numbers: &[f32]) -> f32 {
    numbers.iter().sum::<f32>() / numbers.len() as f32
}

/// How many of `components` belong to whole tokens.
fn whole_tokens(components: usize, dimensions: usize) -> usize {
    components - components.checked_rem(dimensions).unwrap_or(components)
}

/// The components of a question's tokens.
pub(crate) fn unpack_question(tokens: &[u8], dimensions: usize) -> Vec<f32> {
    tokens[..whole_tokens(tokens.len(), dimensions)]
        .iter()
        .map(|byte| f32::from(*byte as i8) / QUESTION_SCALE)
        .collect()
}

/// The value of one quantisation step.
fn step_size(dimensions: usize) -> f32 {
    MAX_DEVIATIONS / (dimensions as f32).sqrt() / PASSAGE_STEPS
}

fn nibble(x: f32, dimensions: usize) -> u8 {
    let steps = (x / step_size(dimensions)).round().clamp(-f32::from(NIBBLE_ZERO), PASSAGE_STEPS);
    (steps + f32::from(NIBBLE_ZERO)) as u8
}

fn inner_product(a: &[i16], b: &[i16]) -> i32 {
    a.iter().zip(b).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tokens of a question and of a passage, of two components each.
    fn question(vectors: &[[i8; 2]]) -> Vec<u8> {
        vectors.iter().flatten().map(|x| *x as u8).collect()
    }

    fn passage(vectors: &[[f32; 2]]) -> Vec<u8> {
        vectors.iter().map(|[a, b]| nibble(*a, 2) | nibble(*b, 2) << 4).collect()
    }

    fn score(question: &[u8], passage: &[u8], dimensions: usize) -> Option<f32> {
        Some(PassageTokens::unpack(passage, dimensions).matches(question)?.score())
    }

    #[test]
    fn each_word_of_the_question_counts_by_its_best_match() {
        let tokens = question(&[[127, 0], [0, 127]]);
        let both = score(&tokens, &passage(&[[0.0, 1.0], [1.0, 0.0]]), 2).unwrap();
        let one = score(&tokens, &passage(&[[1.0, 0.0], [1.0, 0.0]]), 2).unwrap();
        assert!((both - 1.0).abs() < 0.15 && (one - both / 2.0).abs() < 1e-6, "{both} {one}");
    }

    #[test]
    fn what_is_opposite_is_less_than_what_has_nothing_in_common() {
        let tokens = question(&[[127, 0]]);
        assert!(score(&tokens, &passage(&[[-1.0, 0.0]]), 2).unwrap() < -0.8);
        assert!(score(&tokens, &passage(&[[0.0, 1.0]]), 2).unwrap().abs() < 1e-6);
    }

    #[test]
    fn a_text_without_tokens_has_no_score() {
        assert!(
            score(&[], &passage(&[[1.0, 0.0]]), 2).is_none() && score(&question(&[[1, 2]]), &[], 2).is_none()
        );
    }

    #[test]
    fn only_the_model_that_it_was_learnt_for_has_a_projection() {
        assert!(Projection::for_model("intfloat/multilingual-e5-small", 384).is_some());
        assert!(Projection::for_model("intfloat/multilingual-e5-small", 768).is_none());
        assert!(Projection::for_model("BAAI/bge-small-en-v1.5", 384).is_none());
    }

    #[test]
    fn a_model_may_bring_its_own_projection() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Projection::in_folder(folder.path(), 4).unwrap().is_none());
        let write = |numbers: &[f32]| {
            let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
            std::fs::write(folder.path().join(PROJECTION_FILE), bytes).unwrap();
        };
        write(&[0.5; 16]);
        assert_eq!(Projection::in_folder(folder.path(), 4).unwrap().unwrap().dimensions(), 2);
        for broken in [&[0.5; 15][..], &[0.5; 12], &[], &[f32::NAN; 16]] {
            write(broken);
            assert!(Projection::in_folder(folder.path(), 4).is_err(), "{broken:?}");
        }
    }
}
