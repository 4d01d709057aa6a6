//! The sample site's collections, built once for all tests and copied for each.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use super::{TestFleet, binary_path, example_path};

/// Copies the named collections, or all of them when none is named, into the test's folder.
pub(super) fn copy(fleet: &TestFleet, to: &Path, collections: &[&str]) {
    let folder = shared_folder();
    fs::create_dir_all(&folder).expect("a folder for the sample collections");
    // Each test runs in its own process: the first one builds, the others wait.
    let lock = File::create(folder.join("lock")).expect("a lock file");
    lock.lock().expect("the lock");
    let built = folder.join("indices");
    if !folder.join("whole").exists() {
        let _ = fs::remove_dir_all(&built);
        let mut command = fleet.command("hoidap-index", &["build"]);
        run(command.env("HOIDAP_INDICES__DIR", &built));
        // One question makes the classifier train its intents, which it stores beside the collections.
        let questions = folder.join("question.jsonl");
        fs::write(&questions, "{\"id\":\"1\",\"question\":\"xin chào\"}\n").expect("a question");
        let arguments = ["eval", "--questions", &questions.display().to_string()];
        run(fleet.command("hoidap-worker", &arguments).env("HOIDAP_INDICES__DIR", &built));
        File::create(folder.join("whole")).expect("a mark");
    }
    for entry in fs::read_dir(&built).expect("the sample collections") {
        let entry = entry.expect("an entry");
        let name = entry.file_name().to_string_lossy().into_owned();
        let kept = entry.path().is_file() || collections.is_empty() || collections.contains(&name.as_str());
        if kept {
            copy_all(&entry.path(), &to.join(name));
        }
    }
}

/// The folder of the collections for these binaries and settings: another build or other settings use another folder.
fn shared_folder() -> PathBuf {
    let times = [binary_path("hoidap-index"), binary_path("hoidap-worker"), example_path("hoidap.toml")].map(
        |path| {
            let changed =
                fs::metadata(&path).and_then(|metadata| metadata.modified()).expect("the time of a file");
            changed.duration_since(std::time::UNIX_EPOCH).map_or(0, |age| age.as_millis())
        },
    );
    let name = format!("hoidap-sample-{:x}-{:x}-{:x}", times[0], times[1], times[2]);
    binary_path("hoidap-index")
        .parent()
        .expect("the folder of the binaries")
        .join("sample-indices")
        .join(name)
}

fn run(command: &mut std::process::Command) {
    let status = command.status().expect("the binary starts");
    assert!(status.success(), "{command:?} failed");
}

fn copy_all(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).expect("a folder");
        for entry in fs::read_dir(from).expect("a folder to copy") {
            let entry = entry.expect("an entry");
            copy_all(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        fs::create_dir_all(to.parent().expect("a parent")).expect("a folder");
        fs::copy(from, to).expect("a file is copied");
    }
}
