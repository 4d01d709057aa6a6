use std::{
    num::NonZeroUsize,
    panic::{self, AssertUnwindSafe},
    slice,
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use hoidap_shared::job::Query;
use lru::LruCache;
use tokio::sync::{mpsc, oneshot};
use tracing::error;

use super::{EmbedError, Embedded, Embedder, Role, needs_embedding};

/// Requests that may wait; further callers wait for room.
const WAITING: usize = 1_024;

/// Questions whose vectors are kept: some 10 MB at 384 dimensions.
const KEPT: NonZeroUsize = NonZeroUsize::MIN.saturating_add(4_095);

type Reply = oneshot::Sender<Result<Embedded, EmbedError>>;

/// Embeds questions off the async threads: one thread owns the model's time and embeds together what arrived together.
/// The vectors of the latest questions are kept: a question has the same one each time, alone or among others.
#[derive(Clone)]
pub struct EmbedQueue {
    requests: mpsc::Sender<(String, Reply)>,
    kept: Arc<Mutex<LruCache<String, Embedded>>>,
    failure: Arc<Mutex<Option<EmbedError>>>,
}

impl EmbedQueue {
    /// Starts the thread; it ends when the last clone of the queue is dropped. `batch` bounds what is embedded at once.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(embedder: Arc<dyn Embedder>, batch: usize) -> std::io::Result<Self> {
        let (requests, waiting) = mpsc::channel(WAITING);
        let failure = Arc::new(Mutex::new(None));
        let worker = Worker { embedder, failure: Arc::clone(&failure) };
        thread::Builder::new().name("embed".into()).spawn(move || worker.run(waiting, batch.max(1)))?;
        Ok(Self { requests, kept: Arc::new(Mutex::new(LruCache::new(KEPT))), failure })
    }

    /// Why the last question had no vector; `None` while the model works.
    pub fn failure(&self) -> Option<EmbedError> {
        if self.requests.is_closed() {
            return Some(EmbedError::Closed);
        }
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps what this queue's model made of a question before.
    pub fn keep(&self, text: &str, made: Embedded) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).put(text.to_string(), made);
    }

    /// The vector of a question.
    ///
    /// # Errors
    /// [`EmbedError::Run`] when the model fails, [`EmbedError::Closed`] when its thread has ended.
    pub async fn query(&self, text: &str) -> Result<Vec<f32>, EmbedError> {
        Ok(self.embed(text).await?.vector)
    }

    /// The vector of a question, and those of its tokens.
    ///
    /// # Errors
    /// As [`Self::query`].
    pub async fn embed(&self, text: &str) -> Result<Embedded, EmbedError> {
        if let Some(kept) = self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(text) {
            return Ok(kept.clone());
        }
        let (reply, made) = oneshot::channel();
        self.requests.send((text.to_string(), reply)).await.map_err(|_| EmbedError::Closed)?;
        let made = made.await.map_err(|_| EmbedError::Closed)??;
        self.keep(text, made.clone());
        Ok(made)
    }

    /// Gives each wording that is worth one its embedding.
    ///
    /// # Errors
    /// As [`Self::query`].
    pub async fn fill(&self, queries: &mut [Query]) -> Result<(), EmbedError> {
        for query in queries.iter_mut().filter(|query| needs_embedding(query)) {
            let Embedded { vector, tokens } = self.embed(&query.text).await?;
            (query.embedding, query.tokens) = (Some(vector), tokens);
        }
        Ok(())
    }
}

/// What the thread of a queue works with.
struct Worker {
    embedder: Arc<dyn Embedder>,
    failure: Arc<Mutex<Option<EmbedError>>>,
}

impl Worker {
    fn run(self, mut waiting: mpsc::Receiver<(String, Reply)>, batch: usize) {
        let mut requests = Vec::new();
        while waiting.blocking_recv_many(&mut requests, batch) > 0 {
            // Nobody waits any more for a question whose caller has gone.
            requests.retain(|(_, reply)| !reply.is_closed());
            let (texts, replies): (Vec<_>, Vec<_>) = requests.drain(..).unzip();
            for (made, reply) in self.embed(&texts).into_iter().zip(replies) {
                // A caller that has gone needs no vector.
                let _ = reply.send(made);
            }
        }
    }

    /// The vector of each text. One on which the model fails does not take the others with it.
    fn embed(&self, texts: &[String]) -> Vec<Result<Embedded, EmbedError>> {
        match self.attempt(texts) {
            Ok(made) => made.into_iter().map(Ok).collect(),
            Err(error) if texts.len() == 1 => vec![Err(error)],
            Err(_) => texts.iter().flat_map(|text| self.embed(slice::from_ref(text))).collect(),
        }
    }

    fn attempt(&self, texts: &[String]) -> Result<Vec<Embedded>, EmbedError> {
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        let work = || self.embedder.embed(Role::Query, texts);
        let done = panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(EmbedError::Panicked));
        if let Err(error) = &done {
            error!(%error, texts = texts.len(), "questions could not be embedded");
        }
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = done.as_ref().err().cloned();
        done
    }
}
