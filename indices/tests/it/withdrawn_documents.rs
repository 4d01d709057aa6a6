//! A removed page is never found again, and does not change the results of the others.

use std::fs;

use hoidap_indices::{Library, store::WithdrawnCounts};

use crate::site::{Site, first};

const PAGE: &str = "vi/may-in.html";
const QUESTIONS: [&str; 4] =
    ["Mật khẩu cần bao nhiêu ký tự?", "goi doanh nghiep gia bao nhieu", "When do backups run?", "kẹt giấy"];

/// Chunks and scores of the results, without one page.
fn found(site: &Site, library: &Library, question: &str) -> Vec<(String, f32)> {
    let passages = site.ask(library, question).passages;
    let others = passages.into_iter().filter(|passage| passage.source != PAGE);
    others.map(|passage| (passage.chunk_id, passage.score)).collect()
}

#[test]
fn a_removed_page_changes_no_score_of_the_others() {
    let site = Site::new();
    site.build();
    let library = site.library();
    let before = QUESTIONS.map(|question| found(&site, &library, question));
    let support = site.ask(&library, "When do backups run?").support;
    site.remove(PAGE);
    let built = site.build();
    assert_eq!(
        (built.manifest.documents, built.manifest.withdrawn),
        (5, WithdrawnCounts { documents: 1, chunks: 1 })
    );
    library.reload();
    for (question, before) in QUESTIONS.iter().zip(&before) {
        let after = site.ask(&library, question).passages;
        assert!(after.iter().all(|passage| passage.source != PAGE), "{question}");
        assert_eq!(&found(&site, &library, question), before, "{question}");
    }
    assert_eq!(site.ask(&library, "When do backups run?").support, support);
    assert!(!library.mentions("USB").unwrap(), "a word of that page alone is not mentioned");
    assert!(library.mentions("máy").unwrap() || library.mentions("printer").unwrap());
    assert!(!site.build().new, "nothing changed since");
}

#[test]
fn a_page_that_comes_back_or_moved_is_found() {
    let site = Site::new();
    site.build();
    let page = fs::read(site.pages().join(PAGE)).unwrap();
    site.remove(PAGE);
    site.build();
    fs::write(site.pages().join(PAGE), &page).unwrap();
    let built = site.build();
    assert_eq!(
        (built.manifest.withdrawn, built.embedded),
        (WithdrawnCounts::default(), 0),
        "its vector was kept"
    );
    assert_eq!(first(&site.ask(&site.library(), "kẹt giấy")), PAGE);
    site.remove(PAGE);
    fs::write(site.pages().join("vi/thiet-bi.html"), &page).unwrap();
    assert_eq!(site.build().manifest.withdrawn, WithdrawnCounts::default(), "it only moved");
    assert_eq!(first(&site.ask(&site.library(), "kẹt giấy")), "vi/thiet-bi.html");
}

#[test]
fn too_many_removed_pages_are_erased() {
    let mut site = Site::new();
    site.build();
    site.remove(PAGE);
    assert_eq!(site.build().manifest.withdrawn.documents, 1);
    site.remove("vi/gia.html");
    site.remove("en/backup.html");
    let built = site.build();
    assert_eq!(built.manifest.withdrawn, WithdrawnCounts::default());
    let stored =
        fs::read_to_string(site.version_dir(&built.manifest.version).join("documents.jsonl")).unwrap();
    assert_eq!(stored.lines().count(), 3);
    assert!(!stored.contains("kẹt giấy"));
    site.config.indices.withdrawn_share = 0.0;
    site.remove("vi/mat-khau.html");
    assert_eq!(site.build().manifest.withdrawn, WithdrawnCounts::default());
}
