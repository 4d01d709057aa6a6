use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
};

use super::{
    FORMAT, StoreError, VersionManifest, VersionRecords,
    files::{MANIFEST, checksums, replace, sync_tree},
    io_error,
};
use crate::model::ModelId;

const CURRENT: &str = "current";
const VERSIONS: &str = "versions";
const LOCK: &str = "lock";

/// The prefix of a version that is being written.
const UNFINISHED: &str = ".unfinished-";

/// One collection's folder.
#[derive(Clone, Debug)]
pub struct CollectionFolder {
    /// Its name.
    pub name: String,
    dir: PathBuf,
}

/// The exclusive lock of a collection. It is released when dropped, or when the process ends.
#[derive(Debug)]
pub struct CollectionLock {
    _file: File,
}

/// Lists the collections below a folder, by name; none if the folder does not exist.
///
/// # Errors
/// When the folder cannot be listed.
pub fn list_collections(dir: &Path) -> Result<Vec<CollectionFolder>, StoreError> {
    if !dir.exists() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(io_error(dir))? {
        let entry = entry.map_err(io_error(dir))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().join(CURRENT).exists()
            && let Ok(folder) = CollectionFolder::new(dir, &name)
        {
            found.push(folder);
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

impl CollectionFolder {
    /// The folder of a collection, whether it exists or not.
    ///
    /// # Errors
    /// [`StoreError::Name`] when the name could leave the folder.
    pub fn new(dir: &Path, name: &str) -> Result<Self, StoreError> {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || name.len() > 100 || !name.chars().all(fits) {
            return Err(StoreError::Name(name.chars().take(100).collect()));
        }
        Ok(Self { name: name.into(), dir: dir.join(name) })
    }

    /// The folder of a collection that must exist.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when it does not.
    pub fn existing(dir: &Path, name: &str) -> Result<Self, StoreError> {
        let folder = Self::new(dir, name)?;
        match folder.current()? {
            Some(_) => Ok(folder),
            None => Err(StoreError::Missing { name: name.into(), dir: dir.into() }),
        }
    }

    /// The version in service; `None` before the first build.
    ///
    /// # Errors
    /// When the file that names it cannot be read.
    pub fn current(&self) -> Result<Option<String>, StoreError> {
        let path = self.dir.join(CURRENT);
        match fs::read_to_string(&path) {
            Ok(name) => Ok(Some(name.trim().to_string())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io_error(&path)(error)),
        }
    }

    /// The versions kept, oldest first.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    pub fn versions(&self) -> Result<Vec<String>, StoreError> {
        let dir = self.dir.join(VERSIONS);
        let Ok(entries) = fs::read_dir(&dir) else { return Ok(Vec::new()) };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry.map_err(io_error(&dir))?.file_name().to_string_lossy().into_owned();
            if !name.starts_with('.') {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// The folder of a version.
    pub fn version_dir(&self, version: &str) -> PathBuf {
        self.dir.join(VERSIONS).join(version)
    }

    /// Takes the exclusive lock of the collection.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when another process has it.
    pub fn lock(&self) -> Result<CollectionLock, StoreError> {
        fs::create_dir_all(self.dir.join(VERSIONS)).map_err(io_error(&self.dir))?;
        let path = self.dir.join(LOCK);
        let file = File::create(&path).map_err(io_error(&path))?;
        match file.try_lock() {
            Ok(()) => Ok(CollectionLock { _file: file }),
            Err(TryLockError::WouldBlock) => Err(StoreError::Busy(self.name.clone())),
            Err(TryLockError::Error(error)) => Err(io_error(&path)(error)),
        }
    }

    /// Takes the collection out of service and deletes its folder.
    ///
    /// # Errors
    /// When a file cannot be deleted. Out of service it is unless the first one cannot.
    pub fn remove(&self, _lock: CollectionLock) -> Result<(), StoreError> {
        let current = self.dir.join(CURRENT);
        fs::remove_file(&current).map_err(io_error(&current))?;
        fs::remove_dir_all(&self.dir).map_err(io_error(&self.dir))
    }

    /// Creates an empty folder for a new version, and removes what interrupted builds left.
    ///
    /// # Errors
    /// When a file cannot be changed.
    pub fn begin(&self, _lock: &CollectionLock, version: &str) -> Result<PathBuf, StoreError> {
        let dir = self.dir.join(VERSIONS);
        for entry in fs::read_dir(&dir).map_err(io_error(&dir))?.flatten() {
            if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
                fs::remove_dir_all(entry.path()).map_err(io_error(&entry.path()))?;
            }
        }
        let unfinished = dir.join(format!("{UNFINISHED}{version}"));
        fs::create_dir(&unfinished).map_err(io_error(&unfinished))?;
        Ok(unfinished)
    }

    /// Completes a version that was written to `unfinished`: checksums, manifest, sync, rename, current.
    ///
    /// # Errors
    /// When a file cannot be written; the previous version stays current.
    pub fn commit(
        &self,
        lock: &CollectionLock,
        unfinished: &Path,
        mut manifest: VersionManifest,
    ) -> Result<VersionManifest, StoreError> {
        manifest.files = checksums(unfinished).map_err(io_error(unfinished))?;
        let json = serde_json::to_string_pretty(&manifest)
            .map_err(|error| StoreError::Io { path: unfinished.join(MANIFEST), error: error.into() })?;
        fs::write(unfinished.join(MANIFEST), json).map_err(io_error(unfinished))?;
        sync_tree(unfinished).map_err(io_error(unfinished))?;
        let version_dir = self.version_dir(&manifest.version);
        fs::rename(unfinished, &version_dir).map_err(io_error(&version_dir))?;
        self.make_current(lock, &manifest.version)?;
        Ok(manifest)
    }

    /// Puts a kept version into service.
    ///
    /// # Errors
    /// When a file cannot be changed.
    pub fn make_current(&self, _lock: &CollectionLock, version: &str) -> Result<(), StoreError> {
        let path = self.dir.join(CURRENT);
        File::open(self.dir.join(VERSIONS))
            .and_then(|dir| dir.sync_all())
            .and_then(|()| replace(&path, version))
            .map_err(io_error(&path))
    }

    /// Removes the oldest versions and keeps `keep` of them; never removes the current one.
    ///
    /// # Errors
    /// When a file cannot be changed.
    pub fn prune(&self, _lock: &CollectionLock, keep: usize) -> Result<(), StoreError> {
        let current = self.current()?;
        let mut versions = self.versions()?;
        versions.retain(|version| Some(version) != current.as_ref());
        let surplus = versions.len().saturating_sub(keep.saturating_sub(1));
        for version in versions.into_iter().take(surplus) {
            let dir = self.version_dir(&version);
            fs::remove_dir_all(&dir).map_err(io_error(&dir))?;
        }
        Ok(())
    }

    /// Reads a version's manifest and checks its format and model; `model: None` accepts any model.
    ///
    /// # Errors
    /// [`StoreError`] with the reason why the version must not be loaded.
    pub fn manifest(&self, version: &str, model: Option<&ModelId>) -> Result<VersionManifest, StoreError> {
        let damaged = |what: String| self.damaged(version, what);
        let json = fs::read_to_string(self.version_dir(version).join(MANIFEST))
            .map_err(|error| damaged(format!("{MANIFEST}: {error}")))?;
        let any: serde_json::Value =
            serde_json::from_str(&json).map_err(|error| damaged(format!("{MANIFEST}: {error}")))?;
        let found = any.get("format").and_then(serde_json::Value::as_u64).unwrap_or(0);
        if found != u64::from(FORMAT) {
            let found = u32::try_from(found).unwrap_or(u32::MAX);
            return Err(StoreError::Format { collection: self.name.clone(), version: version.into(), found });
        }
        let manifest: VersionManifest =
            serde_json::from_value(any).map_err(|error| damaged(format!("{MANIFEST}: {error}")))?;
        if let Some(model) = model.filter(|model| **model != manifest.model) {
            let name =
                |id: &ModelId| format!("{} ({} dimensions, {:.12})", id.name, id.dimensions, id.sha256);
            return Err(StoreError::Model {
                collection: self.name.clone(),
                version: version.into(),
                found: name(&manifest.model),
                expected: name(model),
            });
        }
        Ok(manifest)
    }

    /// Reads the documents and chunks of a version.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when they cannot be read.
    pub fn records(&self, version: &str) -> Result<VersionRecords, StoreError> {
        VersionRecords::read(&self.version_dir(version)).map_err(|what| self.damaged(version, what))
    }

    pub(crate) fn damaged(&self, version: &str, what: String) -> StoreError {
        StoreError::Damaged { collection: self.name.clone(), version: version.into(), what }
    }
}
