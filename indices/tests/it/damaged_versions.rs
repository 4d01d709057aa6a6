//! Damaged versions, and those of another model or format, are refused with a sentence; the previous version stays.

use std::fs;

use hoidap_indices::{Preferred, ReloadEvent, SearchRequest, store::FORMAT};
use hoidap_shared::job::{Query, QueryKind};
use walkdir::WalkDir;

use crate::site::{Site, first, flip};

/// A site with two versions. `damage` changes the newer one; then a running library and a new one must refuse it.
fn refused(damage: impl Fn(&Site, &str)) -> String {
    let site = Site::new();
    let old = site.build().manifest.version;
    let running = site.library();
    site.put("en/backup.html", "<h1>Backups</h1><p>Another text.</p>");
    let new = site.build().manifest.version;
    damage(&site, &new);
    let events = running.reload();
    let [ReloadEvent::Refused { reason, .. }] = &events[..] else { panic!("{events:?}") };
    assert!(running.reload().is_empty(), "a refusal is reported once");
    for library in [&running, &site.library()] {
        let info = &library.collections()[0];
        assert_eq!(info.version.as_ref(), Some(&old), "the previous version serves");
        assert_eq!(info.refusal.as_ref(), Some(reason));
        assert_eq!(first(&site.ask(library, "Máy in bị kẹt giấy")), "vi/may-in.html");
    }
    reason.clone()
}

#[test]
fn every_damaged_file_is_named() {
    let site = Site::new();
    let version = site.build().manifest.version;
    let files: Vec<_> = WalkDir::new(site.version_dir(&version))
        .into_iter()
        .map(|entry| entry.unwrap().into_path())
        .filter(|path| path.is_file() && path.metadata().unwrap().len() > 0)
        .collect();
    assert!(files.len() >= 7, "{files:?}");
    for file in files {
        let whole = fs::read(&file).unwrap();
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        for cut in [false, true] {
            if cut {
                fs::write(&file, &whole[..whole.len() / 2]).unwrap();
            } else {
                flip(&file);
            }
            let info = site.library().collections().remove(0);
            assert_eq!(info.version, None, "{name} was loaded");
            let reason = info.refusal.unwrap();
            assert!(reason.contains(&name) || name == "manifest.json", "{reason}");
            fs::write(&file, &whole).unwrap();
        }
    }
    assert_eq!(site.library().collections()[0].version, Some(version));
}

#[test]
fn a_missing_file_leaves_the_previous_version() {
    let reason =
        refused(|site, version| fs::remove_file(site.version_dir(version).join("vectors.faiss")).unwrap());
    assert!(reason.contains("vectors.faiss") && reason.contains("rollback"), "{reason}");
}

#[test]
fn a_half_written_version_leaves_the_previous_version() {
    let reason =
        refused(|site, version| fs::remove_file(site.version_dir(version).join("manifest.json")).unwrap());
    assert!(reason.contains("manifest.json"), "{reason}");
}

#[test]
fn a_version_of_another_format_leaves_the_previous_version() {
    for format in [FORMAT - 1, FORMAT + 1] {
        let reason = refused(|site, version| {
            let path = site.version_dir(version).join("manifest.json");
            let own = format!("\"format\": {FORMAT}");
            let text = fs::read_to_string(&path).unwrap();
            assert!(text.contains(&own), "{text}");
            fs::write(path, text.replacen(&own, &format!("\"format\": {format}"), 1)).unwrap();
        });
        assert!(
            reason.contains(&format!("has format {format}")) && reason.contains("build it again"),
            "{reason}"
        );
    }
}

#[test]
fn another_model_is_refused_and_built_anew() {
    let mut site = Site::new();
    site.build();
    site.config.embedding.model = "another/e5".into();
    let info = site.library().collections().remove(0);
    assert!(info.refusal.unwrap().contains("the configured model is another/e5"));
    assert_eq!(info.version, None);
    site.embedder = hoidap_indices::OnnxEmbedder::open(&site.config.embedding).unwrap();
    let built = site.build();
    assert_eq!(built.embedded, built.manifest.chunks, "vectors of another model are not kept");
}

#[test]
fn an_embedding_of_another_length_is_an_error() {
    let site = Site::new();
    site.build();
    let queries = [Query { embedding: Some(vec![0.5; 10]), ..Query::new("x", QueryKind::Asked, 1.0) }];
    let request = SearchRequest {
        queries: &queries,
        collections: &[],
        product: None,
        section: None,
        preferred: Preferred::default(),
        locale: None,
        depth: 8,
        candidates: 50,
    };
    let error = site.library().search(&request).unwrap_err().to_string();
    assert!(error.contains("has 10 numbers"), "{error}");
}
