//! Cross-attention: which sentences of a passage answer a question, from the token vectors of both.
//!
//! Late interaction ([`crate::late_interaction`]) compares single tokens. Here a small transformer reads the vectors of both
//! texts together, so that "how many" can look for a number next to what is counted. It is trained by
//! `local/embedding/training/cross.py` and lies in the folder of the model whose token vectors it reads.

use std::{fs, io, ops::Range, sync::Arc, thread};

use hoidap_shared::config;
use ort::{
    session::Session,
    value::{Tensor, TensorRef},
};

use crate::{
    embed::{EmbedError, SessionPool, environment},
    hashing::sha256,
    late_interaction::{self, PassageTokens, TokenMatches, mean},
};

/// The ONNX graph, in the model's folder.
const GRAPH_FILE: &str = "cross_attention.onnx";
/// Most tokens of a question and of a passage: memory grows with their square.
const MAX_QUESTION_TOKENS: usize = 64;
const MAX_PASSAGE_TOKENS: usize = 320;

/// The loaded graph. Many threads may use it at once.
pub struct CrossAttention {
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    sessions: SessionPool<Session>,
}

impl CrossAttention {
    /// Loads the graph from the configured model's folder; `None` if it has none.
    ///
    /// # Errors
    /// [`EmbedError::Load`] when the file cannot be read or is not such a graph.
    pub fn configured(settings: &config::EmbeddingConfig) -> Result<Option<Arc<Self>>, EmbedError> {
        if settings.model_dir.as_os_str().is_empty() {
            return Ok(None);
        }
        let path = settings.model_dir.join(GRAPH_FILE);
        let model = path.display().to_string();
        let wrong = move |reason: String| EmbedError::Load { model: model.clone(), reason };
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(wrong(error.to_string())),
        };
        let sha256 = sha256(&bytes);
        let open = move || session(&bytes).map_err(|error| wrong(error.to_string()));
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Ok(Some(Arc::new(Self { sha256, sessions: SessionPool::new(open()?, cores, open) })))
    }

    /// How likely each sentence of a passage answers the question, as log odds; `None` for a sentence without tokens. `question`
    /// and `passage` have token vectors of `dimensions` components, `matches` compares them, and `sentences` are token ranges.
    ///
    /// # Errors
    /// When the graph fails, for example for token vectors of another size.
    pub(crate) fn log_odds(
        &self,
        question: &[u8],
        dimensions: usize,
        passage: &PassageTokens,
        matches: &TokenMatches,
        sentences: &[Range<usize>],
    ) -> io::Result<Vec<Option<f32>>> {
        let question = late_interaction::unpack_question(question, dimensions);
        let question = &question[..question.len().min(MAX_QUESTION_TOKENS * dimensions)];
        let vectors = passage.unit_vectors(MAX_PASSAGE_TOKENS);
        let tokens = vectors.len() / dimensions;
        let (numbers, late) = token_inputs(matches, sentences, tokens);
        let run = |session: &mut Session| -> ort::Result<_> {
            let outputs = session.run(ort::inputs![
                "question" => TensorRef::from_array_view(([question.len() / dimensions, dimensions], question))?,
                "passage" => TensorRef::from_array_view(([tokens, dimensions], vectors.as_slice()))?,
                "sentence" => Tensor::from_array(([tokens], numbers))?,
                "late" => Tensor::from_array(([tokens], late))?,
            ])?;
            let (_, scores) = outputs["tokens"].try_extract_tensor::<f32>()?;
            let (_, none) = outputs["none"].try_extract_tensor::<f32>()?;
            let none = none.first().copied().unwrap_or(f32::NAN);
            Ok(sentences.iter().map(|range| sentence_odds(scores, none, range)).collect())
        };
        self.sessions.with(run).map_err(io::Error::other)?.map_err(io::Error::other)
    }
}

fn session(bytes: &[u8]) -> anyhow::Result<Session> {
    let environment = environment()?;
    let open = || -> ort::Result<Session> {
        Session::builder(&environment)?.with_intra_threads(1)?.commit_from_memory(bytes)
    };
    Ok(open()?)
}

/// The number of each token's sentence, from 1, with one more for what stands above them, and the late interaction of that
/// sentence.
fn token_inputs(matches: &TokenMatches, sentences: &[Range<usize>], tokens: usize) -> (Vec<i64>, Vec<f32>) {
    let mut numbers = vec![sentences.len() as i64 + 1; tokens];
    let mut late = vec![0.0; tokens];
    for (number, range) in (1_i64..).zip(sentences) {
        let range = clamp_range(range, tokens);
        late[range.clone()].fill(matches.best(range.clone()).as_deref().map_or(0.0, mean));
        numbers[range].fill(number);
    }
    (numbers, late)
}

/// A sentence's score is the mean of its tokens' first outputs plus the maximum of their second outputs. Its log odds are
/// the difference to `none`, the score that no sentence answers.
fn sentence_odds(scores: &[f32], none: f32, sentence: &Range<usize>) -> Option<f32> {
    let scores = scores.as_chunks::<2>().0;
    let own = scores.get(clamp_range(sentence, scores.len())).filter(|own| !own.is_empty())?;
    let mean = own.iter().map(|[mean, _]| mean).sum::<f32>() / own.len() as f32;
    let highest = own.iter().map(|[_, highest]| *highest).reduce(f32::max)?;
    Some(mean + highest - none).filter(|score| score.is_finite())
}

fn clamp_range(range: &Range<usize>, tokens: usize) -> Range<usize> {
    range.start.min(tokens)..range.end.min(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_is_scored_by_its_own_tokens() {
        let scores = [9.0, 9.0, 1.0, 0.0, 2.0, 4.0, 0.0, -1.0];
        let odds = |sentence| sentence_odds(&scores, 1.0, &sentence);
        assert_eq!([odds(1..3), odds(3..4), odds(4..4)], [Some(1.5 + 4.0 - 1.0), Some(-2.0), None]);
    }
}
