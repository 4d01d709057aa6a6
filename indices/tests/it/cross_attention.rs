//! Cross-attention: the odds of the sentences that answer.

use std::{fs, path::Path};

use hoidap_indices::{CrossAttention, Library};
use hoidap_shared::job::Passage;

use crate::site::Site;

/// A copy of the model's folder, so that a test can change it.
fn own_model(site: &mut Site) {
    let folder = site.dir.path().join("model");
    fs::create_dir(&folder).unwrap();
    for entry in fs::read_dir(&site.config.embedding.model_dir).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, folder.join(path.file_name().unwrap())).unwrap();
    }
    site.config.embedding.model_dir = folder;
}

fn graph(site: &Site) -> std::path::PathBuf {
    Path::new(&site.config.embedding.model_dir).join("cross_attention.onnx")
}

/// The sentence of a passage that most likely answers, and how likely: log odds.
fn likeliest(passage: &Passage) -> (String, f32) {
    let known = passage.sentences.iter().filter_map(|sentence| Some((sentence, sentence.answers?)));
    let (sentence, odds) = known.max_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
    (passage.text.chars().skip(sentence.start).take(sentence.end - sentence.start).collect(), odds)
}

/// The passages for a question, their sentences scored.
fn scored(site: &Site, library: &Library, question: &str) -> Vec<Passage> {
    found_and_scored(site, library, library, question)
}

/// The passages that one library finds for a question, their sentences scored by another one.
fn found_and_scored(site: &Site, finder: &Library, scorer: &Library, question: &str) -> Vec<Passage> {
    let graph = CrossAttention::configured(&site.config.embedding).unwrap();
    let (queries, _) = site.wordings(finder, question);
    let outcome = site.ask(finder, question);
    let mut passages = outcome.passages;
    scorer.score_sentences(graph.as_deref(), &queries, &outcome.weights, &mut passages).unwrap();
    passages
}

#[test]
fn the_sentence_that_answers_has_the_highest_odds() {
    let site = Site::new();
    site.build();
    let library = site.library();
    for (question, source, answer) in [
        ("Liên kết đặt lại mật khẩu dùng được trong bao lâu?", "vi/mat-khau.html", "30 phút"),
        ("Gói Doanh Nghiệp giá bao nhiêu một tháng?", "vi/gia.html", "199.000"),
        ("How long are old files kept for restoring?", "en/backup.html", "90 days"),
    ] {
        let passages = scored(&site, &library, question);
        let passage = passages.iter().find(|passage| passage.source == source).unwrap();
        let (sentence, odds) = likeliest(passage);
        assert!(sentence.contains(answer), "{question}: {sentence} at {odds}");
        let elsewhere = passages.iter().filter(|other| other.source != source && !other.sentences.is_empty());
        for (_, other) in elsewhere.map(likeliest) {
            assert!(odds > other, "{question}: {odds}, elsewhere {other}");
        }
    }
}

#[test]
fn a_model_without_the_graph_searches_without_it() {
    let mut site = Site::new();
    own_model(&mut site);
    site.build();
    fs::remove_file(graph(&site)).unwrap();
    let library = site.library();
    let passages = scored(&site, &library, "Gói Doanh Nghiệp giá bao nhiêu một tháng?");
    assert_eq!(passages[0].source, "vi/gia.html");
    assert!(passages[0].sentences.iter().all(|sentence| sentence.answers.is_none()));
    assert!(!passages[0].sentences.is_empty(), "late interaction scores them still");
}

#[test]
fn an_invalid_graph_is_refused_by_name() {
    let mut site = Site::new();
    own_model(&mut site);
    fs::write(graph(&site), b"no graph").unwrap();
    let error = CrossAttention::configured(&site.config.embedding).err().unwrap().to_string();
    assert!(error.contains("cross_attention.onnx"), "{error}");
}

#[test]
fn passages_of_the_next_version_and_of_the_one_before_are_scored() {
    let site = Site::new();
    site.build();
    let (ahead, behind, scorer) = (site.library(), site.library(), site.library());
    site.put(
        "en/backup.html",
        "<h1>Backups</h1><p>Backups run at night. Old files are kept for 45 days.</p>",
    );
    site.build();
    ahead.reload();
    let question = "How long are old files kept for restoring?";
    let backup = |finder: &Library| {
        let passages = found_and_scored(&site, finder, &scorer, question);
        likeliest(passages.iter().find(|passage| passage.source == "en/backup.html").unwrap()).0
    };
    assert!(backup(&ahead).contains("45 days"), "the scorer has not reloaded by itself");
    assert_eq!(scorer.version(), ahead.version());
    assert!(backup(&behind).contains("90 days"), "the scorer is ahead of the finder");
}
