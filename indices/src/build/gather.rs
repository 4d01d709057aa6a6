use std::{collections::HashMap, path::Path};

use hoidap_shared::{
    config::Config,
    text::{Language, has_vietnamese_marks, search_form, segments},
};

use super::{BuildError, Progress, repeated::Repeated};
use crate::{
    chunk,
    document::{self, Document, Found, Limits, Listing, ReadError, Reader, Skipped},
    embed::Embedder,
    store::{ChunkRecord, DocumentRecord, Records, Segment, Source, sha256},
};

/// The share of words with Vietnamese marks from which a page without a locale counts as Vietnamese.
const VIETNAMESE_SHARE: usize = 10;

/// All documents of a collection, cut.
#[derive(Debug, Default)]
pub struct Gathered {
    /// Documents and chunks.
    pub records: Records,
    /// Files left out.
    pub skipped: Vec<Skipped>,
    /// Files of which something was left out.
    pub in_part: Vec<Skipped>,
    /// Files there are.
    pub(super) files: usize,
    /// Those that the system did not let this process read.
    pub(super) denied: usize,
}

impl Gathered {
    /// What is embedded of a chunk, in its form for search.
    pub(super) fn embedded(&self, chunk: usize) -> String {
        let chunk = &self.records.chunks[chunk];
        let head = head(&self.records.documents[chunk.document].title, &chunk.heading_path);
        embedded(&head, self.records.text(chunk))
    }
}

pub(super) fn gather(
    config: &Config,
    name: &str,
    source: &Source,
    reader: &Reader,
    embedder: &dyn Embedder,
    progress: &dyn Progress,
) -> Result<Gathered, BuildError> {
    let Listing { files, skipped } = document::find(&source.paths, source.root.as_deref())
        .map_err(|error| BuildError::Sources(name.into(), error))?;
    let mut gathered = Gathered { skipped, files: files.len(), ..Gathered::default() };
    let (mut repeated, mut failed) = repeated(config, &files, reader, progress);
    progress.begin("reading", files.len());
    for file in &files {
        // What could not be read once is not waited for twice.
        let read = match failed.remove(&file.source) {
            Some(error) => Err(error),
            None => read(config, source, file, reader, &mut repeated),
        };
        match read {
            Ok((record, document)) => add(&mut gathered, config, record, document, embedder),
            Err(error) => {
                gathered.denied += usize::from(matches!(error, ReadError::Denied(_)));
                gathered.skipped.push(Skipped::one(file.source.clone(), error.to_string()));
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

/// What the pages of a site have in common, and which of them cannot be read, and why. They are read for it and let go, so that
/// memory does not grow with the folder; a page takes a millisecond.
fn repeated(
    config: &Config,
    files: &[Found],
    reader: &Reader,
    progress: &dyn Progress,
) -> (Repeated, HashMap<String, ReadError>) {
    let mut repeated = Repeated::default();
    let mut failed = HashMap::new();
    let pages: Vec<&Found> = files.iter().filter(|file| document::is_page(Path::new(&file.page))).collect();
    progress.begin("comparing pages", pages.len());
    for page in pages {
        match extract(config, page, reader) {
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

/// The bytes of a file and what they say.
fn extract(config: &Config, file: &Found, reader: &Reader) -> Result<(Vec<u8>, Document), ReadError> {
    let bytes = document::read(&file.path, Limits::of(&config.indices))?;
    let document = reader.extract(Path::new(&file.page), &bytes)?;
    Ok((bytes, document))
}

fn read(
    config: &Config,
    source: &Source,
    file: &Found,
    reader: &Reader,
    repeated: &mut Repeated,
) -> Result<(DocumentRecord, Document), ReadError> {
    let (bytes, document) = extract(config, file, reader)?;
    let hash = sha256(&bytes);
    let document = repeated.leave_out(document);
    let url = address(source.base_url.as_deref(), file);
    let path = url::Url::parse(&url).map_or_else(|_| format!("/{}", file.page), |url| url.path().to_string());
    let product = longest_prefix(&path, config.products.iter().map(|p| (&p.id, &p.urls)));
    let section = longest_prefix(&path, config.sections.iter().map(|s| (&s.id, &s.urls)));
    let record = DocumentRecord {
        source: file.source.clone(),
        url,
        title: document.title.clone(),
        locale: source.locale.clone().unwrap_or_else(|| locale(&document)),
        product: source.product.clone().or(product),
        section: source.section.clone().or(section),
        hash,
        withdrawn: false,
        text: document.text.clone(),
    };
    Ok((record, document))
}

fn add(
    gathered: &mut Gathered,
    config: &Config,
    record: DocumentRecord,
    mut document: Document,
    embedder: &dyn Embedder,
) {
    let index = gathered.records.documents.len();
    let mut seen = HashMap::<String, usize>::new();
    let mut offsets = chunk::Offsets::new(&record.text);
    let most = config.indices.max_document_chunks;
    let (spans, whole) = chunk::cut(&document, &config.chunking, most, &|text| embedder.count_tokens(text));
    if !whole {
        document.left_out.push(format!(
            "it has more chunks than indices.max_document_chunks ({most}): the rest was left out"
        ));
    }
    for span in spans {
        let bytes = offsets.byte(span.start)..offsets.byte(span.end);
        let text = &record.text[bytes.clone()];
        // The same text twice in a document makes two chunks with two names.
        let times = seen.entry(text.to_string()).or_default();
        *times += 1;
        let id = sha256(format!("{}\n{times}\n{text}", record.source))[..24].to_string();
        let head = head(&record.title, &span.heading_path);
        let embedded = sha256(embedded(&head, text));
        gathered.records.chunks.push(ChunkRecord {
            id,
            document: index,
            start: span.start,
            end: span.end,
            heading_path: span.heading_path,
            embedded,
            segments: cut_segments(&head, text, embedder),
            bytes,
        });
    }
    let in_part = document.left_out.into_iter().map(|why| Skipped::one(record.source.clone(), why));
    gathered.in_part.extend(in_part);
    gathered.records.documents.push(record);
}

/// The sentences of a chunk and their tokens. A text is cut into tokens word by word, so those of its sentences follow each other.
fn cut_segments(head: &str, text: &str, embedder: &dyn Embedder) -> Vec<Segment> {
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let tokens = |text: &str| number(embedder.count_tokens(&search_form(text)));
    let (mut token, mut character, mut byte) = (tokens(head), 0, 0);
    let mut found = Vec::new();
    for range in segments(text) {
        character += number(text[byte..range.start].chars().count());
        let end = character + number(text[range.clone()].chars().count());
        let last = token.saturating_add(tokens(&text[range.clone()]));
        found.push(Segment { characters: character..end, tokens: token..last });
        (token, character, byte) = (last, end, range.end);
    }
    found
}

fn embedded(head: &str, text: &str) -> String {
    search_form(&format!("{head}\n{text}"))
}

/// Title and headings of a chunk, as they are embedded and indexed before its text.
pub(super) fn head(title: &str, heading_path: &[String]) -> String {
    let mut head = vec![title.to_string()];
    head.extend(heading_path.iter().filter(|heading| !title.contains(heading.as_str())).cloned());
    head.join(" > ")
}

fn address(base: Option<&str>, file: &Found) -> String {
    match base {
        None => file.page.clone(),
        Some(base) => {
            let joined = url::Url::parse(base).ok().and_then(|url| url.join(&file.page).ok());
            joined.map_or_else(|| format!("{}/{}", base.trim_end_matches('/'), file.page), String::from)
        }
    }
}

/// The name whose path prefix is the longest that the path begins with.
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

/// The locale a page names, or the language its words show.
fn locale(document: &Document) -> String {
    if let Some(language) = document.locale.as_deref().and_then(Language::from_locale) {
        return language.code().to_string();
    }
    let words = document.text.split_whitespace().take(2_000);
    let (all, marked) =
        words.fold((0, 0), |(all, marked), word| (all + 1, marked + usize::from(has_vietnamese_marks(word))));
    if marked * VIETNAMESE_SHARE >= all { "vi" } else { "en" }.to_string()
}
