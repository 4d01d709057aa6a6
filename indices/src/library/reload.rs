use std::{
    collections::{BTreeMap, HashSet},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::{Duration, Instant},
};

use hoidap_shared::{config::Config, job::Passage};

use tracing::{info, warn};

use super::{
    CollectionInfo, ReloadEvent,
    loaded_collection::{LoadedCollection, any_document_holds},
};
use crate::{
    embed::EmbedError,
    hashing::sha256,
    lexical::Analyser,
    model::ModelId,
    store::{self, CollectionFolder, StoreError},
    text::{Abbreviations, SiblingNames, TextModel, WordCounts},
};

/// How long a replaced version is kept for passages that another process found in it. Processes notice a new version within
/// `indices.reload_ms` of each other.
const REPLACED_KEPT: Duration = Duration::from_secs(10);

/// All collections below one folder. Many threads may search at once; [`Library::reload`] swaps in new versions.
pub struct Library {
    dir: PathBuf,
    /// Collections that are pinned to one version, whichever is current.
    pinned: BTreeMap<String, String>,
    model: ModelId,
    abbreviations: Abbreviations,
    pub(super) max_passage_chars: usize,
    /// Whether versions are replaced while the process runs (`indices.reload_ms` is not 0).
    pub(super) reloads: bool,
    pub(super) analyser: Analyser,
    snapshot: RwLock<Arc<Snapshot>>,
    /// Held while a reload runs, so that a version is loaded once.
    reloading: Mutex<()>,
}

/// A version on disk that is not in service.
#[derive(Clone)]
struct RefusedVersion {
    version: String,
    /// Why it is refused, in one sentence.
    reason: String,
}

/// The collections in service at one moment.
#[derive(Default)]
pub(super) struct Snapshot {
    pub(super) collections: BTreeMap<String, Arc<LoadedCollection>>,
    /// Versions that were just replaced, and when.
    replaced: Vec<(Instant, Arc<LoadedCollection>)>,
    /// Refused versions, by collection.
    refused: BTreeMap<String, RefusedVersion>,
    text: Arc<TextModel>,
}

impl Snapshot {
    /// The collection that has a passage's chunk: the one in service, or one that it has just replaced.
    pub(super) fn holder_of(&self, passage: &Passage) -> Option<(&Arc<LoadedCollection>, usize)> {
        let replaced = self.replaced.iter().map(|(_, collection)| collection);
        let same = replaced.filter(|collection| collection.manifest.version == passage.version);
        self.collections
            .get(&passage.collection)
            .into_iter()
            .chain(same)
            .find_map(|collection| Some((collection, *collection.chunk_by_id.get(&passage.chunk_id)?)))
    }

    /// The versions to keep beside `next`: those that it replaces, and those that were replaced a moment ago.
    fn recently_replaced(&self, next: &Self) -> Vec<(Instant, Arc<LoadedCollection>)> {
        let now = Instant::now();
        let replaced = self
            .collections
            .iter()
            .filter(|(name, old)| next.collections.get(*name).is_some_and(|new| !Arc::ptr_eq(new, old)));
        let recent = self.replaced.iter().filter(|(since, _)| now.duration_since(*since) < REPLACED_KEPT);
        recent.cloned().chain(replaced.map(|(_, old)| (now, Arc::clone(old)))).collect()
    }
}

impl Library {
    /// Opens every collection's current version. Damaged ones are refused (see [`Library::collections`]); the others are served.
    ///
    /// # Errors
    /// When the configured embedding model cannot be identified, or a file of its folder cannot be read.
    pub fn open(config: &Config) -> Result<Self, EmbedError> {
        let library = Self {
            dir: config.indices.dir.clone(),
            pinned: config.indices.versions.clone(),
            model: ModelId::configured(&config.embedding)?,
            abbreviations: Abbreviations::with_site(&config.abbreviations),
            max_passage_chars: config.retriever.max_passage_chars,
            reloads: config.indices.reload_ms > 0,
            analyser: Analyser::default(),
            snapshot: RwLock::default(),
            reloading: Mutex::default(),
        };
        library.reload();
        Ok(library)
    }

    /// Loads a version as a worker would, and drops it.
    ///
    /// # Errors
    /// [`StoreError`] with the reason why it cannot be served.
    pub fn check(folder: &CollectionFolder, version: &str, model: &ModelId) -> Result<(), StoreError> {
        LoadedCollection::open(folder, version, model).map(|_| ())
    }

    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the disk again and swaps in new current versions. Running searches continue with their versions. It is cheap when
    /// nothing changed: it reads one small file for each collection.
    pub fn reload(&self) -> Vec<ReloadEvent> {
        let _one_at_a_time = self.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.snapshot();
        let mut next = Snapshot::default();
        let mut events = Vec::new();
        // If the folder cannot be listed for a moment, everything stays in service.
        let Ok(folders) = store::list_collections(&self.dir) else { return events };
        for folder in &folders {
            self.reload_collection(folder, &before, &mut next, &mut events);
        }
        for (name, version) in &self.pinned {
            if folders.iter().all(|folder| folder.name != *name) {
                let missing = StoreError::Missing { name: name.clone(), dir: self.dir.clone() };
                next.refused.insert(
                    name.clone(),
                    RefusedVersion { version: version.clone(), reason: missing.to_string() },
                );
            }
        }
        for name in
            before.collections.keys().filter(|name| folders.iter().all(|folder| folder.name != **name))
        {
            events.push(ReloadEvent::Removed { collection: name.clone() });
        }
        next.replaced = before.recently_replaced(&next);
        let changed = events.iter().any(|event| !matches!(event, ReloadEvent::Refused { .. }));
        next.text = if changed || before.collections.is_empty() {
            self.text_of(&next)
        } else {
            Arc::clone(&before.text)
        };
        *self.snapshot.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
        events
    }

    /// Reloads, and logs what changed.
    pub fn reload_and_log(&self) {
        for event in self.reload() {
            match event {
                ReloadEvent::Refused { collection, reason } => {
                    warn!(collection, reason, "a new version was refused")
                }
                other => info!(?other, "collections"),
            }
        }
    }

    fn reload_collection(
        &self,
        folder: &CollectionFolder,
        before: &Snapshot,
        next: &mut Snapshot,
        events: &mut Vec<ReloadEvent>,
    ) {
        let name = folder.name.clone();
        let serving = before.collections.get(&name);
        let keep =
            |next: &mut Snapshot| serving.map(|old| next.collections.insert(name.clone(), Arc::clone(old)));
        let version = match (self.pinned.get(&name), folder.current()) {
            (Some(pinned), _) => pinned.clone(),
            (None, Ok(Some(version))) => version,
            // The file existed a moment ago: keep what is in service.
            (None, Ok(None) | Err(_)) => {
                keep(next);
                return;
            }
        };
        if serving.is_some_and(|old| old.manifest.version == version) {
            keep(next);
            return;
        }
        if let Some(refusal) = before.refused.get(&name).filter(|refused| refused.version == version) {
            next.refused.insert(name.clone(), refusal.clone());
            keep(next);
            return;
        }
        match self.open_version(folder, &version) {
            Ok(collection) => {
                next.collections.insert(name.clone(), Arc::new(collection));
                events.push(ReloadEvent::Loaded { collection: name, version });
            }
            Err(error) => {
                let reason = error.to_string();
                next.refused.insert(name.clone(), RefusedVersion { version, reason: reason.clone() });
                let fallback = keep(next).is_none() && serving.is_none();
                if fallback {
                    self.fall_back(folder, next, events);
                }
                events.push(ReloadEvent::Refused { collection: name, reason });
            }
        }
    }

    fn open_version(&self, folder: &CollectionFolder, version: &str) -> Result<LoadedCollection, StoreError> {
        let kept = folder.versions()?;
        if self.pinned.contains_key(&folder.name) && kept.iter().all(|known| known != version) {
            return Err(StoreError::NoVersion {
                collection: folder.name.clone(),
                wanted: version.into(),
                kept: kept.join(", "),
            });
        }
        LoadedCollection::open(folder, version, &self.model)
    }

    /// Loads the newest intact version, for a process that starts while the current version is damaged.
    fn fall_back(&self, folder: &CollectionFolder, next: &mut Snapshot, events: &mut Vec<ReloadEvent>) {
        let refused = next.refused.get(&folder.name).map(|refused| refused.version.clone());
        for version in folder.versions().unwrap_or_default().into_iter().rev() {
            if Some(&version) == refused.as_ref() {
                continue;
            }
            if let Ok(collection) = LoadedCollection::open(folder, &version, &self.model) {
                next.collections.insert(folder.name.clone(), Arc::new(collection));
                events.push(ReloadEvent::Loaded { collection: folder.name.clone(), version });
                return;
            }
        }
    }

    /// Every collection on disk, whether in service or refused, by name.
    pub fn collections(&self) -> Vec<CollectionInfo> {
        let snapshot = self.snapshot();
        let refusal = |name: &str| snapshot.refused.get(name).map(|refused| refused.reason.clone());
        let mut all: Vec<CollectionInfo> =
            snapshot.collections.iter().map(|(name, collection)| collection.info(refusal(name))).collect();
        for (name, RefusedVersion { reason, .. }) in &snapshot.refused {
            if !snapshot.collections.contains_key(name) {
                all.push(CollectionInfo {
                    name: name.clone(),
                    refusal: Some(reason.clone()),
                    ..CollectionInfo::default()
                });
            }
        }
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// The documents in service, without withdrawn ones: collection, and path as it was indexed.
    pub fn documents(&self) -> HashSet<(String, String)> {
        let snapshot = self.snapshot();
        let documents = snapshot.collections.iter().flat_map(|(name, serving)| {
            let found = serving.records.documents.iter().filter(|document| !document.withdrawn);
            found.map(move |document| (name.clone(), document.source.clone()))
        });
        documents.collect()
    }

    /// One hash over the names and versions in service.
    pub fn version(&self) -> String {
        let snapshot = self.snapshot();
        let lines: Vec<String> =
            snapshot.collections.iter().map(|(name, c)| format!("{name} {}", c.manifest.version)).collect();
        sha256(lines.join("\n"))[..16].to_string()
    }

    /// The text model of all collections in service.
    pub fn text(&self) -> Arc<TextModel> {
        Arc::clone(&self.snapshot().text)
    }

    /// Builds the text model of the collections. An abbreviation that a document contains as a word is ambiguous.
    fn text_of(&self, snapshot: &Snapshot) -> Arc<TextModel> {
        let (mut words, mut siblings) = (WordCounts::default(), SiblingNames::default());
        for collection in snapshot.collections.values() {
            words.merge(&collection.words);
            siblings.merge(&collection.siblings);
        }
        let collections: Vec<_> = snapshot.collections.values().map(Arc::clone).collect();
        // A search reports an index that cannot be read.
        let used = |short: &str| {
            any_document_holds(&collections, &self.analyser.document(short).folded).unwrap_or(false)
        };
        let abbreviations = self.abbreviations.clone().with_ambiguous(used).with_initials_of(&words, used);
        let model = TextModel::with_abbreviations(words, abbreviations);
        Arc::new(model.with_sibling_names(siblings))
    }
}
