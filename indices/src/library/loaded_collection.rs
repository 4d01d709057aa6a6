use std::{collections::HashMap, fs, io, path::Path, sync::Arc};

use tantivy::TantivyError;

use super::{CollectionInfo, hubness::HubnessCorrection, identifier_index::IdentifierIndex};
use crate::{
    dense_index::DenseIndex,
    late_interaction::PassageTokens,
    lexical::LexicalIndex,
    model::ModelId,
    store::{
        CollectionFolder, EMBEDDINGS, FilterGroups, GroupFilter, LEXICAL, StoreError, TokenVectorFile,
        VECTORS, VectorFile, VersionManifest, VersionRecords, WORDS,
    },
    text::{SiblingNames, WordCounts},
};

/// One loaded version of a collection. It never changes; a reload replaces it as a whole.
pub(super) struct LoadedCollection {
    pub(super) manifest: VersionManifest,
    pub(super) records: VersionRecords,
    /// The index of each chunk, by its id.
    pub(super) chunk_by_id: HashMap<String, usize>,
    /// Number of chunks of each document.
    pub(super) chunks_per_document: Vec<usize>,
    pub(super) groups: FilterGroups,
    pub(super) words: WordCounts,
    pub(super) dense: DenseIndex,
    pub(super) hubness: HubnessCorrection,
    /// The vector of each chunk.
    pub(super) embeddings: VectorFile,
    pub(super) tokens: TokenVectorFile,
    pub(super) lexical: LexicalIndex,
    pub(super) identifiers: IdentifierIndex,
    pub(super) siblings: SiblingNames,
}

impl LoadedCollection {
    /// Verifies every checksum of a version, then loads it.
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

    fn load(manifest: VersionManifest, dir: &Path) -> Result<Self, String> {
        let records = VersionRecords::read(dir)?;
        let (withdrawn, chunks) = (records.count_withdrawn(), records.chunks.len());
        let documents = records.documents.len() - withdrawn.documents;
        if (documents, chunks - withdrawn.chunks, withdrawn)
            != (manifest.documents, manifest.chunks, manifest.withdrawn)
        {
            return Err("its numbers of documents and chunks differ from the manifest".into());
        }
        let words = fs::read(dir.join(WORDS)).map_err(|error| format!("{WORDS}: {error}"))?;
        let words = serde_json::from_slice(&words).map_err(|error| format!("{WORDS}: {error}"))?;
        let mut chunks_per_document = vec![0; records.documents.len()];
        records.chunks.iter().for_each(|chunk| chunks_per_document[chunk.document] += 1);
        let ids = records.chunks.iter().enumerate().map(|(index, chunk)| (chunk.id.clone(), index));
        let chunk_by_id = ids.collect();
        let groups = records.groups();
        let dense = DenseIndex::open(&dir.join(VECTORS), manifest.model.dimensions, groups.of_chunk.clone())?;
        let hubness = HubnessCorrection::open(dir, manifest.model.dimensions, chunks)?;
        let embeddings = VectorFile::open(&dir.join(EMBEDDINGS), manifest.model.dimensions);
        let embeddings = embeddings.map_err(|error| format!("{EMBEDDINGS}: {error}"))?;
        let tokens = TokenVectorFile::open(dir, chunks)?;
        let lexical = LexicalIndex::open(&dir.join(LEXICAL), chunks)?;
        let identifiers = IdentifierIndex::of(&records);
        let mut siblings = SiblingNames::default();
        let in_service = records.chunks.iter().enumerate().filter(|(index, _)| !records.withdrawn(*index));
        in_service.for_each(|(_, chunk)| siblings.add(records.text(chunk)));
        Ok(Self {
            manifest,
            records,
            chunk_by_id,
            chunks_per_document,
            groups,
            words,
            dense,
            hubness,
            embeddings,
            tokens,
            lexical,
            identifiers,
            siblings,
        })
    }

    /// The token vectors of a chunk.
    pub(super) fn passage_tokens(&self, chunk: usize) -> io::Result<PassageTokens> {
        Ok(PassageTokens::unpack(&self.tokens.read(chunk)?, self.manifest.token_dimensions))
    }

    /// The groups of a product and section; `None` when all groups match.
    pub(super) fn filter(&self, product: Option<&str>, section: Option<&str>) -> Option<GroupFilter> {
        let passes =
            |wanted: Option<&str>, found: &Option<String>| wanted.is_none_or(|w| found.as_deref() == Some(w));
        let keys = &self.groups.keys;
        let filter: GroupFilter = (0..keys.len())
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

/// Whether a document in service contains any of the folded words.
pub(super) fn any_document_holds(
    collections: &[Arc<LoadedCollection>],
    terms: &[String],
) -> Result<bool, TantivyError> {
    for collection in collections {
        for term in terms {
            if collection.lexical.mentions(term, |chunk| !collection.records.withdrawn(chunk))? {
                return Ok(true);
            }
        }
    }
    Ok(false)
}
