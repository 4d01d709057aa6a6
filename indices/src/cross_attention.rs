//! How likely a passage answers a question, and which of its sentences does: attention across the token vectors of both.
//!
//! Late interaction ([`crate::late`]) asks of each word of a question whether the passage has one like it. Here a small transformer reads
//! the same vectors together, so that "how many" can look for a number beside what is counted. `local/embedding/training/cross.py` learns
//! it; it lies in the folder of the model whose token vectors it reads.

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
    late,
    store::sha256,
};

/// The graph, in the model's folder.
const FILE: &str = "cross_attention.onnx";
/// Passages that are read at once, and tokens of a question and of a passage that are read: the memory grows by their square.
const BATCH: usize = 8;
const ASKED: usize = 64;
const TOLD: usize = 320;

/// A passage to be read.
pub(crate) struct Told {
    /// Its token vectors.
    pub(crate) tokens: Vec<u8>,
    /// Which of its tokens are of which sentence.
    pub(crate) sentences: Vec<Range<usize>>,
}

/// What is read of a question and a passage.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reading {
    /// For each sentence the log odds that it answers; `None` where it has no tokens.
    pub(crate) sentences: Vec<Option<f32>>,
}

impl Reading {
    /// The weighted mean of what was read for several wordings; the weights add up to 1.
    pub(crate) fn mean(parts: &[(f32, &Self)]) -> Option<Self> {
        let (_, first) = parts.first()?;
        let of_sentence = |at: usize| {
            parts.iter().map(|(weight, part)| Some(weight * (*part.sentences.get(at)?)?)).sum::<Option<f32>>()
        };
        Some(Self { sentences: (0..first.sentences.len()).map(of_sentence).collect() })
    }
}

/// The graph, ready to run.
pub(crate) struct CrossAttention {
    /// Of the file.
    pub(crate) sha256: String,
    /// Copies, each used by one search at a time.
    sessions: Vec<Mutex<Session>>,
    turn: AtomicUsize,
}

impl CrossAttention {
    /// The graph in the folder of the configured model; `None` where it has none.
    ///
    /// # Errors
    /// [`EmbedError::Load`] when the file cannot be read, or is no such graph.
    pub(crate) fn configured(settings: &config::EmbeddingConfig) -> Result<Option<Arc<Self>>, EmbedError> {
        if settings.model_dir.as_os_str().is_empty() {
            return Ok(None);
        }
        let path = settings.model_dir.join(FILE);
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

    /// Reads passages for a question whose token vectors have so many components; `None` for a passage without tokens.
    ///
    /// # Errors
    /// When the graph fails, as it does for vectors of another size than it is for.
    pub(crate) fn read(
        &self,
        question: &[u8],
        dimensions: usize,
        passages: &[Told],
    ) -> io::Result<Vec<Option<Reading>>> {
        let asked = late::unpacked_question(question, dimensions);
        let asked = &asked[..asked.len().min(ASKED * dimensions)];
        let mut read: Vec<Option<Reading>> = vec![None; passages.len()];
        if asked.is_empty() {
            return Ok(read);
        }
        // Two components of a passage's token share a byte.
        let has_tokens = |at: &usize| 2 * passages[*at].tokens.len() >= dimensions;
        let there: Vec<usize> = (0..passages.len()).filter(has_tokens).collect();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % self.sessions.len();
        // A search that panicked left nothing half done: a session keeps no state between calls.
        let mut session = self.sessions[turn].lock().unwrap_or_else(PoisonError::into_inner);
        for batch in there.chunks(BATCH) {
            let told: Vec<&Told> = batch.iter().map(|&at| &passages[at]).collect();
            let made = run(&mut session, question, asked, dimensions, &told).map_err(io::Error::other)?;
            for (&at, made) in batch.iter().zip(made) {
                read[at] = made;
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
    asked: &[f32],
    dimensions: usize,
    told: &[&Told],
) -> ort::Result<Vec<Option<Reading>>> {
    let unpacked: Vec<Vec<f32>> =
        told.iter().map(|told| late::unpacked_passage(&told.tokens, dimensions)).collect();
    let size = |vectors: &Vec<f32>| (vectors.len() / dimensions).min(TOLD);
    let width = unpacked.iter().map(size).max().unwrap_or(0);
    let mut passages = vec![0.0_f32; told.len() * width * dimensions];
    let mut place = vec![0_i64; told.len() * width];
    let mut met = vec![0.0_f32; told.len() * width];
    for (row, (told, vectors)) in told.iter().zip(&unpacked).enumerate() {
        let tokens = size(vectors);
        let from = row * width;
        passages[from * dimensions..][..tokens * dimensions].copy_from_slice(&vectors[..tokens * dimensions]);
        place[from..from + tokens].fill(told.sentences.len() as i64 + 1);
        for (number, range) in (1_i64..).zip(&told.sentences) {
            let range = within(range, tokens);
            let best = late::best_of_part(question, &told.tokens, dimensions, range.clone());
            let mean = best.map_or(0.0, |best| best.iter().sum::<f32>() / best.len() as f32);
            place[from..][range.clone()].fill(number);
            met[from..][range].fill(mean);
        }
    }
    let shape = [told.len(), width];
    let outputs = session.run(ort::inputs![
        "question" => Tensor::from_array(([asked.len() / dimensions, dimensions], asked.to_vec()))?,
        "passages" => Tensor::from_array(([told.len(), width, dimensions], passages))?,
        "place" => Tensor::from_array((shape, place))?,
        "late" => Tensor::from_array((shape, met))?,
    ])?;
    readings(&outputs, told, width)
}

fn readings(outputs: &SessionOutputs<'_>, told: &[&Told], width: usize) -> ort::Result<Vec<Option<Reading>>> {
    let (_, tokens) = outputs["tokens"].try_extract_tensor::<f32>()?;
    let (_, none) = outputs["none"].try_extract_tensor::<f32>()?;
    let of_passage = tokens.chunks_exact(2 * width).zip(none).zip(told);
    Ok(of_passage.map(|((tokens, none), told)| reading(tokens, *none, told)).collect())
}

/// The score of a sentence is the mean of its tokens' first numbers and the highest of their second ones; the log odds are its distance
/// from the score of none.
fn reading(tokens: &[f32], none: f32, told: &Told) -> Option<Reading> {
    let score = |range: &Range<usize>| {
        let own =
            tokens.as_chunks::<2>().0.get(within(range, tokens.len() / 2)).filter(|own| !own.is_empty())?;
        let mean = own.iter().map(|[mean, _]| mean).sum::<f32>() / own.len() as f32;
        let highest = own.iter().map(|[_, highest]| *highest).reduce(f32::max)?;
        Some(mean + highest - none).filter(|score| score.is_finite())
    };
    let sentences: Vec<Option<f32>> = told.sentences.iter().map(score).collect();
    sentences.iter().any(Option::is_some).then_some(Reading { sentences })
}

fn within(range: &Range<usize>, tokens: usize) -> Range<usize> {
    range.start.min(tokens)..range.end.min(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_is_scored_by_its_own_tokens() {
        let told = Told { tokens: Vec::new(), sentences: vec![1..3, 3..4, 4..4] };
        let tokens = [9.0, 9.0, 1.0, 0.0, 2.0, 4.0, 0.0, -1.0];
        let read = reading(&tokens, 1.0, &told).unwrap();
        assert_eq!(read.sentences, [Some(1.5 + 4.0 - 1.0), Some(-2.0), None]);
    }

    #[test]
    fn several_wordings_count_by_their_weight() {
        let one = Reading { sentences: vec![Some(1.0), None] };
        let other = Reading { sentences: vec![Some(-1.0), None] };
        let mean = Reading::mean(&[(0.75, &one), (0.25, &other)]).unwrap();
        assert_eq!(mean, Reading { sentences: vec![Some(0.5), None] });
        assert_eq!(Reading::mean(&[]), None);
    }
}
