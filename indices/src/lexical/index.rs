use std::{collections::BTreeMap, path::Path};

use tantivy::{
    DocId, DocSet as _, Index, IndexReader, ReloadPolicy, Searcher, TERMINATED, TantivyDocument,
    TantivyError, Term,
    collector::{Collector, FilterCollector, TopDocs},
    postings::SegmentPostings,
    query::{Bm25StatisticsProvider, BooleanQuery, BoostQuery, Occur, Query, TermQuery},
    schema::{FAST, Field, IndexRecordOption, Schema, TextFieldIndexing, TextOptions},
    tokenizer::{PreTokenizedString, Token},
};

use super::{Analyser, LexicalTerms};
use crate::store::GroupFilter;

/// Memory budget of the index writer, in bytes.
const WRITER_BYTES: usize = 64 << 20;

/// Boost of a term in each field, relative to 1 for a folded word in the text.
const EXACT_BOOST: f32 = 0.4;
const PAIR_BOOST: f32 = 0.6;
const HEAD_BOOST: f32 = 1.0;

struct Fields {
    folded: Field,
    exact: Field,
    pairs: Field,
    head: Field,
    chunk: Field,
    group: Field,
}

fn schema() -> (Schema, Fields) {
    let mut builder = Schema::builder();
    let indexing =
        TextFieldIndexing::default().set_index_option(IndexRecordOption::WithFreqs).set_tokenizer("raw");
    let words = TextOptions::default().set_indexing_options(indexing);
    let mut text = |name: &str| builder.add_text_field(name, words.clone());
    let (folded, exact, pairs, head) = (text("folded"), text("exact"), text("pairs"), text("head"));
    let (chunk, group) = (builder.add_u64_field("chunk", FAST), builder.add_u64_field("group", FAST));
    (builder.build(), Fields { folded, exact, pairs, head, chunk, group })
}

/// A chunk to be indexed.
pub(crate) struct IndexedChunk<'a> {
    pub(crate) text: &'a str,
    /// Title and headings.
    pub(crate) head: String,
    /// Its filter group.
    pub(crate) group: u16,
}

/// Writes an index of one segment to an empty folder.
pub(crate) fn write<'a>(
    dir: &Path,
    entries: impl Iterator<Item = IndexedChunk<'a>>,
) -> Result<(), TantivyError> {
    std::fs::create_dir(dir)?;
    let (schema, fields) = schema();
    let index = Index::create_in_dir(dir, schema)?;
    let mut writer = index.writer_with_num_threads::<TantivyDocument>(1, WRITER_BYTES)?;
    let analyser = Analyser::default();
    for (chunk, entry) in entries.enumerate() {
        let text = analyser.document(entry.text);
        let head = analyser.document(&entry.head);
        let mut document = TantivyDocument::new();
        document.add_pre_tokenized_text(fields.folded, tokenized(text.folded));
        document.add_pre_tokenized_text(fields.exact, tokenized(text.exact));
        document.add_pre_tokenized_text(fields.pairs, tokenized(text.pairs));
        document.add_pre_tokenized_text(fields.head, tokenized(head.folded));
        document.add_u64(fields.chunk, chunk as u64);
        document.add_u64(fields.group, u64::from(entry.group));
        writer.add_document(document)?;
    }
    writer.commit()?;
    let segments = index.searchable_segment_ids()?;
    if segments.len() > 1 {
        writer.merge(&segments).wait()?;
    }
    writer.wait_merging_threads()?;
    for lock in [".tantivy-writer.lock", ".tantivy-meta.lock"] {
        // The locks of a writer that has ended; not every one was taken.
        let _ = std::fs::remove_file(dir.join(lock));
    }
    Ok(())
}

fn tokenized(terms: Vec<String>) -> PreTokenizedString {
    let token = |(position, text)| Token { position, text, ..Token::default() };
    PreTokenizedString { text: String::new(), tokens: terms.into_iter().enumerate().map(token).collect() }
}

/// The lexical index of one version.
pub(crate) struct LexicalIndex {
    reader: IndexReader,
    fields: Fields,
    /// The chunk of each Tantivy document.
    chunk_of: Vec<usize>,
    /// The Tantivy document of each chunk.
    entry_of: Vec<DocId>,
}

impl LexicalIndex {
    /// Opens an index that [`write`] wrote.
    pub(crate) fn open(dir: &Path, chunks: usize) -> Result<Self, String> {
        let text = |error: TantivyError| error.to_string();
        let index = Index::open_in_dir(dir).map_err(text)?;
        let (expected, fields) = schema();
        if index.schema() != expected {
            return Err("the lexical index has the fields of another release".into());
        }
        let reader: IndexReader =
            index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into().map_err(text)?;
        let searcher = reader.searcher();
        if searcher.num_docs() != chunks as u64 {
            let found = searcher.num_docs();
            return Err(format!("the lexical index holds {found} chunks, the manifest says {chunks}"));
        }
        let [segment] = searcher.segment_readers() else {
            return Err("the lexical index has more than one segment".into());
        };
        let column = segment.fast_fields().u64("chunk").map_err(text)?;
        let mut entry_of = vec![0; chunks];
        let mut chunk_of = Vec::with_capacity(chunks);
        for entry in segment.doc_ids_alive() {
            let chunk = column.first(entry).and_then(|chunk| usize::try_from(chunk).ok());
            let chunk =
                chunk.filter(|chunk| *chunk < chunks).ok_or("an entry of the lexical index has no chunk")?;
            entry_of[chunk] = entry;
            chunk_of.push(chunk);
        }
        Ok(Self { reader, fields, chunk_of, entry_of })
    }

    /// The postings of a folded word, in the text and in the headings.
    fn entries(&self, term: &str) -> Result<Vec<SegmentPostings>, TantivyError> {
        let searcher = self.reader.searcher();
        let segment = searcher.segment_reader(0);
        let mut found = Vec::new();
        for field in [self.fields.folded, self.fields.head] {
            let term = Term::from_field_text(field, term);
            found.extend(segment.inverted_index(field)?.read_postings(&term, IndexRecordOption::Basic)?);
        }
        Ok(found)
    }

    /// Whether a chunk contains a folded word, in its text or in its headings.
    pub(crate) fn holds(&self, chunk: usize, term: &str) -> Result<bool, TantivyError> {
        let entry = self.entry_of[chunk];
        Ok(self.entries(term)?.iter_mut().any(|found| found.doc() <= entry && found.seek(entry) == entry))
    }

    /// Whether any chunk that `counts` accepts contains a folded word.
    pub(crate) fn mentions(&self, term: &str, counts: impl Fn(usize) -> bool) -> Result<bool, TantivyError> {
        for mut found in self.entries(term)? {
            while found.doc() != TERMINATED {
                if counts(self.chunk_of[found.doc() as usize]) {
                    return Ok(true);
                }
                found.advance();
            }
        }
        Ok(false)
    }

    /// Whether a folded word of the index begins with `prefix`.
    pub(crate) fn has_prefix(&self, prefix: &str) -> Result<bool, TantivyError> {
        let searcher = self.reader.searcher();
        let segment = searcher.segment_reader(0);
        let bytes = prefix.as_bytes();
        for field in [self.fields.folded, self.fields.head] {
            let index = segment.inverted_index(field)?;
            let mut terms = index.terms().range().ge(bytes).into_stream()?;
            if terms.advance() && terms.key().starts_with(bytes) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// The document frequency of each term over all collections, and the number of chunks.
pub(crate) fn frequencies(
    indices: &[&LexicalIndex],
    terms: &[&str],
) -> Result<(Vec<u64>, u64), TantivyError> {
    let all = CombinedStatistics::of(indices);
    let mut counts = Vec::with_capacity(terms.len());
    for term in terms {
        let fields = indices.first().map(|lexical| &lexical.fields);
        let frequency = |f: &Fields| {
            let text = all.doc_freq(&Term::from_field_text(f.folded, term))?;
            Ok::<_, TantivyError>(text.max(all.doc_freq(&Term::from_field_text(f.head, term))?))
        };
        counts.push(fields.map_or(Ok(0), frequency)?);
    }
    Ok((counts, all.total_num_docs()?))
}

/// The best chunks of each index by BM25. The statistics are those of all indices together, so that scores are comparable.
/// Each result is a chunk and its score, best first.
pub(crate) fn search(
    indices: &[(&LexicalIndex, Option<&GroupFilter>)],
    question: &LexicalTerms,
    count: usize,
) -> Result<Vec<Vec<(usize, f32)>>, TantivyError> {
    let statistics = CombinedStatistics::of(&indices.iter().map(|(lexical, _)| *lexical).collect::<Vec<_>>());
    indices.iter().map(|(lexical, filter)| lexical.search(question, count, *filter, &statistics)).collect()
}

impl LexicalIndex {
    fn search(
        &self,
        question: &LexicalTerms,
        count: usize,
        filter: Option<&GroupFilter>,
        statistics: &CombinedStatistics,
    ) -> Result<Vec<(usize, f32)>, TantivyError> {
        let searcher = self.reader.searcher();
        let query = self.query(question);
        let top = TopDocs::with_limit(count.max(1)).order_by_score();
        let found = match filter {
            None => run(&searcher, &query, top, statistics)?,
            Some(filter) => {
                let groups = filter.clone();
                let passes = move |group: u64| groups.iter().any(|g| u64::from(*g) == group);
                run(&searcher, &query, FilterCollector::new("group".into(), passes, top), statistics)?
            }
        };
        let mut hits: Vec<(usize, f32)> =
            found.into_iter().map(|(score, at)| (self.chunk_of[at.doc_id as usize], score)).collect();
        hits.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        Ok(hits)
    }

    fn query(&self, question: &LexicalTerms) -> BooleanQuery {
        let fields = [
            (self.fields.folded, &question.folded, 1.0),
            (self.fields.head, &question.folded, HEAD_BOOST),
            (self.fields.exact, &question.exact, EXACT_BOOST),
            (self.fields.pairs, &question.pairs, PAIR_BOOST),
        ];
        let mut clauses: Vec<(Occur, Box<dyn Query>)> = Vec::new();
        for (field, terms, boost) in fields {
            let mut counts: BTreeMap<&str, f32> = BTreeMap::new();
            for term in terms {
                *counts.entry(term).or_default() += 1.0;
            }
            for (term, times) in counts {
                let term = TermQuery::new(Term::from_field_text(field, term), IndexRecordOption::WithFreqs);
                clauses
                    .push((Occur::Should, Box::new(BoostQuery::new(Box::new(term), boost * times.sqrt()))));
            }
        }
        BooleanQuery::new(clauses)
    }
}

fn run<C: Collector>(
    searcher: &Searcher,
    query: &BooleanQuery,
    collector: C,
    statistics: &CombinedStatistics,
) -> Result<C::Fruit, TantivyError> {
    searcher.search_with_statistics_provider(query, &collector, statistics)
}

/// The BM25 statistics of several indices, as if they were one index.
struct CombinedStatistics(Vec<Searcher>);

impl CombinedStatistics {
    fn of(indices: &[&LexicalIndex]) -> Self {
        Self(indices.iter().map(|lexical| lexical.reader.searcher()).collect())
    }

    fn sum(&self, of: impl Fn(&Searcher) -> Result<u64, TantivyError>) -> Result<u64, TantivyError> {
        self.0.iter().map(of).sum()
    }
}

impl Bm25StatisticsProvider for CombinedStatistics {
    fn total_num_tokens(&self, field: Field) -> Result<u64, TantivyError> {
        self.sum(|searcher| searcher.total_num_tokens(field))
    }

    fn total_num_docs(&self) -> Result<u64, TantivyError> {
        self.sum(Bm25StatisticsProvider::total_num_docs)
    }

    fn doc_freq(&self, term: &Term) -> Result<u64, TantivyError> {
        self.sum(|searcher| Bm25StatisticsProvider::doc_freq(searcher, term))
    }
}
