use std::{
    fs,
    path::Path,
    sync::{
        Mutex, MutexGuard, PoisonError, TryLockError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use fastembed::{
    EmbeddingModel, InitOptionsUserDefined, OutputKey, Pooling, TextEmbedding, TextInitOptions,
    TokenizerFiles, UserDefinedEmbeddingModel,
};
use hoidap_shared::config;
use serde::Deserialize;
use tokenizers::Tokenizer;

use super::{EmbedError, EmbeddedText, Embedder, runtime::environment};
use crate::{
    hashing::sha256_of_file,
    late_interaction::Projection,
    model::{ModelId, TextRole},
    vector_math::normalise,
};

/// Longest input of the model, in its own tokens.
const MAX_INPUT_TOKENS: usize = 512;

/// An embedding model that fastembed runs with ONNX Runtime.
pub struct OnnxEmbedder {
    id: ModelId,
    prefixes: Prefixes,
    batch: usize,
    tokenizer: Tokenizer,
    /// Makes the token vectors small; `None` if there is no projection for the model.
    projection: Option<Projection>,
    /// Copies of the model, each used by one caller at a time.
    sessions: Vec<Mutex<TextEmbedding>>,
    /// Counts the callers that found no session free.
    turn: AtomicUsize,
}

/// Prefixes that a model expects before a text; models of the E5 family were trained with them.
struct Prefixes {
    query: &'static str,
    passage: &'static str,
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
        let mut tokenizer = first.tokenizer.clone();
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None).map_err(|error| load_error(&settings.model, error))?;
        let mut sessions = vec![Mutex::new(first)];
        for _ in 1..count {
            sessions.push(Mutex::new(load_session(settings)?));
        }
        let e5 = settings.model.to_ascii_lowercase().contains("e5");
        let prefixes = if e5 {
            Prefixes { query: "query: ", passage: "passage: " }
        } else {
            Prefixes { query: "", passage: "" }
        };
        let projection = load_projection(settings, &id)?;
        let (batch, turn) = (settings.batch.max(1), AtomicUsize::new(0));
        Ok(Self { id, prefixes, batch, tokenizer, projection, sessions, turn })
    }

    /// A session that is free, or the next one in turn once it is free.
    fn free_session(&self) -> MutexGuard<'_, TextEmbedding> {
        for session in &self.sessions {
            match session.try_lock() {
                Ok(free) => return free,
                // A panic leaves no broken state: a session keeps none between calls.
                Err(TryLockError::Poisoned(free)) => return free.into_inner(),
                Err(TryLockError::WouldBlock) => {}
            }
        }
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % self.sessions.len();
        self.sessions[turn].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Embeds texts in batches. Texts of similar length share a batch, so that little of it is padding.
    fn embed_in_batches(&self, role: TextRole, texts: &[String]) -> Result<Vec<EmbeddedText>, EmbedError> {
        let prefix = match role {
            TextRole::Query => self.prefixes.query,
            TextRole::Passage => self.prefixes.passage,
        };
        let mut order: Vec<usize> = (0..texts.len()).collect();
        order.sort_by_key(|&i| texts[i].len());
        let sorted: Vec<String> = order.iter().map(|&i| format!("{prefix}{}", texts[i])).collect();
        // The start token and the prefix.
        let lead = 1 + self.count_tokens(prefix.trim_end());
        let mut all = Vec::with_capacity(texts.len());
        let mut session = self.free_session();
        // One call per batch, since a call keeps the raw output of all its texts until it returns.
        for batch in sorted.chunks(self.batch) {
            let embedded = self.embed_batch(&mut session, role, lead, batch);
            all.extend(embedded.map_err(|error| EmbedError::Run(error.to_string()))?);
        }
        drop(session);
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
        self.sessions.len()
    }

    fn count_tokens(&self, text: &str) -> usize {
        self.tokenizer.encode_fast(text, false).map_or(text.len(), |encoding| encoding.len())
    }

    fn vocabulary(&self) -> Vec<(String, f32)> {
        let Ok(json) = self.tokenizer.to_string(false) else { return Vec::new() };
        #[derive(Deserialize)]
        struct TokenizerFile {
            model: TokenizerModel,
        }
        #[derive(Deserialize)]
        struct TokenizerModel {
            vocab: Vec<(String, f32)>,
        }
        // Only a vocabulary with scores says how common a word is.
        let Ok(file) = serde_json::from_str::<TokenizerFile>(&json) else { return Vec::new() };
        file.model
            .vocab
            .into_iter()
            .filter_map(|(piece, score)| Some((piece.strip_prefix('▁')?.to_string(), score)))
            .collect()
    }
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
    let model = settings.model_dir.join("model.onnx");
    let sha256 = sha256_of_file(&model).map_err(|error| load_error(&model.display().to_string(), error))?;
    Ok(ModelId { name, dimensions: shape.hidden_size, sha256 })
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
    Ok(UserDefinedEmbeddingModel::new(file("model.onnx")?, tokenizer_files).with_pooling(Pooling::Mean))
}

fn read(path: &Path) -> Result<Vec<u8>, EmbedError> {
    fs::read(path).map_err(|error| load_error(&path.display().to_string(), error))
}

fn load_error(model: &str, reason: impl std::fmt::Display) -> EmbedError {
    EmbedError::Load { model: model.into(), reason: reason.to_string() }
}
