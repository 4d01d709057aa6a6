//! A text's vector does not depend on the batch or the number of sessions.

use std::{fs, process::Command};

use hoidap_indices::{
    Embedder as _, OnnxEmbedder,
    build::{UnrelatedVectors, build},
};

use crate::site::Site;

#[test]
fn a_questions_vector_does_not_depend_on_its_batch() {
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

#[test]
fn a_build_writes_the_same_vectors_in_any_number_of_sessions() {
    let mut vectors = Vec::new();
    for sessions in [1, 3] {
        let mut site = Site::new();
        for page in 0..40 {
            site.put(
                &format!("vi/p{page}.html"),
                &format!("<h1>Trang {page}</h1><p>{}</p>", "Nội dung. ".repeat(page)),
            );
        }
        site.config.embedding.sessions = sessions;
        site.config.embedding.batch = 4;
        let embedder = OnnxEmbedder::open_for_build(&site.config.embedding).unwrap();
        assert_eq!(embedder.sessions(), sessions);
        let unrelated = UnrelatedVectors::default();
        let built =
            build(&site.config, "help", &site.source(), &site.reader(), &embedder, &unrelated, &()).unwrap();
        assert!(built.embedded > 40);
        vectors.push(fs::read(site.version_dir(&built.manifest.version).join("embeddings.f32")).unwrap());
    }
    assert!(vectors[0] == vectors[1]);
}

#[test]
fn a_missing_library_is_named_with_its_setting() {
    let site = Site::new();
    let built = Command::new(env!("CARGO_BIN_EXE_hoidap-index"))
        .args(["build", "--collection", "help"])
        .arg(site.pages())
        .env("HOIDAP_INDICES__DIR", &site.config.indices.dir)
        .env("ORT_DYLIB_PATH", "/nowhere/libonnxruntime.so")
        .output()
        .unwrap();
    let said = String::from_utf8(built.stderr).unwrap();
    assert!(!built.status.success());
    assert!(said.contains("ORT_DYLIB_PATH") && said.contains("/nowhere/libonnxruntime.so"), "{said}");
    assert!(!said.contains("panicked"), "{said}");
}
