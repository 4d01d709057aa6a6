//! The dense leg: a FAISS index and the thread that owns it.
//!
//! FAISS wants `&mut` for a search, and searches several questions faster together than one by one: so one thread per
//! collection takes what arrived together and searches once for each filter.

use std::{
    collections::HashMap,
    path::Path,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
};

use faiss::{
    Idx, Index, MetricType,
    index::{IndexImpl, SearchWithParamsMut, index_factory, io},
    search_params::SearchParameters,
    selector::IdSelector,
};

use crate::store::Rows;

/// Searches that may wait for the owner; further callers wait for room.
const WAITING: usize = 256;

/// Requests answered by one call of FAISS at most.
const TOGETHER: usize = 64;

/// Up to this many vectors that pass a filter are searched exactly: faster than a graph of which most is filtered out,
/// and right.
const EXACT_FILTERED: usize = 50_000;

/// A chunk and its cosine with the question.
pub type Neighbour = (usize, f32);

/// Groups of chunks that may be found; see [`Dense::open`].
pub type Filter = Vec<u16>;

struct Request {
    vector: Vec<f32>,
    count: usize,
    filter: Option<Filter>,
    reply: SyncSender<Result<Vec<Neighbour>, String>>,
}

/// An answer that is on its way.
pub(crate) struct Pending(Receiver<Result<Vec<Neighbour>, String>>);

impl Pending {
    /// Waits for the neighbours, nearest first.
    pub(crate) fn wait(self) -> Result<Vec<Neighbour>, String> {
        self.0.recv().map_err(|_| "the thread that owns the index has ended".to_string())?
    }
}

/// Builds an index of the rows of a file and writes it.
pub(crate) fn write(path: &Path, rows: &Rows, dimensions: usize, factory: &str) -> Result<(), String> {
    let text = |error: faiss::error::Error| format!("FAISS cannot make an index `{factory}`: {error}");
    let d = u32::try_from(dimensions).map_err(|error| error.to_string())?;
    let mut index = index_factory(d, factory, MetricType::InnerProduct).map_err(text)?;
    if !index.is_trained() {
        let all = rows.count().and_then(|count| rows.read(0..count)).map_err(|error| error.to_string())?;
        index.train(&all).map_err(text)?;
    }
    for block in rows.blocks().map_err(|error| error.to_string())? {
        index.add(&block.map_err(|error| error.to_string())?).map_err(text)?;
    }
    io::write_index(&index, path.to_string_lossy()).map_err(text)
}

/// The dense leg of one version.
pub(crate) struct Dense {
    requests: SyncSender<Request>,
    dimensions: usize,
}

impl Dense {
    /// Reads an index whose checksum was verified (FAISS may abort on a damaged file) and starts its thread, which ends
    /// when this is dropped. `groups` holds the filter group of each vector.
    pub(crate) fn open(path: &Path, dimensions: usize, groups: Vec<u16>) -> Result<Self, String> {
        let index = io::read_index(path.to_string_lossy()).map_err(|error| error.to_string())?;
        if index.d() as usize != dimensions || index.ntotal() != groups.len() as u64 {
            return Err(format!(
                "holds {} vectors of {} numbers, not what the manifest says",
                index.ntotal(),
                index.d()
            ));
        }
        let (requests, waiting) = sync_channel(WAITING);
        let owner = Owner { index, groups, filtered: HashMap::new() };
        let spawned = thread::Builder::new().name("faiss".into()).spawn(move || owner.run(&waiting));
        spawned.map_err(|error| error.to_string())?;
        Ok(Self { requests, dimensions })
    }

    /// Length of a vector.
    pub(crate) fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// Asks for the nearest chunks; the answer comes from the owner's thread.
    pub(crate) fn ask(&self, vector: &[f32], count: usize, filter: Option<&Filter>) -> Pending {
        let (reply, answer) = sync_channel(1);
        let request = Request { vector: vector.to_vec(), count, filter: filter.cloned(), reply };
        // An owner that has ended drops the request, and with it `reply`: the wait then says so.
        let _ = self.requests.send(request);
        Pending(answer)
    }
}

/// Vectors that pass one filter.
enum Filtered {
    /// An exact index of those vectors alone, and the chunk of each.
    Exact(Box<IndexImpl>, Vec<usize>),
    /// The whole index with a selector. Made once and kept: dropping parameters leaks their selector.
    Selected(SearchParameters),
}

struct Owner {
    index: IndexImpl,
    groups: Vec<u16>,
    filtered: HashMap<Filter, Filtered>,
}

impl Owner {
    fn run(mut self, waiting: &Receiver<Request>) {
        while let Ok(first) = waiting.recv() {
            let mut batches: HashMap<Option<Filter>, Vec<Request>> = HashMap::new();
            for request in std::iter::once(first).chain(waiting.try_iter().take(TOGETHER - 1)) {
                batches.entry(request.filter.clone()).or_default().push(request);
            }
            for (filter, batch) in batches {
                self.answer(filter, batch);
            }
        }
    }

    fn answer(&mut self, filter: Option<Filter>, batch: Vec<Request>) {
        let vectors: Vec<f32> = batch.iter().flat_map(|request| request.vector.iter().copied()).collect();
        let count = batch.iter().map(|request| request.count).max().unwrap_or(0).min(self.groups.len());
        let found = self.search(&vectors, count, filter);
        for (i, request) in batch.into_iter().enumerate() {
            let mine = found.as_ref().map_err(String::clone).map(|rows| {
                rows.get(i).map(|row| row.iter().take(request.count).copied().collect()).unwrap_or_default()
            });
            // A caller that has gone needs no answer.
            let _ = request.reply.send(mine);
        }
    }

    fn search(
        &mut self,
        vectors: &[f32],
        count: usize,
        filter: Option<Filter>,
    ) -> Result<Vec<Vec<Neighbour>>, String> {
        let text = |error: faiss::error::Error| error.to_string();
        if count == 0 {
            return Ok(Vec::new());
        }
        let Some(filter) = filter else {
            return Ok(rows(&self.index.search(vectors, count).map_err(text)?, count, None));
        };
        if !self.filtered.contains_key(&filter) {
            let made = self.filter(&filter).map_err(text)?;
            self.filtered.insert(filter.clone(), made);
        }
        match self.filtered.get_mut(&filter) {
            Some(Filtered::Exact(index, chunks)) => {
                let count = count.min(chunks.len());
                if count == 0 {
                    return Ok(Vec::new());
                }
                Ok(rows(&index.search(vectors, count).map_err(text)?, count, Some(chunks)))
            }
            Some(Filtered::Selected(parameters)) => {
                let found = self.index.search_with_params(vectors, count, parameters).map_err(text)?;
                Ok(rows(&found, count, None))
            }
            None => Ok(Vec::new()),
        }
    }

    fn filter(&self, filter: &Filter) -> Result<Filtered, faiss::error::Error> {
        let chunks: Vec<usize> =
            (0..self.groups.len()).filter(|&i| filter.contains(&self.groups[i])).collect();
        if chunks.len() > EXACT_FILTERED {
            let ids: Vec<Idx> = chunks.iter().map(|&chunk| Idx::new(chunk as u64)).collect();
            return Ok(Filtered::Selected(SearchParameters::new(IdSelector::batch(&ids)?)?));
        }
        let d = self.index.d();
        let mut exact = index_factory(d, "Flat", MetricType::InnerProduct)?;
        let mut row = vec![0.0; d as usize];
        for &chunk in &chunks {
            self.index.reconstruct(Idx::new(chunk as u64), &mut row)?;
            exact.add(&row)?;
        }
        Ok(Filtered::Exact(Box::new(exact), chunks))
    }
}

fn rows(found: &faiss::index::SearchResult, count: usize, chunks: Option<&[usize]>) -> Vec<Vec<Neighbour>> {
    let neighbour = |(label, score): (&Idx, &f32)| {
        let at = usize::try_from(label.get()?).ok()?;
        let chunk = chunks.map_or(Some(at), |chunks| chunks.get(at).copied())?;
        score.is_finite().then_some((chunk, *score))
    };
    found
        .labels
        .chunks(count)
        .zip(found.distances.chunks(count))
        .map(|(labels, scores)| labels.iter().zip(scores).filter_map(neighbour).collect())
        .collect()
}
