//! Dense search: a FAISS index and the thread that owns it.
//!
//! FAISS needs `&mut` to search, and searches several questions faster together than one by one. So one thread per
//! collection takes the requests that arrived together and searches once for each filter.

use std::{
    collections::HashMap,
    path::Path,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
};

use faiss::{
    Idx, Index, MetricType,
    index::{IndexImpl, SearchWithParamsMut, autotune::ParameterSpace, index_factory, io},
    search_params::SearchParameters,
    selector::IdSelector,
};

use crate::store::{GroupFilter, VectorFile};

/// Requests that may wait for the index thread; further callers block.
const QUEUE_CAPACITY: usize = 256;

/// Most requests that one call of FAISS answers.
const MAX_CALLS_PER_SEARCH: usize = 64;

/// Up to this many vectors that pass a filter are searched exactly. That is faster than a graph that is mostly filtered
/// out, and exact.
const MAX_EXACT_VECTORS: usize = 50_000;

/// How many vectors a graph (HNSW) compares with each new one while it is built, and with each question.
#[derive(Debug)]
pub(crate) struct GraphDepths {
    construction: f64,
    search: f64,
}

/// FAISS's own 40 and 16 find 86 % of the 100 nearest of 200,000 vectors, these more than 99.9 % (`./dev bench search`).
pub(crate) const GRAPH_DEPTHS: GraphDepths = GraphDepths { construction: 200.0, search: 256.0 };

/// A chunk and its cosine with the question.
pub type Neighbour = (usize, f32);

struct SearchCall {
    vector: Vec<f32>,
    count: usize,
    filter: Option<GroupFilter>,
    reply: SyncSender<Result<Vec<Neighbour>, String>>,
}

/// The pending reply of the index thread.
pub(crate) struct PendingNeighbours(Receiver<Result<Vec<Neighbour>, String>>);

impl PendingNeighbours {
    /// Waits for the neighbours, nearest first.
    pub(crate) fn wait(self) -> Result<Vec<Neighbour>, String> {
        self.0.recv().map_err(|_| "the thread that owns the index has ended".to_string())?
    }
}

/// Whether a factory string describes a graph.
pub(crate) fn is_graph(factory: &str) -> bool {
    factory.contains("HNSW")
}

/// An empty index by inner product, as FAISS's `factory` string describes it.
///
/// # Errors
/// When FAISS does not know the string.
pub fn empty_index(dimensions: u32, factory: &str) -> Result<IndexImpl, faiss::error::Error> {
    let index = index_factory(dimensions, factory, MetricType::InnerProduct)?;
    if is_graph(factory) {
        let parameters = ParameterSpace::new()?;
        parameters.set_index_parameter(&index, "efConstruction", GRAPH_DEPTHS.construction)?;
        parameters.set_index_parameter(&index, "efSearch", GRAPH_DEPTHS.search)?;
    }
    Ok(index)
}

/// Builds an index of the rows of a file and writes it.
pub(crate) fn write(path: &Path, rows: &VectorFile, dimensions: usize, factory: &str) -> Result<(), String> {
    let text = |error: faiss::error::Error| format!("FAISS cannot build an index `{factory}`: {error}");
    let d = u32::try_from(dimensions).map_err(|error| error.to_string())?;
    let mut index = empty_index(d, factory).map_err(text)?;
    if !index.is_trained() {
        let all = rows.count().and_then(|count| rows.read(0..count)).map_err(|error| error.to_string())?;
        index.train(&all).map_err(text)?;
    }
    for block in rows.blocks().map_err(|error| error.to_string())? {
        index.add(&block.map_err(|error| error.to_string())?).map_err(text)?;
    }
    io::write_index(&index, path.to_string_lossy()).map_err(text)
}

/// The dense index of one version.
pub(crate) struct DenseIndex {
    requests: SyncSender<SearchCall>,
    dimensions: usize,
}

impl DenseIndex {
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
        let (requests, waiting) = sync_channel(QUEUE_CAPACITY);
        let index_thread = IndexThread { index, groups, filtered: HashMap::new() };
        let spawned = thread::Builder::new().name("faiss".into()).spawn(move || index_thread.run(&waiting));
        spawned.map_err(|error| error.to_string())?;
        Ok(Self { requests, dimensions })
    }

    /// Length of a vector.
    pub(crate) fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// Requests the nearest chunks. The reply comes from the index thread.
    pub(crate) fn request(
        &self,
        vector: &[f32],
        count: usize,
        filter: Option<&GroupFilter>,
    ) -> PendingNeighbours {
        let (reply, answer) = sync_channel(1);
        let request = SearchCall { vector: vector.to_vec(), count, filter: filter.cloned(), reply };
        // A thread that has ended drops the request and its `reply`: then `wait` fails.
        let _ = self.requests.send(request);
        PendingNeighbours(answer)
    }
}

/// Vectors that pass one filter.
enum FilteredIndex {
    /// An exact index of those vectors alone, and the chunk of each.
    Exact(Box<IndexImpl>, Vec<usize>),
    /// The whole index with a selector. Made once and kept: dropping parameters leaks their selector.
    Selected(SearchParameters),
}

struct IndexThread {
    index: IndexImpl,
    groups: Vec<u16>,
    filtered: HashMap<GroupFilter, FilteredIndex>,
}

impl IndexThread {
    fn run(mut self, waiting: &Receiver<SearchCall>) {
        while let Ok(first) = waiting.recv() {
            let mut batches: HashMap<Option<GroupFilter>, Vec<SearchCall>> = HashMap::new();
            for request in std::iter::once(first).chain(waiting.try_iter().take(MAX_CALLS_PER_SEARCH - 1)) {
                batches.entry(request.filter.clone()).or_default().push(request);
            }
            for (filter, batch) in batches {
                self.answer(filter, batch);
            }
        }
    }

    fn answer(&mut self, filter: Option<GroupFilter>, batch: Vec<SearchCall>) {
        let vectors: Vec<f32> = batch.iter().flat_map(|request| request.vector.iter().copied()).collect();
        let count = batch.iter().map(|request| request.count).max().unwrap_or(0).min(self.groups.len());
        let found = self.search(&vectors, count, filter);
        for (i, request) in batch.into_iter().enumerate() {
            let mine = found.as_ref().map_err(String::clone).map(|rows| {
                rows.get(i).map(|row| row.iter().take(request.count).copied().collect()).unwrap_or_default()
            });
            // A caller that has given up needs no reply.
            let _ = request.reply.send(mine);
        }
    }

    fn search(
        &mut self,
        vectors: &[f32],
        count: usize,
        filter: Option<GroupFilter>,
    ) -> Result<Vec<Vec<Neighbour>>, String> {
        let text = |error: faiss::error::Error| error.to_string();
        if count == 0 {
            return Ok(Vec::new());
        }
        let Some(filter) = filter else {
            return Ok(neighbours(&self.index.search(vectors, count).map_err(text)?, count, None));
        };
        if !self.filtered.contains_key(&filter) {
            let built = self.filtered_index(&filter).map_err(text)?;
            self.filtered.insert(filter.clone(), built);
        }
        match self.filtered.get_mut(&filter) {
            Some(FilteredIndex::Exact(index, chunks)) => {
                let count = count.min(chunks.len());
                if count == 0 {
                    return Ok(Vec::new());
                }
                Ok(neighbours(&index.search(vectors, count).map_err(text)?, count, Some(chunks)))
            }
            Some(FilteredIndex::Selected(parameters)) => {
                let found = self.index.search_with_params(vectors, count, parameters).map_err(text)?;
                Ok(neighbours(&found, count, None))
            }
            None => Ok(Vec::new()),
        }
    }

    fn filtered_index(&self, filter: &GroupFilter) -> Result<FilteredIndex, faiss::error::Error> {
        let chunks: Vec<usize> =
            (0..self.groups.len()).filter(|&i| filter.contains(&self.groups[i])).collect();
        if chunks.len() > MAX_EXACT_VECTORS {
            let ids: Vec<Idx> = chunks.iter().map(|&chunk| Idx::new(chunk as u64)).collect();
            return Ok(FilteredIndex::Selected(SearchParameters::new(IdSelector::batch(&ids)?)?));
        }
        let d = self.index.d();
        let mut exact = index_factory(d, "Flat", MetricType::InnerProduct)?;
        let mut row = vec![0.0; d as usize];
        for &chunk in &chunks {
            self.index.reconstruct(Idx::new(chunk as u64), &mut row)?;
            exact.add(&row)?;
        }
        Ok(FilteredIndex::Exact(Box::new(exact), chunks))
    }
}

fn neighbours(
    found: &faiss::index::SearchResult,
    count: usize,
    chunks: Option<&[usize]>,
) -> Vec<Vec<Neighbour>> {
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

#[cfg(test)]
mod tests {
    use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

    use super::*;

    const DIMENSIONS: u32 = 32;
    const VECTORS: usize = 10_000;
    const QUERIES: usize = 50;
    const NEIGHBOURS: usize = 100;

    /// Vectors of length 1 in all directions.
    fn vectors(count: usize) -> Vec<f32> {
        let mut random = StdRng::seed_from_u64(7);
        let mut vectors = Vec::new();
        for _ in 0..count {
            let vector: Vec<f32> = (0..DIMENSIONS).map(|_| random.random_range(-1.0..1.0)).collect();
            let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
            vectors.extend(vector.iter().map(|x| x / length));
        }
        vectors
    }

    #[test]
    fn a_graph_finds_the_nearest_vectors() {
        let vectors = vectors(VECTORS + QUERIES);
        let (stored, queries) = vectors.split_at(VECTORS * DIMENSIONS as usize);
        let [exact, graph] = ["Flat", "HNSW32"].map(|factory| {
            let mut index = empty_index(DIMENSIONS, factory).unwrap();
            index.add(stored).unwrap();
            neighbours(&index.search(queries, NEIGHBOURS).unwrap(), NEIGHBOURS, None)
        });
        let found = |(expected, found): (&Vec<Neighbour>, &Vec<Neighbour>)| {
            expected.iter().filter(|(chunk, _)| found.iter().any(|(other, _)| other == chunk)).count()
        };
        let hits: usize = exact.iter().zip(&graph).map(found).sum();
        let recall = hits as f64 / (QUERIES * NEIGHBOURS) as f64;
        assert!(recall >= 0.99, "the graph finds {recall:.3} of the nearest {NEIGHBOURS}");
    }
}
