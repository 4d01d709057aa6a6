//! Language detection, restored diacritics, wordings, and the embedding queue.

use std::sync::Arc;

use hoidap_indices::{
    EmbedError, EmbedQueue, EmbeddedText, Embedder, ModelId, OnnxEmbedder, TextRole,
    text::standalone_wordings,
};
use hoidap_shared::{job::QueryKind, text::Language};

use crate::site::{Site, VI};

#[test]
fn diacritics_are_restored_from_the_site_s_own_words() {
    let site = Site::new();
    site.build();
    let text = site.library().text();
    let interpretation = text.interpret("Dat lai mat khau o dau", None);
    assert_eq!(interpretation.language, Language::Vi);
    assert!(interpretation.bare);
    assert_eq!(interpretation.restored.as_deref(), Some("Đặt lại mật khẩu ở đâu"));
    assert!(interpretation.certainty > 0.7, "{}", interpretation.certainty);
    let wordings = standalone_wordings(&interpretation);
    assert_eq!(wordings[0].kind, QueryKind::Restored);
    assert_eq!((wordings[1].kind, wordings[1].text.as_str()), (QueryKind::Asked, "Dat lai mat khau o dau"));
    assert!(wordings[1].weight < wordings[0].weight);
}

#[test]
fn what_has_its_diacritics_keeps_them() {
    let site = Site::new();
    site.build();
    let text = site.library().text();
    let interpretation = text.interpret("mật khẩu cũ ở đâu", None);
    assert!(!interpretation.bare && interpretation.restored.is_none());
    let nfd = text.interpret("ma\u{323}\u{302}t kha\u{302}\u{309}u", None);
    assert_eq!(nfd.text, "mật khẩu");
}

#[test]
fn bare_vietnamese_and_english_are_distinguished() {
    let site = Site::new();
    site.build();
    let text = site.library().text();
    for question in [
        "lam sao de doi ten mien",
        "gia bao nhieu",
        "debian la gi ai lam ra no",
        "cai dat tren may macbook",
        "loi khong gui duoc mail",
    ] {
        assert_eq!(text.interpret(question, None).language, Language::Vi, "{question}");
    }
    for question in [
        "how do i turn it off",
        "can i run it on arm",
        "change password",
        "the main menu is gone",
        "is there a limit",
        "do not send it to me",
    ] {
        assert_eq!(text.interpret(question, VI).language, Language::En, "{question}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queue_gives_each_caller_its_own_vector() {
    let site = Site::new();
    let texts = ["mật khẩu", "backup", "giá", "printer", "kẹt giấy"];
    let owned: Vec<String> = texts.iter().map(ToString::to_string).collect();
    let expected = site.embedder.embed_queries(&owned).unwrap();
    let embedder: Arc<dyn Embedder> = Arc::new(site.embedder);
    let queue = EmbedQueue::start(embedder, 16).unwrap();
    let asked = texts.map(|text| {
        let queue = queue.clone();
        tokio::spawn(async move { queue.query(text).await.unwrap() })
    });
    for (task, expected) in asked.into_iter().zip(expected) {
        let vector = task.await.unwrap();
        let cosine: f32 = vector.iter().zip(&expected).map(|(a, b)| a * b).sum();
        assert!(cosine > 0.98, "{cosine}");
    }
}

/// The real model, which panics on some texts.
struct Panicking(OnnxEmbedder);

impl Embedder for Panicking {
    fn model(&self) -> &ModelId {
        self.0.model()
    }

    fn embed(&self, role: TextRole, texts: &[String]) -> Result<Vec<EmbeddedText>, EmbedError> {
        assert!(texts.iter().all(|text| text != "panic"), "the model panics on this text");
        self.0.embed(role, texts)
    }

    fn count_tokens(&self, text: &str) -> usize {
        self.0.count_tokens(text)
    }

    fn vocabulary(&self) -> Vec<(String, f32)> {
        self.0.vocabulary()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_of_the_model_fails_one_question_and_shows_until_the_next_succeeds() {
    let queue = EmbedQueue::start(Arc::new(Panicking(Site::new().embedder)), 16).unwrap();
    let asked = ["mật khẩu", "panic", "giá"].map(|text| {
        let queue = queue.clone();
        tokio::spawn(async move { queue.query(text).await })
    });
    let mut answers = Vec::new();
    for task in asked {
        answers.push(task.await.unwrap());
    }
    assert!(answers[0].is_ok() && answers[2].is_ok());
    assert!(matches!(answers[1], Err(EmbedError::Panicked)), "{:?}", answers[1]);
    assert!(matches!(queue.query("panic").await, Err(EmbedError::Panicked)));
    assert!(matches!(queue.failure(), Some(EmbedError::Panicked)));
    assert_eq!(queue.query("kẹt giấy").await.unwrap().len(), 384);
    assert!(queue.failure().is_none());
}
