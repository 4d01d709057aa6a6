use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    fs, io,
    path::{Component, Path, PathBuf},
};

use hoidap_shared::file_errors::describe;
use walkdir::WalkDir;

use super::SkippedFile;

/// Extensions of the files that are read.
pub(super) const READABLE_EXTENSIONS: [&str; 7] = ["html", "htm", "xhtml", "md", "markdown", "txt", "pdf"];

/// A file to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Its path, without links.
    pub path: PathBuf,
    /// Its name in the collection: its path as given, or below the root.
    pub source: String,
    /// Its path below the root (or below the given folder), the end of its URL.
    pub page: String,
}

/// The files at the given paths.
#[derive(Clone, Debug, Default)]
pub struct FileListing {
    /// The files to read.
    pub files: Vec<SourceFile>,
    /// Files that are not read, and why.
    pub skipped: Vec<SkippedFile>,
}

/// Lists the files at the given paths: a file, a folder (its readable files, by name), or a list (`@FILE`, one path per line).
/// Hidden files and folders are ignored. Links are followed below the root (or below the given folder); a link that leads out
/// of it, or nowhere, is reported as skipped.
///
/// # Errors
/// When a path does not exist or cannot be listed.
pub fn list_files(paths: &[PathBuf], root: Option<&Path>) -> io::Result<FileListing> {
    let real_root = root.map(resolve_links).transpose()?;
    let mut listing = FileListing::default();
    let mut other_kinds = BTreeMap::new();
    for path in expand_lists(paths)? {
        let target = resolve_links(&path)?;
        let is_folder = target.is_dir();
        let below_root = |root: &Path, path: &Path| path.strip_prefix(root).ok().map(with_slashes);
        let own_base = if is_folder { target.as_path() } else { target.parent().unwrap_or(Path::new("/")) };
        let boundary = real_root.as_deref().filter(|root| target.starts_with(root)).unwrap_or(own_base);
        let mut walk = FolderWalk {
            boundary,
            found: Vec::new(),
            skipped: Vec::new(),
            other_kinds: &mut other_kinds,
            seen: HashSet::new(),
        };
        match root.zip(real_root.as_deref()) {
            Some((root, real_root)) if path.starts_with(root) && !target.starts_with(real_root) => {
                walk.skip(&path, link_out_of_root(real_root, &target));
            }
            _ if is_folder => walk.all(&path, &target),
            _ => walk.found.push((path.clone(), target.clone())),
        }
        let base = if is_folder { path.as_path() } else { path.parent().unwrap_or(Path::new("")) };
        let source =
            |file: &Path| root.and_then(|root| below_root(root, file)).unwrap_or_else(|| with_slashes(file));
        for (file, path) in walk.found {
            let in_root = root.and_then(|root| below_root(root, &file));
            let page = in_root.or_else(|| below_root(base, &file)).unwrap_or_else(|| with_slashes(&file));
            listing.files.push(SourceFile { source: source(&file), page, path });
        }
        listing
            .skipped
            .extend(walk.skipped.into_iter().map(|(file, why)| SkippedFile::one(source(&file), why)));
    }
    listing.files.sort_by(|a, b| a.source.cmp(&b.source));
    listing.files.dedup_by(|a, b| a.source == b.source);
    listing.skipped.extend(other_kinds.into_iter().map(|(ending, (files, example))| SkippedFile {
        source: if ending.is_empty() { "(no ending)".into() } else { format!("*.{ending}") },
        reason: format!("{files} of an unsupported kind, such as {example}"),
        files,
    }));
    Ok(listing)
}

/// Walks through one folder and the targets of its links.
struct FolderWalk<'a> {
    /// The folder that files and link targets must be below, without links.
    boundary: &'a Path,
    /// Files: path as given, and real path.
    found: Vec<(PathBuf, PathBuf)>,
    /// Files that are left out, and why.
    skipped: Vec<(PathBuf, String)>,
    /// Files of other kinds by extension: their number, and an example.
    other_kinds: &'a mut BTreeMap<String, (usize, String)>,
    /// Visited folders. Each is visited once, so that circular links end.
    seen: HashSet<PathBuf>,
}

impl FolderWalk<'_> {
    /// Walks the folder first, then the link targets that were not visited.
    fn all(&mut self, folder: &Path, target: &Path) {
        let mut open = VecDeque::from([(folder.to_path_buf(), target.to_path_buf())]);
        while let Some((folder, target)) = open.pop_front() {
            self.folder(&folder, &target, &mut open);
        }
    }

    fn folder(&mut self, folder: &Path, target: &Path, open: &mut VecDeque<(PathBuf, PathBuf)>) {
        let visible = |entry: &walkdir::DirEntry| {
            entry.depth() == 0 || !entry.file_name().to_string_lossy().starts_with('.')
        };
        let mut entries = WalkDir::new(target).sort_by_file_name().into_iter();
        while let Some(entry) = entries.next() {
            let entry = match entry {
                Ok(entry) if visible(&entry) => entry,
                Ok(entry) => {
                    if entry.file_type().is_dir() {
                        entries.skip_current_dir();
                    }
                    continue;
                }
                Err(error) => {
                    let path = error.path().unwrap_or(target).to_path_buf();
                    let why = describe(&path, &io::Error::from(error));
                    self.skip(&path_as_given(folder, target, &path), format!("cannot be listed: {why}"));
                    continue;
                }
            };
            let seen_as = path_as_given(folder, target, entry.path());
            let kind = entry.file_type();
            if kind.is_dir() {
                if !self.seen.insert(entry.path().to_path_buf()) {
                    entries.skip_current_dir();
                }
            } else if kind.is_symlink() {
                self.link(&seen_as, entry.path(), open);
            } else {
                self.file(seen_as, entry.into_path(), kind.is_file());
            }
        }
    }

    fn link(&mut self, link: &Path, path: &Path, open: &mut VecDeque<(PathBuf, PathBuf)>) {
        let target = match path.canonicalize() {
            Ok(target) => target,
            Err(error) => {
                return self
                    .skip(link, format!("is a link that cannot be followed: {}", describe(path, &error)));
            }
        };
        let Ok(below) = target.strip_prefix(self.boundary) else {
            return self.skip(link, link_out_of_root(self.boundary, &target));
        };
        if below.components().any(|part| part.as_os_str().to_string_lossy().starts_with('.')) {
            self.skip(link, "is a link to what is hidden".into());
        } else if target.is_dir() {
            open.push_back((link.to_path_buf(), target));
        } else {
            let is_file = target.is_file();
            self.file(link.to_path_buf(), target, is_file);
        }
    }

    fn file(&mut self, file: PathBuf, path: PathBuf, is_file: bool) {
        let ending = file.extension().map(|e| e.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
        if !READABLE_EXTENSIONS.contains(&ending.as_str()) {
            let (count, _) = self.other_kinds.entry(ending).or_insert_with(|| (0, with_slashes(&file)));
            *count += 1;
        } else if is_file {
            self.found.push((file, path));
        } else {
            self.skip(&file, "is no regular file".into());
        }
    }

    fn skip(&mut self, path: &Path, why: String) {
        self.skipped.push((path.to_path_buf(), why));
    }
}

/// The path of a file, as seen through the given folder.
fn path_as_given(folder: &Path, target: &Path, path: &Path) -> PathBuf {
    match path.strip_prefix(target) {
        Ok(below) if below.as_os_str().is_empty() => folder.to_path_buf(),
        Ok(below) => folder.join(below),
        Err(_) => path.to_path_buf(),
    }
}

fn link_out_of_root(boundary: &Path, target: &Path) -> String {
    format!(
        "is a link out of {}, to {}: copy it there, or give its folder as a PATH of its own",
        boundary.display(),
        target.display()
    )
}

fn expand_lists(paths: &[PathBuf]) -> io::Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for path in paths {
        match path.to_str().and_then(|text| text.strip_prefix('@')) {
            Some(list) => {
                let lines = fs::read_to_string(list).map_err(|error| with_path(Path::new(list), &error))?;
                all.extend(lines.lines().map(str::trim).filter(|line| !line.is_empty()).map(PathBuf::from));
            }
            None => all.push(path.clone()),
        }
    }
    Ok(all)
}

fn resolve_links(path: &Path) -> io::Result<PathBuf> {
    path.canonicalize().map_err(|error| with_path(path, &error))
}

fn with_path(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {}", path.display(), describe(path, error)))
}

fn with_slashes(path: &Path) -> String {
    let parts = path.components().filter(|part| *part != Component::CurDir);
    parts.map(|c| c.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/").replacen("//", "/", 1)
}
