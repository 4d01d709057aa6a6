use std::{
    fs,
    io::{self, BufWriter, Write},
    ops::Range,
    path::Path,
};

use hoidap_shared::job::{Passage, Ranks};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{CHUNKS, DOCUMENTS, Withdrawn};
use crate::chunk::Offsets;

/// A document as a version stores it, so that citations resolve to its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentRecord {
    /// Its path as it was indexed.
    pub source: String,
    /// Its address on the site.
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
    /// Whether it was taken away: then it is never found, and only weighs in the ranking of the others.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub withdrawn: bool,
    /// The whole extracted text.
    pub text: String,
}

/// A sentence, list item or table row of a chunk: four numbers in the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "[u32; 4]", into = "[u32; 4]")]
pub struct Segment {
    /// Where it stands in the chunk's text, in characters.
    pub characters: Range<u32>,
    /// Which of the chunk's token vectors are its own.
    pub tokens: Range<u32>,
}

impl From<[u32; 4]> for Segment {
    fn from([start, end, first, last]: [u32; 4]) -> Self {
        Self { characters: start..end, tokens: first..last }
    }
}

impl From<Segment> for [u32; 4] {
    fn from(Segment { characters, tokens }: Segment) -> Self {
        [characters.start, characters.end, tokens.start, tokens.end]
    }
}

/// A chunk as a version stores it. Its text is its document's, from `start` to `end`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkRecord {
    /// Its name: stable while its document's path and its own text stay.
    pub id: String,
    /// Its document's place in the version.
    pub document: usize,
    /// Where it starts, in characters.
    pub start: usize,
    /// Where it ends, in characters, exclusive.
    pub end: usize,
    /// The headings above it, outermost first.
    pub heading_path: Vec<String>,
    /// SHA-256 of the text that was embedded, in hexadecimal.
    pub embedded: String,
    /// Its sentences, in the order of its text.
    pub segments: Vec<Segment>,
    /// Where its text stands in the document's, in bytes.
    #[serde(skip)]
    pub bytes: Range<usize>,
}

/// The documents and chunks of a version. The order of chunks is the order of vectors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Records {
    /// Its documents.
    pub documents: Vec<DocumentRecord>,
    /// Its chunks, document by document.
    pub chunks: Vec<ChunkRecord>,
}

impl Records {
    /// Whether a chunk's document was taken away.
    pub(crate) fn withdrawn(&self, chunk: usize) -> bool {
        self.documents[self.chunks[chunk].document].withdrawn
    }

    /// Documents and chunks that were taken away.
    pub(crate) fn count_withdrawn(&self) -> Withdrawn {
        Withdrawn {
            documents: self.documents.iter().filter(|document| document.withdrawn).count(),
            chunks: (0..self.chunks.len()).filter(|&chunk| self.withdrawn(chunk)).count(),
        }
    }

    /// A chunk's text.
    pub fn text(&self, chunk: &ChunkRecord) -> &str {
        &self.documents[chunk.document].text[chunk.bytes.clone()]
    }

    /// A chunk of a version as a passage with its whole text, as far as nobody has looked for it: without score, ranks and sentences.
    pub fn passage(&self, chunk: &ChunkRecord, collection: &str, version: &str) -> Passage {
        let document = &self.documents[chunk.document];
        Passage {
            chunk_id: chunk.id.clone(),
            collection: collection.into(),
            version: version.into(),
            text: self.text(chunk).into(),
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

    /// Finds each chunk's bytes.
    ///
    /// # Errors
    /// A sentence when a chunk does not lie in its document.
    pub(crate) fn resolve(&mut self) -> Result<(), String> {
        let mut open: Option<(usize, Offsets<'_>)> = None;
        for chunk in &mut self.chunks {
            let document =
                self.documents.get(chunk.document).ok_or("a chunk names a document that is not there")?;
            if open.as_ref().is_none_or(|(of, _)| *of != chunk.document) {
                open = Some((chunk.document, Offsets::new(&document.text)));
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

/// Which chunks a filter by product and section lets through: chunks of one product and section form a group.
#[derive(Clone, Debug, Default)]
pub struct Groups {
    /// Product and section of each group.
    pub keys: Vec<(Option<String>, Option<String>)>,
    /// The group of each chunk.
    pub of_chunk: Vec<u16>,
}

impl Records {
    /// The groups of these chunks.
    pub fn groups(&self) -> Groups {
        let mut groups = Groups::default();
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
