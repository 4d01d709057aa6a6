use std::{collections::HashMap, path::Path};

use hoidap_shared::{
    config::Config,
    job::{Cut, LineKind},
    text::{search_form, segments},
};

use super::{
    BuildError, BuildProgress, document_language::document_language, repeated_blocks::RepeatedBlocks,
};
use crate::{
    char_offsets::CharOffsets,
    chunk::{self, DocumentChunks},
    document::{self, Document, FileListing, IsolatedReader, Limits, ReadError, SkippedFile, SourceFile},
    embed::Embedder,
    hashing::sha256,
    store::{ChunkRecord, ChunkSentence, DocumentRecord, DocumentSource, VersionRecords},
};

/// All documents of a collection, split into chunks.
#[derive(Debug, Default)]
pub struct GatheredDocuments {
    /// Documents and chunks.
    pub records: VersionRecords,
    /// Files that were left out.
    pub skipped: Vec<SkippedFile>,
    /// Files that were read only in part.
    pub partly_read: Vec<SkippedFile>,
    /// Number of files found.
    pub(super) files: usize,
    /// Number of files that this process has no permission to read.
    pub(super) denied: usize,
}

impl GatheredDocuments {
    /// The text that is embedded for a chunk, in its search form.
    pub(super) fn text_to_embed(&self, chunk: usize) -> String {
        let chunk = &self.records.chunks[chunk];
        text_to_embed(&self.text_above(chunk), self.records.text(chunk))
    }

    /// The text that stands above a chunk's own; see [`text_above`].
    pub(super) fn text_above(&self, chunk: &ChunkRecord) -> String {
        let title = &self.records.documents[chunk.document].title;
        text_above(title, &chunk.heading_path, &chunk.lines, &chunk.cut)
    }
}

pub(super) fn gather_documents(
    config: &Config,
    name: &str,
    source: &DocumentSource,
    reader: &IsolatedReader,
    embedder: &dyn Embedder,
    progress: &dyn BuildProgress,
) -> Result<GatheredDocuments, BuildError> {
    let FileListing { files, skipped } = document::list_files(&source.paths, source.root.as_deref())
        .map_err(|error| BuildError::Sources(name.into(), error))?;
    let mut gathered = GatheredDocuments { skipped, files: files.len(), ..GatheredDocuments::default() };
    let (mut repeated, mut failed) = count_repeated_blocks(config, &files, reader, progress);
    progress.begin("reading", files.len());
    for file in &files {
        // A file that failed in the first pass is not tried again.
        let read = match failed.remove(&file.source) {
            Some(error) => Err(error),
            None => read_document(config, source, file, reader, &mut repeated),
        };
        match read {
            Ok((record, document)) => add_document(&mut gathered, config, record, document, embedder),
            Err(error) => {
                gathered.denied += usize::from(matches!(error, ReadError::Denied(_)));
                gathered.skipped.push(SkippedFile::one(file.source.clone(), error.to_string()));
            }
        }
        progress.step(1);
    }
    progress.end();
    if gathered.records.chunks.is_empty() {
        let first =
            gathered.skipped.first().map(|s| format!("; {}: {}", s.source, s.reason)).unwrap_or_default();
        return Err(BuildError::Empty { collection: name.into(), files: files.len(), first });
    }
    gathered.records.resolve().map_err(|what| BuildError::Index(name.into(), what))?;
    Ok(gathered)
}

/// Counts the blocks that many pages share, and collects the pages that cannot be read. The pages are read and dropped, so
/// that memory does not grow with the folder; a page takes about a millisecond.
fn count_repeated_blocks(
    config: &Config,
    files: &[SourceFile],
    reader: &IsolatedReader,
    progress: &dyn BuildProgress,
) -> (RepeatedBlocks, HashMap<String, ReadError>) {
    let mut repeated = RepeatedBlocks::default();
    let mut failed = HashMap::new();
    let pages: Vec<&SourceFile> =
        files.iter().filter(|file| document::is_page(Path::new(&file.page))).collect();
    progress.begin("comparing pages", pages.len());
    for page in pages {
        match read_and_extract(config, page, reader) {
            Ok((_, document)) => repeated.count(&document),
            Err(error) => {
                failed.insert(page.source.clone(), error);
            }
        }
        progress.step(1);
    }
    progress.end();
    (repeated, failed)
}

/// A file's bytes and the document extracted from them.
fn read_and_extract(
    config: &Config,
    file: &SourceFile,
    reader: &IsolatedReader,
) -> Result<(Vec<u8>, Document), ReadError> {
    let bytes = document::read(&file.path, Limits::of(&config.indices))?;
    let document = reader.extract(Path::new(&file.page), &bytes)?;
    Ok((bytes, document))
}

fn read_document(
    config: &Config,
    source: &DocumentSource,
    file: &SourceFile,
    reader: &IsolatedReader,
    repeated: &mut RepeatedBlocks,
) -> Result<(DocumentRecord, Document), ReadError> {
    let (bytes, document) = read_and_extract(config, file, reader)?;
    let hash = sha256(&bytes);
    let document = repeated.leave_out(document);
    let url = page_url(source.base_url.as_deref(), file);
    let path = url::Url::parse(&url).map_or_else(|_| format!("/{}", file.page), |url| url.path().to_string());
    let product = longest_prefix(&path, config.products.iter().map(|p| (&p.id, &p.urls)));
    let section = longest_prefix(&path, config.sections.iter().map(|s| (&s.id, &s.urls)));
    let record = DocumentRecord {
        source: file.source.clone(),
        url,
        title: document.title.clone(),
        locale: source.locale.clone().unwrap_or_else(|| {
            document_language(document.locale.as_deref(), &document.text).code().to_string()
        }),
        product: source.product.clone().or(product),
        section: source.section.clone().or(section),
        hash,
        withdrawn: false,
        text: document.text.clone(),
    };
    Ok((record, document))
}

fn add_document(
    gathered: &mut GatheredDocuments,
    config: &Config,
    record: DocumentRecord,
    mut document: Document,
    embedder: &dyn Embedder,
) {
    let index = gathered.records.documents.len();
    let mut seen = HashMap::<String, usize>::new();
    let mut offsets = CharOffsets::new(&record.text);
    let most = config.indices.max_document_chunks;
    let DocumentChunks { spans, complete } =
        chunk::split_document(&document, &config.chunking, most, &|text| embedder.count_tokens(text));
    if !complete {
        document.left_out.push(format!(
            "it has more chunks than indices.max_document_chunks ({most}): the rest was left out"
        ));
    }
    for span in spans {
        let bytes = offsets.byte(span.start)..offsets.byte(span.end);
        let text = &record.text[bytes.clone()];
        // The same text twice in a document makes two chunks with different ids.
        let times = seen.entry(text.to_string()).or_default();
        *times += 1;
        let id = sha256(format!("{}\n{times}\n{text}", record.source))[..24].to_string();
        let head = text_above(&record.title, &span.heading_path, &span.lines, &span.cut);
        let embedded = sha256(text_to_embed(&head, text));
        let segments = split_sentences(&head, text, &span.lines, embedder);
        gathered.records.chunks.push(ChunkRecord {
            id,
            document: index,
            start: span.start,
            end: span.end,
            lines: span.lines,
            heading_tokens: if span.heading_depths.is_empty() {
                Vec::new()
            } else {
                heading_tokens(&record.title, &span.heading_path, embedder)
            },
            heading_depths: span.heading_depths,
            heading_path: span.heading_path,
            cut: span.cut,
            embedded,
            segments,
            bytes,
        });
    }
    let partly_read = document.left_out.into_iter().map(|why| SkippedFile::one(record.source.clone(), why));
    gathered.partly_read.extend(partly_read);
    gathered.records.documents.push(record);
}

/// The sentences of a chunk and their token ranges. The tokenizer works word by word, so the sentences' tokens are consecutive.
fn split_sentences(
    head: &str,
    text: &str,
    lines: &[LineKind],
    embedder: &dyn Embedder,
) -> Vec<ChunkSentence> {
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let tokens = |text: &str| number(embedder.count_tokens(&search_form(text)));
    let (mut token, mut character, mut byte) = (tokens(head), 0, 0);
    let mut found = Vec::new();
    for range in segments(text, |line| LineKind::may_be_row(lines, line)) {
        character += number(text[byte..range.start].chars().count());
        let end = character + number(text[range.clone()].chars().count());
        let last = token.saturating_add(tokens(&text[range.clone()]));
        found.push(ChunkSentence { characters: character..end, tokens: token..last });
        (token, character, byte) = (last, end, range.end);
    }
    found
}

/// The number of tokens up to the end of a title and of each heading below it.
fn heading_tokens(title: &str, heading_path: &[String], embedder: &dyn Embedder) -> Vec<u32> {
    (0..=heading_path.len())
        .map(|headings| {
            let above = text_above(title, &heading_path[..headings], &[], &Cut::default());
            u32::try_from(embedder.count_tokens(&search_form(&above))).unwrap_or(u32::MAX)
        })
        .collect()
}

fn text_to_embed(head: &str, text: &str) -> String {
    search_form(&format!("{head}\n{text}"))
}

/// Title and headings of a chunk, and the names of its columns if it begins inside a table and is mostly rows. They are embedded
/// and indexed before its text.
fn text_above(title: &str, heading_path: &[String], lines: &[LineKind], cut: &Cut) -> String {
    let headings = heading_path.iter().map(String::as_str).filter(|heading| !title.contains(heading));
    let mut above = [title].into_iter().chain(headings).collect::<Vec<_>>().join(" > ");
    let rows = lines.iter().filter(|line| **line == LineKind::Row).count();
    if let Some(columns) = cut.head.as_ref().filter(|_| 2 * rows > lines.len()) {
        above += "\n";
        above += columns;
    }
    above
}

fn page_url(base: Option<&str>, file: &SourceFile) -> String {
    match base {
        None => file.page.clone(),
        Some(base) => {
            let joined = url::Url::parse(base).ok().and_then(|url| url.join(&file.page).ok());
            joined.map_or_else(|| format!("{}/{}", base.trim_end_matches('/'), file.page), String::from)
        }
    }
}

/// The name with the longest configured path prefix that matches the path.
fn longest_prefix<'a>(
    path: &str,
    names: impl Iterator<Item = (&'a String, &'a Vec<String>)>,
) -> Option<String> {
    let begins = |prefix: &str| {
        let rest = path.strip_prefix(prefix.trim_end_matches('/'));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '.']))
    };
    names
        .flat_map(|(name, urls)| urls.iter().map(move |url| (name, url)))
        .filter(|(_, url)| begins(url))
        .max_by_key(|(_, url)| url.len())
        .map(|(name, _)| name.clone())
}
