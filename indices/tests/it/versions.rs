//! Versions: building, updating, rolling back, and interrupted builds.

use std::{
    fs,
    os::unix::process::ExitStatusExt as _,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use hoidap_indices::{ReloadEvent, store::CollectionFolder};

use crate::site::{Site, first};

/// SIGPIPE: the output has no reader.
const SIGPIPE: i32 = 13;

#[test]
fn a_build_serves_every_kind_of_page() {
    let site = Site::new();
    let built = site.build();
    assert!(built.new && built.skipped.is_empty());
    assert_eq!(built.manifest.documents, 6);
    assert_eq!(built.manifest.faiss, "Flat");
    let library = site.library();
    let outcome = site.ask(&library, "Mật khẩu cần bao nhiêu ký tự?");
    assert_eq!(first(&outcome), "vi/mat-khau.html");
    assert_eq!(outcome.passages[0].url, "https://help.example/vi/mat-khau.html");
    assert_eq!(outcome.passages[0].title, "Đặt lại mật khẩu");
    assert_eq!(first(&site.ask(&library, "what breaks with the printer driver?")), "en/notes.md");
    for passage in site.ask(&library, "Zebra banner navigation footer").passages {
        assert!(!passage.text.contains("Zebra"), "navigation was indexed: {}", passage.text);
    }
}

#[test]
fn a_second_build_of_the_same_makes_no_version() {
    let site = Site::new();
    let built = site.build();
    let again = site.build();
    assert!(!again.new);
    assert_eq!((again.embedded, again.manifest.version), (0, built.manifest.version));
}

#[test]
fn an_update_touches_only_what_changed() {
    let site = Site::new();
    let before = site.build();
    let library = site.library();
    let ids = |question: &str| {
        site.ask(&library, question).passages.iter().map(|p| p.chunk_id.clone()).collect::<Vec<_>>()
    };
    let stays = ids("kẹt giấy");
    site.remove("vi/gia.html");
    site.put("en/backup.html", "<h1>Backups</h1><p>Backups now run every hour on a second site in Huế.</p>");
    let after = site.build();
    assert!(after.new);
    assert_eq!(after.embedded, 1, "only the changed page is embedded");
    assert_eq!(after.manifest.documents, before.manifest.documents - 1);
    let events = library.reload();
    assert!(
        matches!(&events[..], [ReloadEvent::Loaded { version, .. }] if *version == after.manifest.version)
    );
    assert_eq!(ids("kẹt giấy")[0], stays[0], "the id of an unchanged chunk is stable");
    for question in ["Gói Doanh Nghiệp giá bao nhiêu?", "goi doanh nghiep 199.000"] {
        let passages = site.ask(&library, question).passages;
        assert!(passages.iter().all(|p| p.source != "vi/gia.html"), "a deleted page is never found again");
    }
    assert!(site.ask(&library, "When do backups run?").passages[0].text.contains("every hour"));
}

#[test]
fn old_versions_stay_for_a_rollback_and_then_go() {
    let mut site = Site::new();
    site.config.indices.keep_versions = 2;
    let first_version = site.build().manifest.version;
    site.put("en/backup.html", "<h1>Backups</h1><p>Second text.</p>");
    site.build();
    let folder = CollectionFolder::existing(&site.config.indices.dir, "help").unwrap();
    let library = site.library();
    folder.make_current(&folder.lock().unwrap(), &first_version).unwrap();
    library.reload();
    assert!(site.ask(&library, "When do backups run?").passages[0].text.contains("every night"));
    site.put("en/backup.html", "<h1>Backups</h1><p>Third text.</p>");
    site.build();
    let kept = folder.versions().unwrap();
    assert_eq!(kept.len(), 2, "{kept:?}");
}

#[test]
fn a_pinned_version_serves_whichever_is_current() {
    let mut site = Site::new();
    let first_version = site.build().manifest.version;
    site.put("en/backup.html", "<h1>Backups</h1><p>Second text.</p>");
    site.build();
    site.config.indices.versions.insert("help".into(), first_version.clone());
    let library = site.library();
    assert_eq!(library.collections()[0].version, Some(first_version));
    assert!(library.reload().is_empty());
    site.config.indices.versions.insert("help".into(), "19990101T000000Z".into());
    site.config.indices.versions.insert("other".into(), "1".into());
    let refusals: Vec<_> = site.library().collections().into_iter().filter_map(|c| c.refusal).collect();
    assert!(refusals[0].contains("has no version 19990101T000000Z; it has"), "{refusals:?}");
    assert!(refusals[1].contains("there is no collection `other`"), "{refusals:?}");
}

#[test]
fn a_collection_that_is_not_configured_is_named_and_can_be_removed() {
    let site = Site::new();
    site.build();
    let library = site.library();
    let configured = site.pages().with_file_name("hoidap.toml");
    fs::write(&configured, format!("[[collections]]\nname = \"other\"\npaths = [{:?}]\n", site.pages()))
        .unwrap();
    let run = |arguments: &[&str]| {
        let mut tool = Command::new(env!("CARGO_BIN_EXE_hoidap-index"));
        tool.args(arguments).arg("--config").arg(&configured);
        let ended = tool.env("HOIDAP_INDICES__DIR", &site.config.indices.dir).output().unwrap();
        (ended.status.success(), String::from_utf8(ended.stderr).unwrap())
    };
    let (is_built, warning) = run(&["build"]);
    assert!(is_built && warning.contains("hoidap-index remove --collection help"), "{warning}");
    assert_eq!(run(&["remove", "--collection", "help"]), (true, String::new()));
    assert!(!run(&["build"]).1.contains("help"));
    let events = library.reload();
    assert!(
        events
            .iter()
            .any(|event| matches!(event, ReloadEvent::Removed { collection } if collection == "help"))
    );
    let (is_removed, error) = run(&["remove", "--collection", "help"]);
    assert!(!is_removed && error.contains("there is no collection `help`"), "{error}");
}

#[test]
fn two_builds_at_once_are_refused_by_name() {
    let site = Site::new();
    site.build();
    let folder = CollectionFolder::existing(&site.config.indices.dir, "help").unwrap();
    let _held = folder.lock().unwrap();
    let error = site.try_build().unwrap_err().to_string();
    assert!(error.contains("`help` is being built by another process"), "{error}");
}

#[test]
fn a_killed_build_leaves_the_previous_version_in_service() {
    let site = Site::new();
    let before = site.build().manifest.version;
    for i in 0..300 {
        site.put(
            &format!("en/page{i}.html"),
            &format!("<h1>Page {i}</h1><p>{}</p>", format!("Text number {i}. ").repeat(60)),
        );
    }
    let mut child = Command::new(env!("CARGO_BIN_EXE_hoidap-index"))
        .args(["build", "--collection", "help", "--base-url", "https://help.example/", "--root"])
        .arg(site.pages())
        .arg(site.pages())
        .env("HOIDAP_INDICES__DIR", &site.config.indices.dir)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    thread::sleep(Duration::from_secs(4));
    child.kill().unwrap();
    child.wait().unwrap();
    let library = site.library();
    assert_eq!(library.collections()[0].version.as_deref(), Some(before.as_str()));
    fs::create_dir(site.collection_dir().join("versions/.unfinished-x")).unwrap();
    for i in 3..300 {
        site.remove(&format!("en/page{i}.html"));
    }
    let after = site.build();
    assert!(after.new, "the lock of a killed process is free");
    assert!(!site.collection_dir().join("versions/.unfinished-x").exists(), "leftovers go");
    let began = Instant::now();
    site.ask(&library, "page");
    assert!(began.elapsed() < Duration::from_secs(2));
}

#[test]
fn a_graph_index_finds_what_an_exact_one_finds() {
    let mut site = Site::new();
    site.config.indices.faiss_index = "HNSW32".into();
    assert_eq!(site.build().manifest.faiss, "HNSW32");
    let library = site.library();
    assert_eq!(first(&site.ask(&library, "Máy in bị kẹt giấy")), "vi/may-in.html");
    site.config.indices.faiss_index = "nonsense".into();
    let error = site.try_build().unwrap_err().to_string();
    assert!(error.contains("nonsense"), "{error}");
    assert_eq!(first(&site.ask(&site.library(), "Máy in bị kẹt giấy")), "vi/may-in.html");
}

#[test]
fn a_closed_pipe_ends_the_program_silently() {
    let empty = tempfile::tempdir().unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut tool = Command::new(env!("CARGO_BIN_EXE_hoidap-index"));
    tool.args(["list", "--json"]).env("HOIDAP_INDICES__DIR", empty.path());
    let ended = tool.stdout(writer).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
    assert_eq!(
        (ended.status.signal(), String::from_utf8(ended.stderr).unwrap()),
        (Some(SIGPIPE), String::new())
    );
}
