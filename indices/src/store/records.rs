use std::{
    fs,
    io::{self, BufWriter, Write},
    ops::Range,
    path::Path,
};

use hoidap_shared::job::{Cut, LineKind, Passage, Ranks};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{CHUNKS, DOCUMENTS, WithdrawnCounts};
use crate::char_offsets::CharOffsets;

/// A stored document. Citations refer to its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentRecord {
    /// Its path as it was indexed.
    pub source: String,
    /// Its URL on the site.
    pub url: String,
    /// Its title.
    pub title: String,
    /// Its locale.
    pub locale: String,
    /// Its product.
    pub product: Option<String>,
    /// Its section.
    pub section: Option<String>,
    /// SHA-256 of its file, in hexadecimal.
    pub hash: String,
    /// Whether it was withdrawn: then it is never found, and only counts in the statistics of the ranking.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub withdrawn: bool,
    /// The whole extracted text.
    pub text: String,
}

/// A sentence, list item or table row of a chunk; stored as four numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "[u32; 4]", into = "[u32; 4]")]
pub struct ChunkSentence {
    /// Its range in the chunk's text, in characters.
    pub characters: Range<u32>,
    /// Its range in the chunk's token vectors.
    pub tokens: Range<u32>,
}

impl From<[u32; 4]> for ChunkSentence {
    fn from([start, end, first, last]: [u32; 4]) -> Self {
        Self { characters: start..end, tokens: first..last }
    }
}

impl From<ChunkSentence> for [u32; 4] {
    fn from(ChunkSentence { characters, tokens }: ChunkSentence) -> Self {
        [characters.start, characters.end, tokens.start, tokens.end]
    }
}

/// A stored chunk. Its text is the document's text from `start` to `end`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkRecord {
    /// Its id; it stays the same as long as the document's path and the chunk's text do.
    pub id: String,
    /// Index of its document in the version.
    pub document: usize,
    /// Where it starts, in characters.
    pub start: usize,
    /// Where it ends, in characters, exclusive.
    pub end: usize,
    /// The headings above it, outermost first.
    pub heading_path: Vec<String>,
    /// What each of its lines is; empty for a document without structure.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<LineKind>,
    /// For each heading among its lines, the number of headings that stay above it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub heading_depths: Vec<u8>,
    /// Of a chunk with headings among its lines: the number of tokens up to the end of its title and of each heading of its path.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub heading_tokens: Vec<u32>,
    /// What its first and last list or table lack.
    #[serde(default, skip_serializing_if = "Cut::is_none")]
    pub cut: Cut,
    /// SHA-256 of the text that was embedded, in hexadecimal.
    pub embedded: String,
    /// Its sentences, in the order of its text.
    pub segments: Vec<ChunkSentence>,
    /// Its range in the document's text, in bytes.
    #[serde(skip)]
    pub bytes: Range<usize>,
}

/// The documents and chunks of a version. The chunks have the order of the vectors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VersionRecords {
    /// Its documents.
    pub documents: Vec<DocumentRecord>,
    /// Its chunks, document by document.
    pub chunks: Vec<ChunkRecord>,
}

impl VersionRecords {
    /// Whether a chunk's document was withdrawn.
    pub(crate) fn withdrawn(&self, chunk: usize) -> bool {
        self.documents[self.chunks[chunk].document].withdrawn
    }

    /// Number of withdrawn documents and of their chunks.
    pub(crate) fn count_withdrawn(&self) -> WithdrawnCounts {
        WithdrawnCounts {
            documents: self.documents.iter().filter(|document| document.withdrawn).count(),
            chunks: (0..self.chunks.len()).filter(|&chunk| self.withdrawn(chunk)).count(),
        }
    }

    /// A chunk's text.
    pub fn text(&self, chunk: &ChunkRecord) -> &str {
        &self.documents[chunk.document].text[chunk.bytes.clone()]
    }

    /// A chunk as a passage with its whole text, without score, ranks and sentence scores.
    pub fn passage(&self, chunk: &ChunkRecord, collection: &str, version: &str) -> Passage {
        let document = &self.documents[chunk.document];
        Passage {
            chunk_id: chunk.id.clone(),
            collection: collection.into(),
            version: version.into(),
            text: self.text(chunk).into(),
            lines: chunk.lines.clone(),
            heading_depths: chunk.heading_depths.clone(),
            cut: chunk.cut.clone(),
            score: 0.0,
            similarity: None,
            ranks: Ranks { dense: None, lexical: None, fused: None },
            url: document.url.clone(),
            source: document.source.clone(),
            title: document.title.clone(),
            heading_path: chunk.heading_path.clone(),
            start: chunk.start,
            end: chunk.end,
            locale: document.locale.clone(),
            product: document.product.clone(),
            section: document.section.clone(),
            document_hash: document.hash.clone(),
            sentences: Vec::new(),
        }
    }

    /// Computes each chunk's byte range.
    ///
    /// # Errors
    /// A sentence when a chunk does not lie in its document.
    pub(crate) fn resolve(&mut self) -> Result<(), String> {
        let mut open: Option<(usize, CharOffsets<'_>)> = None;
        for chunk in &mut self.chunks {
            let document =
                self.documents.get(chunk.document).ok_or("a chunk names a document that is not there")?;
            if open.as_ref().is_none_or(|(of, _)| *of != chunk.document) {
                open = Some((chunk.document, CharOffsets::new(&document.text)));
            }
            let Some((_, offsets)) = open.as_mut() else { continue };
            chunk.bytes = offsets.byte(chunk.start)..offsets.byte(chunk.end);
            if chunk.bytes.is_empty() {
                return Err(format!("chunk {} lies outside of its document", chunk.id));
            }
        }
        Ok(())
    }

    pub(crate) fn write(&self, dir: &Path) -> io::Result<()> {
        write_lines(&dir.join(DOCUMENTS), &self.documents)?;
        write_lines(&dir.join(CHUNKS), &self.chunks)
    }

    pub(crate) fn read(dir: &Path) -> Result<Self, String> {
        let mut records =
            Self { documents: read_lines(&dir.join(DOCUMENTS))?, chunks: read_lines(&dir.join(CHUNKS))? };
        records.resolve()?;
        Ok(records)
    }
}

/// The groups of chunks that a filter lets through; see [`FilterGroups`].
pub(crate) type GroupFilter = Vec<u16>;

/// Groups of chunks with the same product and section, for filters.
#[derive(Clone, Debug, Default)]
pub struct FilterGroups {
    /// Product and section of each group.
    pub keys: Vec<(Option<String>, Option<String>)>,
    /// The group of each chunk.
    pub of_chunk: Vec<u16>,
}

impl VersionRecords {
    /// The groups of these chunks.
    pub fn groups(&self) -> FilterGroups {
        let mut groups = FilterGroups::default();
        for chunk in &self.chunks {
            let document = &self.documents[chunk.document];
            let key = (document.product.clone(), document.section.clone());
            let known = groups.keys.iter().position(|k| *k == key);
            let index = known.unwrap_or_else(|| {
                groups.keys.push(key);
                groups.keys.len() - 1
            });
            // Beyond 65,536 products and sections, the rest share the last group.
            groups.of_chunk.push(u16::try_from(index).unwrap_or(u16::MAX));
        }
        groups
    }
}
fn write_lines<T: Serialize>(path: &Path, lines: &[T]) -> io::Result<()> {
    let mut file = BufWriter::new(fs::File::create(path)?);
    for line in lines {
        serde_json::to_writer(&mut file, line)?;
        file.write_all(b"\n")?;
    }
    file.flush()
}

fn read_lines<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, String> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let text = fs::read_to_string(path).map_err(|error| format!("{name}: {error}"))?;
    text.lines().map(|line| serde_json::from_str(line).map_err(|error| format!("{name}: {error}"))).collect()
}
