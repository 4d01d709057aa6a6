use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use hoidap_shared::job::Query;
use lru::LruCache;
use tokio::sync::{mpsc, oneshot};

use super::{EmbedError, Embedder, needs_embedding};

/// Requests that may wait; further callers wait for room.
const WAITING: usize = 1_024;

/// Questions whose vectors are kept: some 6 MB at 384 dimensions.
const KEPT: NonZeroUsize = NonZeroUsize::MIN.saturating_add(4_095);

type Reply = oneshot::Sender<Result<Vec<f32>, EmbedError>>;

/// Embeds questions off the async threads: one thread owns the model's time and embeds together what arrived together.
/// The vectors of the latest questions are kept: a question has the same one each time, alone or among others.
#[derive(Clone)]
pub struct EmbedQueue {
    requests: mpsc::Sender<(String, Reply)>,
    kept: Arc<Mutex<LruCache<String, Vec<f32>>>>,
}

impl EmbedQueue {
    /// Starts the thread; it ends when the last clone of the queue is dropped. `batch` bounds what is embedded at once.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(embedder: Arc<dyn Embedder>, batch: usize) -> std::io::Result<Self> {
        let (requests, mut waiting) = mpsc::channel::<(String, Reply)>(WAITING);
        thread::Builder::new().name("embed".into()).spawn(move || {
            let mut taken = Vec::new();
            while waiting.blocking_recv_many(&mut taken, batch.max(1)) > 0 {
                // Nobody waits any more for a question whose caller has gone.
                taken.retain(|(_, reply)| !reply.is_closed());
                let (texts, replies): (Vec<_>, Vec<_>) = taken.drain(..).unzip();
                answer(embedder.as_ref(), &texts, replies);
            }
        })?;
        Ok(Self { requests, kept: Arc::new(Mutex::new(LruCache::new(KEPT))) })
    }

    /// Keeps a vector that this queue's model made of a question before.
    pub fn keep(&self, text: &str, vector: Vec<f32>) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).put(text.to_string(), vector);
    }

    /// The vector of a question.
    ///
    /// # Errors
    /// [`EmbedError::Run`] when the model fails, [`EmbedError::Closed`] when its thread has ended.
    pub async fn query(&self, text: &str) -> Result<Vec<f32>, EmbedError> {
        if let Some(kept) = self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(text) {
            return Ok(kept.clone());
        }
        let (reply, vector) = oneshot::channel();
        self.requests.send((text.to_string(), reply)).await.map_err(|_| EmbedError::Closed)?;
        let vector = vector.await.map_err(|_| EmbedError::Closed)??;
        self.keep(text, vector.clone());
        Ok(vector)
    }

    /// Gives each wording that is worth one its embedding.
    ///
    /// # Errors
    /// As [`Self::query`].
    pub async fn fill(&self, queries: &mut [Query]) -> Result<(), EmbedError> {
        for query in queries.iter_mut().filter(|query| needs_embedding(query)) {
            query.embedding = Some(self.query(&query.text).await?);
        }
        Ok(())
    }
}

fn answer(embedder: &dyn Embedder, texts: &[String], replies: Vec<Reply>) {
    if texts.is_empty() {
        return;
    }
    match embedder.embed_queries(texts) {
        Ok(vectors) => {
            for (vector, reply) in vectors.into_iter().zip(replies) {
                // A caller that has gone needs no vector.
                let _ = reply.send(Ok(vector));
            }
        }
        Err(error) => {
            for reply in replies {
                let _ = reply.send(Err(error.clone()));
            }
        }
    }
}
