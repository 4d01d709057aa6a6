use std::{collections::HashMap, sync::Arc};

use hoidap_shared::job::{FilterUsed, Passage, Query, Ranks};

use super::{
    Library, Preferred, SearchError, SearchOutcome, SearchRequest,
    first_stage::{FirstStageRankings, in_service, search_error, search_first_stage},
    fuse::{ChunkRef, ScoreScale, dense_share, fuse, scaled_scores, sorted},
    loaded_collection::LoadedCollection,
    rerank::rerank,
    select::select,
    support::{SupportEvidence, gather_evidence},
    wording_weights::weights,
};
use crate::{lexical::Analyser, store::DocumentRecord};

/// Score factor of a passage in another language than the question's, when there are passages in both.
const OTHER_LANGUAGE_FACTOR: f32 = 0.9;

/// The share of its score that a passage of another product loses (times the confidence), and one outside the page's section
/// (docs/research/retrieval.md, "Experiments").
const OTHER_PRODUCT_PENALTY: f32 = 0.15;
const OTHER_SECTION_PENALTY: f32 = 0.05;

/// The result of a search, with the rankings of both first-stage searches.
pub struct SearchDetails {
    /// Sources of the dense search's chunks, best first.
    pub dense: Vec<String>,
    /// Sources of the lexical search's chunks, best first.
    pub lexical: Vec<String>,
    /// The search's result.
    pub outcome: SearchOutcome,
    /// The evidence for the support.
    pub evidence: SupportEvidence,
}

impl Library {
    /// Searches. Blocks for milliseconds.
    ///
    /// # Errors
    /// [`SearchError`] when an embedding has the wrong length or an index fails.
    pub fn search(&self, request: &SearchRequest<'_>) -> Result<SearchOutcome, SearchError> {
        Ok(self.search_with_details(request)?.outcome)
    }

    /// Searches, and also returns the rankings of both first-stage searches.
    ///
    /// # Errors
    /// As [`Library::search`].
    pub fn search_with_details(&self, request: &SearchRequest<'_>) -> Result<SearchDetails, SearchError> {
        let snapshot = self.snapshot();
        let wanted = |name: &String| request.collections.is_empty() || request.collections.contains(name);
        let serving = snapshot.collections.iter().filter(|(name, _)| wanted(name));
        let collections: Vec<Arc<LoadedCollection>> = serving.map(|(_, c)| Arc::clone(c)).collect();
        let (mut found, filter) = filtered(&self.analyser, &collections, request)?;
        if let Some((product, _)) = request.preferred.product {
            found.add(search_first_stage(
                &self.analyser,
                &collections,
                request,
                Some(product),
                request.section,
            )?);
        }
        let language = request.locale.unwrap_or_default();
        let weights = weights(&collections, request.queries, language, &found);
        found.weigh(request.queries, &weights);
        let dense = scaled_scores(&found.dense, ScoreScale::Span);
        let lexical = scaled_scores(&found.lexical, ScoreScale::Ratio);
        let speaks =
            |chunk_ref: &ChunkRef| document(&collections, chunk_ref).locale.starts_with(language.code());
        let share = dense_share(&dense, &speaks);
        let again = rerank(&collections, request.queries, &weights, language, &found, &lexical)?;
        let fused = again.unwrap_or_else(|| fuse(&dense, &lexical, share));
        let fused = prefer(&collections, fused, request.preferred, &speaks);
        let chosen = select(&collections, &fused, request.depth);

        let mut cosines: HashMap<ChunkRef, f32> = HashMap::new();
        for (chunk_ref, score) in found.dense.iter().flat_map(|ranking| &ranking.hits) {
            let cosine =
                collections[chunk_ref.collection].hubness.raw_cosine(*score, chunk_ref.chunk, language);
            let best = cosines.entry(*chunk_ref).or_insert(cosine);
            *best = best.max(cosine);
        }
        let chunk_refs: Vec<ChunkRef> = chosen.iter().map(|(chunk_ref, _)| *chunk_ref).collect();
        let cosine = |chunk_ref: &ChunkRef| cosines.get(chunk_ref).copied();
        let first = request.queries.first().map_or(0.0, |query| query.weight);
        let mut best: Option<(SupportEvidence, &str)> = None;
        let meant = |(query, weight): &(&Query, &f32)| query.weight >= first || **weight > first;
        for (wording, _) in request.queries.iter().zip(&weights).filter(meant) {
            let found =
                gather_evidence(&self.analyser, &collections, &chunk_refs, cosine, &wording.text, language)
                    .map_err(|error| search_error(&collections, 0, error.to_string()))?;
            if best.is_none_or(|(best, _)| found.support() > best.support()) {
                best = Some((found, &wording.text));
            }
        }
        let (evidence, wording) = best.unwrap_or_default();
        let support = if chosen.is_empty() { 0.0 } else { evidence.support() };
        let (dense_rank, lexical_rank) = (ranks(&dense), ranks(&lexical));
        let mut passages = Vec::with_capacity(chosen.len());
        for ((chunk_ref, score), rank) in chosen.iter().zip(1..) {
            let ranks = Ranks {
                dense: dense_rank.get(chunk_ref).copied(),
                lexical: lexical_rank.get(chunk_ref).copied(),
                fused: Some(rank),
            };
            passages.push(self.passage(
                &collections,
                chunk_ref,
                *score,
                cosines.get(chunk_ref).copied(),
                ranks,
            ));
        }
        let wording = wording.to_string();
        let outcome = SearchOutcome { passages, filter, support, wording, weights };
        let sources = |hits: &[(ChunkRef, f32)]| {
            let chunk_refs = hits
                .iter()
                .map(|(chunk_ref, _)| chunk_ref)
                .filter(|chunk_ref| in_service(&collections, chunk_ref));
            chunk_refs.map(|chunk_ref| document(&collections, chunk_ref).source.clone()).collect()
        };
        Ok(SearchDetails { dense: sources(&dense), lexical: sources(&lexical), outcome, evidence })
    }

    fn passage(
        &self,
        collections: &[Arc<LoadedCollection>],
        chunk_ref: &ChunkRef,
        score: f32,
        similarity: Option<f32>,
        ranks: Ranks,
    ) -> Passage {
        let LoadedCollection { records, manifest, .. } = &*collections[chunk_ref.collection];
        let passage =
            records.passage(&records.chunks[chunk_ref.chunk], &manifest.collection, &manifest.version);
        let text = passage.text.chars().take(self.max_passage_chars).collect();
        Passage { text, score, similarity, ranks, ..passage }
    }
}

/// Searches with the requested filter, and with a weaker one as long as nothing is found.
fn filtered(
    analyser: &Analyser,
    collections: &[Arc<LoadedCollection>],
    request: &SearchRequest<'_>,
) -> Result<(FirstStageRankings, FilterUsed), SearchError> {
    let mut tiers = Vec::new();
    if request.section.is_some() {
        tiers.push((request.product, request.section, FilterUsed::ProductAndSection));
    }
    if request.product.is_some() {
        tiers.push((request.product, None, FilterUsed::Product));
    }
    for (product, section, used) in &tiers {
        let found = search_first_stage(analyser, collections, request, *product, *section)?;
        if !found.is_empty(collections) {
            return Ok((found, *used));
        }
    }
    let used = if tiers.is_empty() { FilterUsed::None } else { FilterUsed::FellBack };
    Ok((search_first_stage(analyser, collections, request, None, None)?, used))
}

/// Lowers the scores of passages in another language (when some are in the question's), of another product (by the confidence
/// in the preferred one), and outside the section. Documents without a product belong to every product.
fn prefer(
    collections: &[Arc<LoadedCollection>],
    fused: Vec<(ChunkRef, f32)>,
    preferred: Preferred<'_>,
    speaks: &impl Fn(&ChunkRef) -> bool,
) -> Vec<(ChunkRef, f32)> {
    let both = fused.iter().any(|(chunk_ref, _)| speaks(chunk_ref));
    let of_language =
        |chunk_ref: &ChunkRef| if both && !speaks(chunk_ref) { OTHER_LANGUAGE_FACTOR } else { 1.0 };
    let of_site = |chunk_ref: &ChunkRef| {
        let document = document(collections, chunk_ref);
        let of_product = match (preferred.product, document.product.as_deref()) {
            (Some((wanted, sure)), Some(product)) if product != wanted => 1.0 - OTHER_PRODUCT_PENALTY * sure,
            _ => 1.0,
        };
        let outside = preferred.section.is_some_and(|section| document.section.as_deref() != Some(section));
        of_product * if outside { 1.0 - OTHER_SECTION_PENALTY } else { 1.0 }
    };
    let weighed = fused
        .into_iter()
        .map(|(chunk_ref, score)| (chunk_ref, score * of_language(&chunk_ref) * of_site(&chunk_ref)));
    sorted(weighed.collect())
}

fn ranks(hits: &[(ChunkRef, f32)]) -> HashMap<ChunkRef, u32> {
    hits.iter().map(|(chunk_ref, _)| *chunk_ref).zip(1..).collect()
}

fn document<'a>(collections: &'a [Arc<LoadedCollection>], chunk_ref: &ChunkRef) -> &'a DocumentRecord {
    let records = &collections[chunk_ref.collection].records;
    &records.documents[records.chunks[chunk_ref.chunk].document]
}
