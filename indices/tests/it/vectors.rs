//! What a text's vector depends on.

use hoidap_indices::Embedder as _;

use crate::site::Site;

#[test]
fn a_questions_vector_does_not_depend_on_what_is_embedded_beside_it() {
    let embedder = Site::new().embedder;
    let texts = [
        "Gói Pro giá bao nhiêu?",
        "goi pro gia bao nhieu",
        "How do I move all of my old mail from another provider to this one without losing a single folder?",
        "xin chào",
    ]
    .map(String::from);
    let together = embedder.embed_queries(&texts).unwrap();
    for (text, beside) in texts.iter().zip(&together) {
        let alone = embedder.embed_queries(std::slice::from_ref(text)).unwrap();
        let worst = alone[0].iter().zip(beside).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(alone[0] == *beside, "{text}: differs by {worst}");
    }
}
