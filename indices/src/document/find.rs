use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    fs, io,
    path::{Component, Path, PathBuf},
};

use hoidap_shared::file_errors::describe;
use walkdir::WalkDir;

use super::Skipped;

/// Endings of files that are read when a folder is given.
pub(super) const KNOWN: [&str; 7] = ["html", "htm", "xhtml", "md", "markdown", "txt", "pdf"];

/// A file to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where it is, no link in it.
    pub path: PathBuf,
    /// What it is called in the collection: its path as given, or below the root.
    pub source: String,
    /// Its path below the root (or below the folder that was given), the end of its address.
    pub page: String,
}

/// What the given paths name.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// The files to read.
    pub files: Vec<Found>,
    /// What is not read, and why.
    pub skipped: Vec<Skipped>,
}

/// The files that the given paths name: a file, a folder (its known kinds, by name), or a list (`@FILE`, one path a
/// line). Hidden files and folders are passed over. A link is followed to what lies below the root (or below the folder that was
/// given); one that leads out of it, or nowhere, is left out and named.
///
/// # Errors
/// When a path does not exist or cannot be listed.
pub fn find(paths: &[PathBuf], root: Option<&Path>) -> io::Result<Listing> {
    let real_root = root.map(real).transpose()?;
    let mut listing = Listing::default();
    let mut unread = BTreeMap::new();
    for path in expand(paths)? {
        let target = real(&path)?;
        let is_folder = target.is_dir();
        let below_root = |root: &Path, path: &Path| path.strip_prefix(root).ok().map(slashes);
        let own_base = if is_folder { target.as_path() } else { target.parent().unwrap_or(Path::new("/")) };
        let boundary = real_root.as_deref().filter(|root| target.starts_with(root)).unwrap_or(own_base);
        let mut walk = Walk {
            boundary,
            found: Vec::new(),
            skipped: Vec::new(),
            unread: &mut unread,
            seen: HashSet::new(),
        };
        match root.zip(real_root.as_deref()) {
            Some((root, real_root)) if path.starts_with(root) && !target.starts_with(real_root) => {
                walk.skip(&path, leads_out(real_root, &target));
            }
            _ if is_folder => walk.all(&path, &target),
            _ => walk.found.push((path.clone(), target.clone())),
        }
        let base = if is_folder { path.as_path() } else { path.parent().unwrap_or(Path::new("")) };
        let source =
            |file: &Path| root.and_then(|root| below_root(root, file)).unwrap_or_else(|| slashes(file));
        for (file, path) in walk.found {
            let in_root = root.and_then(|root| below_root(root, &file));
            let page = in_root.or_else(|| below_root(base, &file)).unwrap_or_else(|| slashes(&file));
            listing.files.push(Found { source: source(&file), page, path });
        }
        listing.skipped.extend(walk.skipped.into_iter().map(|(file, why)| Skipped::one(source(&file), why)));
    }
    listing.files.sort_by(|a, b| a.source.cmp(&b.source));
    listing.files.dedup_by(|a, b| a.source == b.source);
    listing.skipped.extend(unread.into_iter().map(|(ending, (files, example))| Skipped {
        source: if ending.is_empty() { "(no ending)".into() } else { format!("*.{ending}") },
        reason: format!("{files} of a kind that is not read, such as {example}"),
        files,
    }));
    Ok(listing)
}

/// A walk through one folder and what its links lead to.
struct Walk<'a> {
    /// What files and links must lie below; no link in it.
    boundary: &'a Path,
    /// Files, as they are seen and where they are.
    found: Vec<(PathBuf, PathBuf)>,
    /// What is left out, and why.
    skipped: Vec<(PathBuf, String)>,
    /// Files of other kinds by their ending: how many, and one of them.
    unread: &'a mut BTreeMap<String, (usize, String)>,
    /// Folders that were walked through: each is, once, so that links in circles end.
    seen: HashSet<PathBuf>,
}

impl Walk<'_> {
    /// Folders first, as they are; then those that links lead to and that were not come by.
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
                    self.skip(&as_seen(folder, target, &path), format!("cannot be listed: {why}"));
                    continue;
                }
            };
            let seen_as = as_seen(folder, target, entry.path());
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
            return self.skip(link, leads_out(self.boundary, &target));
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
        if !KNOWN.contains(&ending.as_str()) {
            let (count, _) = self.unread.entry(ending).or_insert_with(|| (0, slashes(&file)));
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

/// What lies in a folder, as it is seen from where it was asked for.
fn as_seen(folder: &Path, target: &Path, path: &Path) -> PathBuf {
    match path.strip_prefix(target) {
        Ok(below) if below.as_os_str().is_empty() => folder.to_path_buf(),
        Ok(below) => folder.join(below),
        Err(_) => path.to_path_buf(),
    }
}

fn leads_out(boundary: &Path, target: &Path) -> String {
    format!(
        "is a link out of {}, to {}: copy it there, or give its folder as a PATH of its own",
        boundary.display(),
        target.display()
    )
}

fn expand(paths: &[PathBuf]) -> io::Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for path in paths {
        match path.to_str().and_then(|text| text.strip_prefix('@')) {
            Some(list) => {
                let lines = fs::read_to_string(list).map_err(|error| named(Path::new(list), &error))?;
                all.extend(lines.lines().map(str::trim).filter(|line| !line.is_empty()).map(PathBuf::from));
            }
            None => all.push(path.clone()),
        }
    }
    Ok(all)
}

fn real(path: &Path) -> io::Result<PathBuf> {
    path.canonicalize().map_err(|error| named(path, &error))
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {}", path.display(), describe(path, error)))
}

fn slashes(path: &Path) -> String {
    let parts = path.components().filter(|part| *part != Component::CurDir);
    parts.map(|c| c.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/").replacen("//", "/", 1)
}
