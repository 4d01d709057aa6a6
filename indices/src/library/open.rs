use std::{
    collections::{BTreeMap, HashSet},
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
};

use hoidap_shared::config::Config;

use super::{CollectionInfo, ReloadEvent, collection::Collection, support::mentioned};
use crate::{
    cross_attention::CrossAttention,
    embed::{EmbedError, ModelId},
    lexical::Analyser,
    store::{self, CollectionFolder, StoreError, sha256},
    text::{Abbreviations, Siblings, TextModel, Words},
};

/// All collections below one folder. Searches may run from many threads; [`Library::reload`] swaps in new versions.
pub struct Library {
    dir: PathBuf,
    /// Collections that are served in one version, whichever is current.
    pinned: BTreeMap<String, String>,
    model: ModelId,
    abbreviations: Abbreviations,
    pub(super) max_passage_chars: usize,
    pub(super) cross_attention: Option<Arc<CrossAttention>>,
    pub(super) analyser: Analyser,
    shelf: RwLock<Arc<Shelf>>,
}

/// What is in service at one moment.
#[derive(Default)]
pub(super) struct Shelf {
    pub(super) collections: BTreeMap<String, Arc<Collection>>,
    /// Versions on disk that are not in service: version and sentence.
    refused: BTreeMap<String, (String, String)>,
    text: Arc<TextModel>,
}

impl Library {
    /// Opens every collection's current version. What is damaged is refused (see [`Library::collections`]), the others
    /// serve.
    ///
    /// # Errors
    /// When the configured embedding model cannot be identified, or a file of its folder cannot be read.
    pub fn open(config: &Config) -> Result<Self, EmbedError> {
        let library = Self {
            dir: config.indices.dir.clone(),
            pinned: config.indices.versions.clone(),
            model: ModelId::configured(&config.embedding)?,
            abbreviations: Abbreviations::with(&config.abbreviations),
            max_passage_chars: config.retriever.max_passage_chars,
            cross_attention: CrossAttention::configured(&config.embedding)?,
            analyser: Analyser::default(),
            shelf: RwLock::default(),
        };
        library.reload();
        Ok(library)
    }

    /// Loads a version as a worker would, and lets it go.
    ///
    /// # Errors
    /// [`StoreError`] saying why it cannot serve.
    pub fn check(folder: &CollectionFolder, version: &str, model: &ModelId) -> Result<(), StoreError> {
        Collection::open(folder, version, model).map(|_| ())
    }

    pub(super) fn shelf(&self) -> Arc<Shelf> {
        Arc::clone(&self.shelf.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Looks at the disk again and swaps in new current versions; searches that run go on with the ones they have.
    /// Cheap when nothing changed: it reads one small file for each collection.
    pub fn reload(&self) -> Vec<ReloadEvent> {
        let before = self.shelf();
        let mut next = Shelf::default();
        let mut events = Vec::new();
        // A folder that cannot be listed for a moment takes nothing out of service.
        let Ok(folders) = store::list(&self.dir) else { return events };
        for folder in &folders {
            self.look_at(folder, &before, &mut next, &mut events);
        }
        for (name, version) in &self.pinned {
            if folders.iter().all(|folder| folder.name != *name) {
                let missing = StoreError::Missing { name: name.clone(), dir: self.dir.clone() };
                next.refused.insert(name.clone(), (version.clone(), missing.to_string()));
            }
        }
        for name in
            before.collections.keys().filter(|name| folders.iter().all(|folder| folder.name != **name))
        {
            events.push(ReloadEvent::Removed { collection: name.clone() });
        }
        let changed = events.iter().any(|event| !matches!(event, ReloadEvent::Refused { .. }));
        next.text = if changed || before.collections.is_empty() {
            self.text_of(&next)
        } else {
            Arc::clone(&before.text)
        };
        *self.shelf.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
        events
    }

    fn look_at(
        &self,
        folder: &CollectionFolder,
        before: &Shelf,
        next: &mut Shelf,
        events: &mut Vec<ReloadEvent>,
    ) {
        let name = folder.name.clone();
        let serving = before.collections.get(&name);
        let keep =
            |next: &mut Shelf| serving.map(|old| next.collections.insert(name.clone(), Arc::clone(old)));
        let version = match (self.pinned.get(&name), folder.current()) {
            (Some(pinned), _) => pinned.clone(),
            (None, Ok(Some(version))) => version,
            // Its file was there a moment ago.
            (None, Ok(None) | Err(_)) => {
                keep(next);
                return;
            }
        };
        if serving.is_some_and(|old| old.manifest.version == version) {
            keep(next);
            return;
        }
        if let Some(refusal) = before.refused.get(&name).filter(|(refused, _)| *refused == version) {
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
                next.refused.insert(name.clone(), (version, reason.clone()));
                let fallback = keep(next).is_none() && serving.is_none();
                if fallback {
                    self.fall_back(folder, next, events);
                }
                events.push(ReloadEvent::Refused { collection: name, reason });
            }
        }
    }

    fn open_version(&self, folder: &CollectionFolder, version: &str) -> Result<Collection, StoreError> {
        let kept = folder.versions()?;
        if self.pinned.contains_key(&folder.name) && kept.iter().all(|known| known != version) {
            return Err(StoreError::NoVersion {
                collection: folder.name.clone(),
                wanted: version.into(),
                kept: kept.join(", "),
            });
        }
        Collection::open(folder, version, &self.model)
    }

    /// A process that starts while the current version is damaged serves the newest kept one that is whole.
    fn fall_back(&self, folder: &CollectionFolder, next: &mut Shelf, events: &mut Vec<ReloadEvent>) {
        let refused = next.refused.get(&folder.name).map(|(version, _)| version.clone());
        for version in folder.versions().unwrap_or_default().into_iter().rev() {
            if Some(&version) == refused.as_ref() {
                continue;
            }
            if let Ok(collection) = Collection::open(folder, &version, &self.model) {
                next.collections.insert(folder.name.clone(), Arc::new(collection));
                events.push(ReloadEvent::Loaded { collection: folder.name.clone(), version });
                return;
            }
        }
    }

    /// Every collection on disk, whether in service or refused, by name.
    pub fn collections(&self) -> Vec<CollectionInfo> {
        let shelf = self.shelf();
        let refusal = |name: &str| shelf.refused.get(name).map(|(_, reason)| reason.clone());
        let mut all: Vec<CollectionInfo> =
            shelf.collections.iter().map(|(name, collection)| collection.info(refusal(name))).collect();
        for (name, (_, reason)) in &shelf.refused {
            if !shelf.collections.contains_key(name) {
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

    /// The documents in service: the collection of each, and its path as it was indexed.
    pub fn documents(&self) -> HashSet<(String, String)> {
        let shelf = self.shelf();
        let documents = shelf.collections.iter().flat_map(|(name, serving)| {
            let found = serving.records.documents.iter().filter(|document| !document.withdrawn);
            found.map(move |document| (name.clone(), document.source.clone()))
        });
        documents.collect()
    }

    /// One hash over the names and versions in service, and what their passages are read with.
    pub fn version(&self) -> String {
        let shelf = self.shelf();
        let mut lines: Vec<String> =
            shelf.collections.iter().map(|(name, c)| format!("{name} {}", c.manifest.version)).collect();
        lines.extend(self.cross_attention.as_ref().map(|weights| weights.sha256.clone()));
        sha256(lines.join("\n"))[..16].to_string()
    }

    /// What is known of the words of all collections in service.
    pub fn text(&self) -> Arc<TextModel> {
        Arc::clone(&self.shelf().text)
    }

    /// What is known of the words of the collections. An abbreviation whose letters a document holds is doubtful.
    fn text_of(&self, shelf: &Shelf) -> Arc<TextModel> {
        let (mut words, mut siblings) = (Words::default(), Siblings::default());
        for collection in shelf.collections.values() {
            words.merge(&collection.words);
            siblings.merge(&collection.siblings);
        }
        let collections: Vec<_> = shelf.collections.values().map(Arc::clone).collect();
        // Where that cannot be read, the search says so.
        let used =
            |short: &str| mentioned(&collections, &self.analyser.document(short).folded).unwrap_or(false);
        let model = TextModel::abbreviating(words, self.abbreviations.clone().doubting(used));
        Arc::new(model.with_siblings(siblings))
    }
}
