use std::{fs, path::Path};

use super::{CollectionInfo, hubs::Hubs, identifiers::Held};
use crate::{
    embed::ModelId,
    lexical::Lexical,
    store::{
        CollectionFolder, EMBEDDINGS, Groups, LEXICAL, Manifest, Records, Rows, StoreError, Tokens, VECTORS,
        WORDS,
    },
    text::{Siblings, Words},
    vectors::{Dense, Filter},
};

/// One version of a collection in service. Never changes; a reload replaces it as a whole.
pub(super) struct Collection {
    pub(super) manifest: Manifest,
    pub(super) records: Records,
    /// Chunks of each document.
    pub(super) lengths: Vec<usize>,
    pub(super) groups: Groups,
    pub(super) words: Words,
    pub(super) dense: Dense,
    pub(super) hubs: Hubs,
    /// The vector of each chunk.
    pub(super) embeddings: Rows,
    pub(super) tokens: Tokens,
    pub(super) lexical: Lexical,
    pub(super) identifiers: Held,
    pub(super) siblings: Siblings,
}

impl Collection {
    /// Loads a version once every checksum was compared.
    pub(super) fn open(
        folder: &CollectionFolder,
        version: &str,
        model: &ModelId,
    ) -> Result<Self, StoreError> {
        let manifest = folder.manifest(version, Some(model))?;
        folder.verify(&manifest)?;
        let dir = folder.version_dir(version);
        Self::load(manifest, &dir).map_err(|what| folder.damaged(version, what))
    }

    fn load(manifest: Manifest, dir: &Path) -> Result<Self, String> {
        let records = Records::read(dir)?;
        let (withdrawn, chunks) = (records.count_withdrawn(), records.chunks.len());
        let documents = records.documents.len() - withdrawn.documents;
        if (documents, chunks - withdrawn.chunks, withdrawn)
            != (manifest.documents, manifest.chunks, manifest.withdrawn)
        {
            return Err("it holds other numbers of documents and chunks than its manifest says".into());
        }
        let words = fs::read(dir.join(WORDS)).map_err(|error| format!("{WORDS}: {error}"))?;
        let words = serde_json::from_slice(&words).map_err(|error| format!("{WORDS}: {error}"))?;
        let mut lengths = vec![0; records.documents.len()];
        records.chunks.iter().for_each(|chunk| lengths[chunk.document] += 1);
        let groups = records.groups();
        let dense = Dense::open(&dir.join(VECTORS), manifest.model.dimensions, groups.of_chunk.clone())?;
        let hubs = Hubs::open(dir, manifest.model.dimensions, chunks)?;
        let embeddings = Rows::open(&dir.join(EMBEDDINGS), manifest.model.dimensions);
        let embeddings = embeddings.map_err(|error| format!("{EMBEDDINGS}: {error}"))?;
        let tokens = Tokens::open(dir, chunks)?;
        let lexical = Lexical::open(&dir.join(LEXICAL), chunks)?;
        let identifiers = Held::of(&records);
        let mut siblings = Siblings::default();
        let in_service = records.chunks.iter().enumerate().filter(|(place, _)| !records.withdrawn(*place));
        in_service.for_each(|(_, chunk)| siblings.add(records.text(chunk)));
        Ok(Self {
            manifest,
            records,
            lengths,
            groups,
            words,
            dense,
            hubs,
            embeddings,
            tokens,
            lexical,
            identifiers,
            siblings,
        })
    }

    /// The groups that belong to a product and section; `None` when all do.
    pub(super) fn filter(&self, product: Option<&str>, section: Option<&str>) -> Option<Filter> {
        let passes =
            |wanted: Option<&str>, found: &Option<String>| wanted.is_none_or(|w| found.as_deref() == Some(w));
        let keys = &self.groups.keys;
        let filter: Filter = (0..keys.len())
            .filter(|&i| passes(product, &keys[i].0) && passes(section, &keys[i].1))
            .filter_map(|i| u16::try_from(i).ok())
            .collect();
        (filter.len() < keys.len()).then_some(filter)
    }

    pub(super) fn info(&self, refusal: Option<String>) -> CollectionInfo {
        let m = &self.manifest;
        CollectionInfo {
            name: m.collection.clone(),
            product: m.source.product.clone(),
            section: m.source.section.clone(),
            locales: m.locales.clone(),
            version: Some(m.version.clone()),
            documents: m.documents,
            chunks: m.chunks,
            refusal,
        }
    }
}
