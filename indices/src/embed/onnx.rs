use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::OnceLock,
    thread,
};

use fastembed::{
    EmbeddingModel, InitOptionsUserDefined, OutputKey, Pooling, TextEmbedding, TextInitOptions,
    TokenizerFiles, UserDefinedEmbeddingModel,
};
use hoidap_shared::config;
use serde::Deserialize;
use tokenizers::{Encoding, ModelWrapper, Tokenizer};

use super::{EmbedError, EmbeddedText, Embedder, runtime::environment, session_pool::SessionPool};
use crate::{
    hashing::sha256_of_files,
    late_interaction::Projection,
    model::{ModelId, TextRole},
    vector_math::normalise,
};

/// The graph, in the model's folder.
const GRAPH_FILE: &str = "model.onnx";
/// The setting of an ONNX Runtime session that says where a graph's weights are, which it then maps.
const WEIGHTS_FOLDER: &str = "session.model_external_initializers_file_folder_path";

/// Longest input of the model, in its own tokens.
const MAX_INPUT_TOKENS: usize = 512;

/// Most text that one run of the model embeds, padding included, in bytes: some 500 tokens. A longer run takes longer for each text.
const MAX_RUN_BYTES: usize = 2_048;

/// An embedding model that fastembed runs with ONNX Runtime.
pub struct OnnxEmbedder {
    id: ModelId,
    prefixes: Prefixes,
    batch: usize,
    /// Counts tokens, without padding and however long the text; only a build needs it.
    counter: OnceLock<Option<Tokenizer>>,
    /// Makes the token vectors small; `None` if there is no projection for the model.
    projection: Option<Projection>,
    sessions: SessionPool<TextEmbedding>,
}

/// Prefixes that a model expects before a text; models of the E5 family were trained with them.
struct Prefixes {
    query: Prefix,
    passage: Prefix,
}

struct Prefix {
    text: &'static str,
    tokens: usize,
}

impl OnnxEmbedder {
    /// Loads the configured model in one session: from its folder, or by name from fastembed's cache and download.
    ///
    /// # Errors
    /// [`EmbedError::Load`] naming the file that is missing or wrong.
    pub fn open(settings: &config::EmbeddingConfig) -> Result<Self, EmbedError> {
        Self::with_sessions(settings, 1)
    }

    /// Loads the configured model in as many sessions as `embedding.sessions` says, by default one for each core.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_for_build(settings: &config::EmbeddingConfig) -> Result<Self, EmbedError> {
        let cores = || thread::available_parallelism().map_or(1, usize::from);
        let sessions = if settings.sessions == 0 { cores() } else { settings.sessions };
        Self::with_sessions(settings, sessions)
    }

    fn with_sessions(settings: &config::EmbeddingConfig, count: usize) -> Result<Self, EmbedError> {
        let id = identify(settings)?;
        let first = load_session(settings)?;
        let e5 = settings.model.to_ascii_lowercase().contains("e5");
        let prefix = |text| Prefix {
            text: if e5 { text } else { "" },
            tokens: count_tokens(&first.tokenizer, if e5 { text.trim_end() } else { "" }),
        };
        let prefixes = Prefixes { query: prefix("query: "), passage: prefix("passage: ") };
        let projection = load_projection(settings, &id)?;
        let (batch, settings) = (settings.batch.max(1), settings.clone());
        let sessions = SessionPool::new(first, count, move || load_session(&settings));
        Ok(Self { id, prefixes, batch, counter: OnceLock::new(), projection, sessions })
    }

    fn counter(&self) -> Option<&Tokenizer> {
        let clone = || {
            let mut tokenizer = self.sessions.with(|session| session.tokenizer.clone()).ok()?;
            tokenizer.with_padding(None).with_truncation(None).ok()?;
            Some(tokenizer)
        };
        self.counter.get_or_init(clone).as_ref()
    }

    /// Embeds texts in batches. Texts of similar length share a batch, so that little of it is padding.
    fn embed_in_batches(&self, role: TextRole, texts: &[String]) -> Result<Vec<EmbeddedText>, EmbedError> {
        let prefix = match role {
            TextRole::Query => &self.prefixes.query,
            TextRole::Passage => &self.prefixes.passage,
        };
        let mut order: Vec<usize> = (0..texts.len()).collect();
        order.sort_by_key(|&i| texts[i].len());
        let sorted: Vec<String> = order.iter().map(|&i| format!("{}{}", prefix.text, texts[i])).collect();
        // The start token and the prefix.
        let lead = 1 + prefix.tokens;
        let mut all = Vec::with_capacity(texts.len());
        // One call per batch, since a call keeps the raw output of all its texts until it returns.
        let embedded = self.sessions.with(|session| {
            let mut rest = sorted.as_slice();
            while !rest.is_empty() {
                let (run, behind) = rest.split_at(run_length(rest, self.batch));
                all.extend(self.embed_batch(session, role, lead, run)?);
                rest = behind;
            }
            Ok::<_, fastembed::Error>(())
        })?;
        embedded.map_err(|error| EmbedError::Run(error.to_string()))?;
        let mut placed = vec![EmbeddedText::default(); texts.len()];
        for (i, mut embedded) in order.into_iter().zip(all) {
            if embedded.vector.len() != self.id.dimensions || embedded.vector.iter().any(|x| !x.is_finite()) {
                return Err(EmbedError::Run("the model gave a vector of another length or no number".into()));
            }
            normalise(&mut embedded.vector);
            placed[i] = embedded;
        }
        Ok(placed)
    }

    /// Embeds one batch. The first `lead` tokens of each text are not its own.
    fn embed_batch(
        &self,
        session: &mut TextEmbedding,
        role: TextRole,
        lead: usize,
        texts: &[String],
    ) -> fastembed::Result<Vec<EmbeddedText>> {
        let Some(projection) = &self.projection else {
            let vectors = session.embed(texts, Some(self.batch))?;
            return Ok(vectors
                .into_iter()
                .map(|vector| EmbeddedText { vector, tokens: Vec::new() })
                .collect());
        };
        let output: &[OutputKey] = &[OutputKey::OnlyOne, OutputKey::ByName("last_hidden_state")];
        let mut embedded = Vec::with_capacity(texts.len());
        for batch in session.transform(texts, Some(self.batch))?.into_raw() {
            let pooled = batch.select_and_pool_output(&output, Some(Pooling::Mean))?;
            let hidden = batch.select_output(&output)?;
            for ((text, pooled), mask) in
                hidden.outer_iter().zip(pooled.rows()).zip(batch.attention_mask_array.rows())
            {
                let seen = usize::try_from(mask.sum()).unwrap_or_default();
                let own = lead..seen.saturating_sub(1).max(lead);
                let tokens: Vec<Vec<f32>> = text
                    .outer_iter()
                    .take(own.end)
                    .skip(own.start)
                    .map(|token| token.iter().copied().collect())
                    .collect();
                let tokens = projection.project(role, tokens.iter().map(Vec::as_slice));
                embedded.push(EmbeddedText { vector: pooled.to_vec(), tokens });
            }
        }
        Ok(embedded)
    }
}

impl Embedder for OnnxEmbedder {
    fn model(&self) -> &ModelId {
        &self.id
    }

    fn embed(&self, role: TextRole, texts: &[String]) -> Result<Vec<EmbeddedText>, EmbedError> {
        self.embed_in_batches(role, texts)
    }

    fn token_dimensions(&self) -> usize {
        self.projection.as_ref().map_or(0, Projection::dimensions)
    }

    fn sessions(&self) -> usize {
        self.sessions.size()
    }

    fn count_tokens(&self, text: &str) -> usize {
        self.counter().map_or(text.len(), |tokenizer| count_tokens(tokenizer, text))
    }

    fn vocabulary(&self) -> Vec<(String, f32)> {
        // Only a vocabulary with scores says how common a word is.
        let Some(ModelWrapper::Unigram(model)) = self.counter().map(|tokenizer| tokenizer.get_model()) else {
            return Vec::new();
        };
        let words = model.iter().filter_map(|(piece, score)| Some((piece.strip_prefix('▁')?, *score as f32)));
        words.map(|(word, score)| (word.to_string(), score)).collect()
    }
}

/// Number of texts that the next run embeds: at most `most`, and no more than [`MAX_RUN_BYTES`] unless it is one. The texts are
/// sorted by length.
fn run_length(texts: &[String], most: usize) -> usize {
    let fits = |(before, text): &(usize, &String)| (before + 1) * text.len() <= MAX_RUN_BYTES;
    texts.iter().take(most).enumerate().take_while(|at| fits(at)).count().max(1)
}

/// Number of tokens of a text, without the start and end tokens.
fn count_tokens(tokenizer: &Tokenizer, text: &str) -> usize {
    let real = |encoding: Encoding| encoding.get_attention_mask().iter().filter(|real| **real == 1).count();
    tokenizer.encode_fast(text, false).map_or(text.len(), real)
}

/// Loads the model into one session.
fn load_session(settings: &config::EmbeddingConfig) -> Result<TextEmbedding, EmbedError> {
    let environment = environment().map_err(|error| load_error(&settings.model, error))?;
    if settings.model_dir.as_os_str().is_empty() {
        let options = TextInitOptions::new(model_by_name(&settings.model)?)
            .with_environment(environment)
            .with_intra_threads(settings.threads)
            .with_show_download_progress(true);
        TextEmbedding::try_new(options).map_err(|error| download_error(&settings.model, &error))
    } else {
        let options = InitOptionsUserDefined::new()
            .with_environment(environment)
            .with_max_length(MAX_INPUT_TOKENS)
            .with_session_config(WEIGHTS_FOLDER, settings.model_dir.to_string_lossy())
            .with_intra_threads(settings.threads);
        TextEmbedding::try_new_from_user_defined(model_from_folder(&settings.model_dir)?, options)
            .map_err(|error| load_error(&settings.model_dir.display().to_string(), error))
    }
}

fn download_error(model: &str, error: &fastembed::Error) -> EmbedError {
    load_error(
        model,
        format!(
            "{error}; where its download is not to be had, set embedding.model_dir to a folder that holds model.onnx, \
             tokenizer.json, config.json, special_tokens_map.json and tokenizer_config.json"
        ),
    )
}

/// The identity of the configured model.
pub(super) fn identify(settings: &config::EmbeddingConfig) -> Result<ModelId, EmbedError> {
    let name = settings.model.clone();
    if settings.model_dir.as_os_str().is_empty() {
        let known = TextEmbedding::get_model_info(&model_by_name(&name)?)
            .map_err(|error| load_error(&name, error))?
            .dim;
        return Ok(ModelId { name, dimensions: known, sha256: String::new() });
    }
    #[derive(Deserialize)]
    struct Shape {
        hidden_size: usize,
    }
    let path = settings.model_dir.join("config.json");
    let shape: Shape = serde_json::from_slice(&read(&path)?)
        .map_err(|error| load_error(&path.display().to_string(), error))?;
    let model = settings.model_dir.join(GRAPH_FILE);
    let sha256 = graph_and_weights(&settings.model_dir).and_then(|files| sha256_of_files(&files));
    let sha256 = sha256.map_err(|error| load_error(&model.display().to_string(), error))?;
    Ok(ModelId { name, dimensions: shape.hidden_size, sha256 })
}

/// The graph, then the files of its weights, which are named after it, such as `model.onnx.data`.
fn graph_and_weights(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let graph = folder.join(GRAPH_FILE);
    let mut weights = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let named_after =
            path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(GRAPH_FILE.as_bytes()));
        weights.extend((named_after && path != graph).then_some(path));
    }
    weights.sort_unstable();
    weights.insert(0, graph);
    Ok(weights)
}

/// The projection in the model's folder, or else the built-in one for a model of this name.
fn load_projection(
    settings: &config::EmbeddingConfig,
    id: &ModelId,
) -> Result<Option<Projection>, EmbedError> {
    let folder = &settings.model_dir;
    let own = if folder.as_os_str().is_empty() {
        None
    } else {
        Projection::in_folder(folder, id.dimensions)
            .map_err(|error| load_error(&folder.display().to_string(), error))?
    };
    Ok(own.or_else(|| Projection::for_model(&id.name, id.dimensions)))
}

fn model_by_name(name: &str) -> Result<EmbeddingModel, EmbedError> {
    TextEmbedding::list_supported_models()
        .into_iter()
        .find(|info| info.model_code.eq_ignore_ascii_case(name) || format!("{:?}", info.model) == name)
        .map(|info| info.model)
        .ok_or_else(|| load_error(name, "fastembed knows no model of this name: set embedding.model to one it lists, or embedding.model_dir to a folder"))
}

fn model_from_folder(dir: &Path) -> Result<UserDefinedEmbeddingModel, EmbedError> {
    let file = |name: &str| read(&dir.join(name));
    let tokenizer_files = TokenizerFiles {
        tokenizer_file: file("tokenizer.json")?,
        config_file: file("config.json")?,
        special_tokens_map_file: file("special_tokens_map.json")?,
        tokenizer_config_file: file("tokenizer_config.json")?,
    };
    Ok(UserDefinedEmbeddingModel::new(file(GRAPH_FILE)?, tokenizer_files).with_pooling(Pooling::Mean))
}

fn read(path: &Path) -> Result<Vec<u8>, EmbedError> {
    fs::read(path).map_err(|error| load_error(&path.display().to_string(), error))
}

fn load_error(model: &str, reason: impl std::fmt::Display) -> EmbedError {
    EmbedError::Load { model: model.into(), reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_bounded_by_number_and_by_length() {
        let texts = |lengths: &[usize]| lengths.iter().map(|length| "x".repeat(*length)).collect::<Vec<_>>();
        assert_eq!(run_length(&texts(&[40; 30]), 16), 16);
        assert_eq!(run_length(&texts(&[100, 600, 700, 900]), 16), 2);
        assert_eq!(run_length(&texts(&[9_000, 9_000]), 16), 1);
    }
}
