use std::{
    num::NonZeroUsize,
    panic::{self, AssertUnwindSafe},
    slice,
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use futures::future::try_join_all;
use hoidap_shared::job::Query;
use lru::LruCache;
use tokio::sync::{mpsc, oneshot};
use tracing::error;

use super::{EmbedError, EmbeddedText, Embedder, needs_embedding};
use crate::model::TextRole;

/// Requests that may wait in the queue; further callers wait until there is room.
const QUEUE_CAPACITY: usize = 1_024;

/// Questions whose vectors are cached: about 10 MB at 384 dimensions.
const CACHED_QUESTIONS_CAPACITY: NonZeroUsize = NonZeroUsize::MIN.saturating_add(4_095);

type ReplySender = oneshot::Sender<Result<EmbeddedText, EmbedError>>;

/// Embeds questions outside the async threads: one thread runs the model and embeds the questions that arrived together.
/// The vectors of recent questions are cached. A question always has the same vector, alone or in a batch.
#[derive(Clone)]
pub struct EmbedQueue {
    requests: mpsc::Sender<(String, ReplySender)>,
    cache: Arc<Mutex<LruCache<String, EmbeddedText>>>,
    failure: Arc<Mutex<Option<EmbedError>>>,
}

impl EmbedQueue {
    /// Starts the thread; it ends when the last clone of the queue is dropped. `batch` is the most questions per run.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(embedder: Arc<dyn Embedder>, batch: usize) -> std::io::Result<Self> {
        let (requests, waiting) = mpsc::channel(QUEUE_CAPACITY);
        let failure = Arc::new(Mutex::new(None));
        let worker = EmbedThread { embedder, failure: Arc::clone(&failure) };
        thread::Builder::new().name("embed".into()).spawn(move || worker.run(waiting, batch.max(1)))?;
        Ok(Self { requests, cache: Arc::new(Mutex::new(LruCache::new(CACHED_QUESTIONS_CAPACITY))), failure })
    }

    /// Why the last run failed; `None` while the model works.
    pub fn failure(&self) -> Option<EmbedError> {
        if self.requests.is_closed() {
            return Some(EmbedError::Closed);
        }
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Caches the vectors that this queue's model gave for a question earlier.
    pub fn remember(&self, text: &str, embedded: EmbeddedText) {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).put(text.to_string(), embedded);
    }

    /// The vector of a question.
    ///
    /// # Errors
    /// [`EmbedError::Run`] when the model fails, [`EmbedError::Closed`] when its thread has ended.
    pub async fn query(&self, text: &str) -> Result<Vec<f32>, EmbedError> {
        Ok(self.embed(text).await?.vector)
    }

    /// The vector of a question and its token vectors.
    ///
    /// # Errors
    /// As [`Self::query`].
    pub async fn embed(&self, text: &str) -> Result<EmbeddedText, EmbedError> {
        if let Some(cached) = self.cache.lock().unwrap_or_else(PoisonError::into_inner).get(text) {
            return Ok(cached.clone());
        }
        let (reply, embedded) = oneshot::channel();
        self.requests.send((text.to_string(), reply)).await.map_err(|_| EmbedError::Closed)?;
        let embedded = embedded.await.map_err(|_| EmbedError::Closed)??;
        self.remember(text, embedded.clone());
        Ok(embedded)
    }

    /// Embeds each wording that needs it.
    ///
    /// # Errors
    /// As [`Self::query`].
    pub async fn embed_wordings(&self, queries: &mut [Query]) -> Result<(), EmbedError> {
        // Sent together, so that one run embeds them.
        let embedded = queries.iter_mut().filter(|query| needs_embedding(query)).map(async |query| {
            let EmbeddedText { vector, tokens } = self.embed(&query.text).await?;
            (query.embedding, query.tokens) = (Some(vector), tokens);
            Ok(())
        });
        try_join_all(embedded).await.map(drop)
    }
}

/// The thread that runs the model.
struct EmbedThread {
    embedder: Arc<dyn Embedder>,
    failure: Arc<Mutex<Option<EmbedError>>>,
}

impl EmbedThread {
    fn run(self, mut waiting: mpsc::Receiver<(String, ReplySender)>, batch: usize) {
        let mut requests = Vec::new();
        while waiting.blocking_recv_many(&mut requests, batch) > 0 {
            // Skip the questions whose callers have given up.
            requests.retain(|(_, reply)| !reply.is_closed());
            let (texts, replies): (Vec<_>, Vec<_>) = requests.drain(..).unzip();
            for (embedded, reply) in self.embed(&texts).into_iter().zip(replies) {
                // The caller may have given up.
                let _ = reply.send(embedded);
            }
        }
    }

    /// Embeds each text. When the model fails on one, the others are embedded one by one.
    fn embed(&self, texts: &[String]) -> Vec<Result<EmbeddedText, EmbedError>> {
        match self.attempt(texts) {
            Ok(embedded) => embedded.into_iter().map(Ok).collect(),
            Err(error) if texts.len() == 1 => vec![Err(error)],
            Err(_) => texts.iter().flat_map(|text| self.embed(slice::from_ref(text))).collect(),
        }
    }

    fn attempt(&self, texts: &[String]) -> Result<Vec<EmbeddedText>, EmbedError> {
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        let work = || self.embedder.embed(TextRole::Query, texts);
        let done = panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(EmbedError::Panicked));
        if let Err(error) = &done {
            error!(%error, texts = texts.len(), "questions could not be embedded");
        }
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = done.as_ref().err().cloned();
        done
    }
}
