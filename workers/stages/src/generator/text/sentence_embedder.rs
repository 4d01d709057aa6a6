//! Embeds sentences, to compare their meaning.

use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
};

use hoidap_indices::Embedder;
use hoidap_shared::text::{Language, has_vietnamese_marks};
use lru::LruCache;
use tracing::warn;

/// Sentence vectors in the cache, 1.5 kB each.
const CACHE_CAPACITY: NonZeroUsize = NonZeroUsize::MIN.saturating_add(8_191);

pub(crate) type Vector = Arc<[f32]>;

/// The embedding model with a cache of sentence vectors. Calls block.
pub struct SentenceEmbedder {
    embedder: Option<Arc<dyn Embedder>>,
    sentences: Mutex<LruCache<String, Vector>>,
}

impl SentenceEmbedder {
    /// With `None`, only words are compared.
    pub fn new(embedder: Option<Arc<dyn Embedder>>) -> Self {
        Self { embedder, sentences: Mutex::new(LruCache::new(CACHE_CAPACITY)) }
    }

    /// Whether the model is loaded.
    pub(crate) fn is_loaded(&self) -> bool {
        self.embedder.is_some()
    }

    /// The vector of a document's sentence.
    pub(crate) fn embed_sentence(&self, text: &str) -> Option<Vector> {
        if let Some(known) = self.sentences.lock().unwrap_or_else(PoisonError::into_inner).get(text) {
            return Some(Arc::clone(known));
        }
        // Embed one text at a time: with some integer models a result depends on the batch, and an answer must not
        // depend on the state of the cache.
        let vector = self.embed(|embedder| embedder.embed_passages(&[text.to_string()]))?;
        let mut kept = self.sentences.lock().unwrap_or_else(PoisonError::into_inner);
        kept.put(text.to_string(), Arc::clone(&vector));
        Some(vector)
    }

    /// The vector of a question, or of a claim to search for in documents.
    pub(crate) fn embed_claim(&self, text: &str) -> Option<Vector> {
        self.embed(|embedder| embedder.embed_queries(&[text.to_string()]))
    }

    fn embed<E: std::fmt::Display>(
        &self,
        call: impl FnOnce(&dyn Embedder) -> Result<Vec<Vec<f32>>, E>,
    ) -> Option<Vector> {
        match call(self.embedder.as_deref()?) {
            Ok(vectors) => vectors.into_iter().next().map(Into::into),
            Err(error) => {
                warn!(%error, "no embedding: a sentence is verified by words alone");
                None
            }
        }
    }
}

/// A text is Vietnamese if at least this share of its words have Vietnamese marks. English texts contain Vietnamese
/// names.
const MIN_MARKED_SHARE: f32 = 0.25;

/// The language of a sentence on a page in the given language.
pub(crate) fn sentence_language(text: &str, page: Language) -> Language {
    let words = || text.split_whitespace().filter(|word| word.contains(char::is_alphabetic));
    let marked = words().filter(|word| has_vietnamese_marks(word)).count();
    if marked as f32 >= MIN_MARKED_SHARE * words().count().max(1) as f32 {
        Language::Vi
    } else if page == Language::Vi {
        // Vietnamese without marks has no common English words.
        let plain: String = text.chars().filter(char::is_ascii).collect();
        Language::guess(&plain)
    } else {
        page
    }
}

/// The cosine of two L2-normalised vectors; `None` when their dimensions differ.
pub fn cosine(a: &[f32], b: &[f32]) -> Option<f32> {
    (a.len() == b.len()).then(|| a.iter().zip(b).map(|(x, y)| x * y).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_may_be_in_another_language_than_its_page() {
        assert_eq!(sentence_language("Choose Sheet to fill the cells.", Language::Vi), Language::En);
        assert_eq!(sentence_language("Goi Pro co 500 GB.", Language::Vi), Language::Vi);
        assert_eq!(sentence_language("Diệc Drive is free for all.", Language::En), Language::En);
        assert_eq!(sentence_language("Gói Pro có 500 GB.", Language::En), Language::Vi);
    }
}
