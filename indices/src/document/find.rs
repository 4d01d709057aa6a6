use std::{
    io,
    path::{Path, PathBuf},
};

use walkdir::WalkDir;

/// Extensions of files that are read when a folder is given.
const KNOWN: [&str; 7] = ["html", "htm", "xhtml", "md", "markdown", "txt", "pdf"];

/// A file to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where it is.
    pub path: PathBuf,
    /// What it is called in the collection: its path as given, or below the root.
    pub source: String,
    /// Its path below the root (or below the folder that was given), the end of its address.
    pub page: String,
}

/// The files that the given paths name: a file, a folder (its known kinds, by name), or a list (`@FILE`, one path a
/// line). Hidden files and folders are passed over; links out of the tree are not followed.
///
/// # Errors
/// When a path does not exist or cannot be listed.
pub fn find(paths: &[PathBuf], root: Option<&Path>) -> io::Result<Vec<Found>> {
    let mut found = Vec::new();
    for path in expand(paths)? {
        let base = if path.is_dir() { path.as_path() } else { path.parent().unwrap_or(Path::new("")) };
        for file in files(&path)? {
            let below = |root: &Path| file.strip_prefix(root).ok().map(slashes);
            let in_root = root.and_then(below);
            let page = in_root.clone().or_else(|| below(base)).unwrap_or_else(|| slashes(&file));
            found.push(Found { source: in_root.unwrap_or_else(|| slashes(&file)), page, path: file });
        }
    }
    found.sort_by(|a, b| a.source.cmp(&b.source));
    found.dedup_by(|a, b| a.source == b.source);
    Ok(found)
}

fn expand(paths: &[PathBuf]) -> io::Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for path in paths {
        match path.to_str().and_then(|text| text.strip_prefix('@')) {
            Some(list) => {
                let lines = std::fs::read_to_string(list).map_err(|error| named(Path::new(list), &error))?;
                all.extend(lines.lines().map(str::trim).filter(|line| !line.is_empty()).map(PathBuf::from));
            }
            None => all.push(path.clone()),
        }
    }
    Ok(all)
}

fn files(path: &Path) -> io::Result<Vec<PathBuf>> {
    let kind = std::fs::metadata(path).map_err(|error| named(path, &error))?;
    if kind.is_file() {
        return Ok(vec![path.to_path_buf()]);
    }
    let visible = |entry: &walkdir::DirEntry| {
        entry.depth() == 0 || !entry.file_name().to_string_lossy().starts_with('.')
    };
    let mut files = Vec::new();
    for entry in WalkDir::new(path).sort_by_file_name().into_iter().filter_entry(visible) {
        let entry = entry.map_err(io::Error::from)?;
        let known = entry
            .path()
            .extension()
            .is_some_and(|e| KNOWN.contains(&e.to_string_lossy().to_ascii_lowercase().as_str()));
        if known && entry.path().is_file() {
            files.push(entry.into_path());
        }
    }
    Ok(files)
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

fn slashes(path: &Path) -> String {
    path.components()
        .map(|c| c.as_os_str().to_string_lossy())
        .collect::<Vec<_>>()
        .join("/")
        .replacen("//", "/", 1)
}
