//! Cross-attention: which sentences of a passage answer a question, from the token vectors of both.
//!
//! Late interaction ([`crate::late_interaction`]) compares single tokens. Here a small transformer reads the vectors of both
//! texts together, so that "how many" can look for a number next to what is counted. It is trained by
//! `local/embedding/training/cross.py` and lies in the folder of the model whose token vectors it reads.

use std::{
    fs, io,
    ops::Range,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use hoidap_shared::config;
use ort::{
    session::{Session, SessionOutputs},
    value::Tensor,
};

use crate::{
    embed::{EmbedError, environment},
    hashing::sha256,
    late_interaction,
};

/// The ONNX graph, in the model's folder.
const GRAPH_FILE: &str = "cross_attention.onnx";
/// Most passages in one run, and most tokens of a question and of a passage: memory grows with their square.
const MAX_PASSAGES_PER_RUN: usize = 8;
const MAX_QUESTION_TOKENS: usize = 64;
const MAX_PASSAGE_TOKENS: usize = 320;

/// A passage to score.
pub(crate) struct PassageInput {
    /// Its token vectors.
    pub(crate) tokens: Vec<u8>,
    /// The token range of each sentence.
    pub(crate) sentences: Vec<Range<usize>>,
}

/// How likely each sentence of a passage answers the question.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SentenceLogOdds {
    /// The log odds of each sentence; `None` for a sentence without tokens.
    pub(crate) sentences: Vec<Option<f32>>,
}

impl SentenceLogOdds {
    /// The weighted mean over several wordings; the weights must add up to 1.
    pub(crate) fn mean(parts: &[(f32, &Self)]) -> Option<Self> {
        let (_, first) = parts.first()?;
        let of_sentence = |at: usize| {
            parts.iter().map(|(weight, part)| Some(weight * (*part.sentences.get(at)?)?)).sum::<Option<f32>>()
        };
        Some(Self { sentences: (0..first.sentences.len()).map(of_sentence).collect() })
    }
}

/// The loaded graph. Many threads may use it at once.
pub struct CrossAttention {
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// Copies of the graph, each used by one search at a time.
    sessions: Vec<Mutex<Session>>,
    turn: AtomicUsize,
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
        let wrong = |reason: String| EmbedError::Load { model: path.display().to_string(), reason };
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(wrong(error.to_string())),
        };
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let sessions = (0..cores).map(|_| session(&bytes).map(Mutex::new)).collect::<Result<_, _>>();
        let sessions = sessions.map_err(|error| wrong(error.to_string()))?;
        Ok(Some(Arc::new(Self { sha256: sha256(&bytes), sessions, turn: AtomicUsize::new(0) })))
    }

    /// Scores the sentences of passages for a question; `None` for a passage without tokens. `dimensions` is the number of
    /// components of a token vector.
    ///
    /// # Errors
    /// When the graph fails, for example for token vectors of another size.
    pub(crate) fn score_sentences(
        &self,
        question: &[u8],
        dimensions: usize,
        passages: &[PassageInput],
    ) -> io::Result<Vec<Option<SentenceLogOdds>>> {
        let question_vectors = late_interaction::unpack_question(question, dimensions);
        let question_vectors =
            &question_vectors[..question_vectors.len().min(MAX_QUESTION_TOKENS * dimensions)];
        let mut read: Vec<Option<SentenceLogOdds>> = vec![None; passages.len()];
        if question_vectors.is_empty() {
            return Ok(read);
        }
        // Two components of a passage's token share a byte.
        let has_tokens = |at: &usize| 2 * passages[*at].tokens.len() >= dimensions;
        let there: Vec<usize> = (0..passages.len()).filter(has_tokens).collect();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % self.sessions.len();
        // A search that panicked left nothing half done: a session keeps no state between calls.
        let mut session = self.sessions[turn].lock().unwrap_or_else(PoisonError::into_inner);
        for batch in there.chunks(MAX_PASSAGES_PER_RUN) {
            let inputs: Vec<&PassageInput> = batch.iter().map(|&at| &passages[at]).collect();
            let odds = run(&mut session, question, question_vectors, dimensions, &inputs)
                .map_err(io::Error::other)?;
            for (&at, odds) in batch.iter().zip(odds) {
                read[at] = odds;
            }
        }
        Ok(read)
    }
}

fn session(bytes: &[u8]) -> ort::Result<Session> {
    Session::builder(&environment()?)?.with_intra_threads(1)?.commit_from_memory(bytes)
}

fn run(
    session: &mut Session,
    question: &[u8],
    question_vectors: &[f32],
    dimensions: usize,
    inputs: &[&PassageInput],
) -> ort::Result<Vec<Option<SentenceLogOdds>>> {
    let unpacked: Vec<Vec<f32>> =
        inputs.iter().map(|inputs| late_interaction::unpack_passage(&inputs.tokens, dimensions)).collect();
    let size = |vectors: &Vec<f32>| (vectors.len() / dimensions).min(MAX_PASSAGE_TOKENS);
    let width = unpacked.iter().map(size).max().unwrap_or(0);
    let mut passages = vec![0.0_f32; inputs.len() * width * dimensions];
    let mut sentence_numbers = vec![0_i64; inputs.len() * width];
    let mut late_scores = vec![0.0_f32; inputs.len() * width];
    for (row, (inputs, vectors)) in inputs.iter().zip(&unpacked).enumerate() {
        let tokens = size(vectors);
        let from = row * width;
        passages[from * dimensions..][..tokens * dimensions].copy_from_slice(&vectors[..tokens * dimensions]);
        sentence_numbers[from..from + tokens].fill(inputs.sentences.len() as i64 + 1);
        for (number, range) in (1_i64..).zip(&inputs.sentences) {
            let range = clamp_range(range, tokens);
            let best = late_interaction::best_cosines_in(question, &inputs.tokens, dimensions, range.clone());
            let mean = best.map_or(0.0, |best| best.iter().sum::<f32>() / best.len() as f32);
            sentence_numbers[from..][range.clone()].fill(number);
            late_scores[from..][range].fill(mean);
        }
    }
    let shape = [inputs.len(), width];
    let outputs = session.run(ort::inputs![
        "question" => Tensor::from_array(([question_vectors.len() / dimensions, dimensions], question_vectors.to_vec()))?,
        "passages" => Tensor::from_array(([inputs.len(), width, dimensions], passages))?,
        "place" => Tensor::from_array((shape, sentence_numbers))?,
        "late" => Tensor::from_array((shape, late_scores))?,
    ])?;
    extract_odds(&outputs, inputs, width)
}

fn extract_odds(
    outputs: &SessionOutputs<'_>,
    inputs: &[&PassageInput],
    width: usize,
) -> ort::Result<Vec<Option<SentenceLogOdds>>> {
    let (_, tokens) = outputs["tokens"].try_extract_tensor::<f32>()?;
    let (_, none) = outputs["none"].try_extract_tensor::<f32>()?;
    let of_passage = tokens.chunks_exact(2 * width).zip(none).zip(inputs);
    Ok(of_passage.map(|((tokens, none), inputs)| sentence_odds(tokens, *none, inputs)).collect())
}

/// A sentence's score is the mean of its tokens' first outputs plus the maximum of their second outputs. Its log odds are
/// the difference to the score of "no answer".
fn sentence_odds(tokens: &[f32], none: f32, inputs: &PassageInput) -> Option<SentenceLogOdds> {
    let score = |range: &Range<usize>| {
        let own = tokens
            .as_chunks::<2>()
            .0
            .get(clamp_range(range, tokens.len() / 2))
            .filter(|own| !own.is_empty())?;
        let mean = own.iter().map(|[mean, _]| mean).sum::<f32>() / own.len() as f32;
        let highest = own.iter().map(|[_, highest]| *highest).reduce(f32::max)?;
        Some(mean + highest - none).filter(|score| score.is_finite())
    };
    let sentences: Vec<Option<f32>> = inputs.sentences.iter().map(score).collect();
    sentences.iter().any(Option::is_some).then_some(SentenceLogOdds { sentences })
}

fn clamp_range(range: &Range<usize>, tokens: usize) -> Range<usize> {
    range.start.min(tokens)..range.end.min(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_is_scored_by_its_own_tokens() {
        let inputs = PassageInput { tokens: Vec::new(), sentences: vec![1..3, 3..4, 4..4] };
        let tokens = [9.0, 9.0, 1.0, 0.0, 2.0, 4.0, 0.0, -1.0];
        let read = sentence_odds(&tokens, 1.0, &inputs).unwrap();
        assert_eq!(read.sentences, [Some(1.5 + 4.0 - 1.0), Some(-2.0), None]);
    }

    #[test]
    fn several_wordings_count_by_their_weight() {
        let one = SentenceLogOdds { sentences: vec![Some(1.0), None] };
        let other = SentenceLogOdds { sentences: vec![Some(-1.0), None] };
        let mean = SentenceLogOdds::mean(&[(0.75, &one), (0.25, &other)]).unwrap();
        assert_eq!(mean, SentenceLogOdds { sentences: vec![Some(0.5), None] });
        assert_eq!(SentenceLogOdds::mean(&[]), None);
    }
}
