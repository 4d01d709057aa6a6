use std::{collections::HashMap, sync::Arc};

use hoidap_shared::job::{FilterUsed, Passage, Query, Ranks};

use super::{
    Library, Preferred, SearchError, SearchOutcome, SearchRequest,
    collection::Collection,
    find::{Found, failed, find, in_service},
    fuse::{Place, Scale, combine, leg, sorted},
    readings::readings,
    rerank::rerank,
    select::select,
    sentences::sentences,
    support::{Evidence, evidence},
    weigh::weights,
};
use crate::{lexical::Analyser, store::DocumentRecord};

/// How much the dense leg counts where question and documents share a language, and where they do not: then only names
/// and technical terms are left to the lexical leg.
const DENSE_SHARE: f32 = 0.5;
const DENSE_SHARE_ACROSS: f32 = 0.7;

/// What a passage in another language than the question's counts, where there are passages in both.
const OTHER_LANGUAGE: f32 = 0.9;

/// What a passage of another product than the one that is certainly meant loses of its score, and one outside the section of the page
/// (docs/indices.md, "Levers").
const OTHER_PRODUCT: f32 = 0.15;
const OTHER_SECTION: f32 = 0.05;

/// The first candidates of the dense leg tell which language the documents speak.
const LANGUAGE_SAMPLE: usize = 10;

/// What each leg found, and what is made of it.
pub struct Rankings {
    /// Sources of the dense leg's chunks, best first.
    pub dense: Vec<String>,
    /// Sources of the lexical leg's chunks, best first.
    pub lexical: Vec<String>,
    /// What is handed on.
    pub outcome: SearchOutcome,
    /// What the support rests on.
    pub evidence: Evidence,
}

impl Library {
    /// Searches; blocks for milliseconds.
    ///
    /// # Errors
    /// [`SearchError`] when an embedding does not fit or an index fails.
    pub fn search(&self, request: &SearchRequest<'_>) -> Result<SearchOutcome, SearchError> {
        Ok(self.rankings(request)?.outcome)
    }

    /// Searches, and tells what each leg found.
    ///
    /// # Errors
    /// As [`Library::search`].
    pub fn rankings(&self, request: &SearchRequest<'_>) -> Result<Rankings, SearchError> {
        let shelf = self.shelf();
        let wanted = |name: &String| request.collections.is_empty() || request.collections.contains(name);
        let serving = shelf.collections.iter().filter(|(name, _)| wanted(name));
        let collections: Vec<Arc<Collection>> = serving.map(|(_, c)| Arc::clone(c)).collect();
        let (mut found, filter) = filtered(&self.analyser, &collections, request)?;
        if let Some((product, _)) = request.preferred.product {
            found.add(find(&self.analyser, &collections, request, Some(product), request.section)?);
        }
        let language = request.locale.unwrap_or_default();
        let weights = weights(&collections, request.queries, language, &found);
        found.weigh(request.queries, &weights);
        let dense = leg(&found.dense, Scale::Span);
        let lexical = leg(&found.lexical, Scale::Ratio);
        let speaks = |place: &Place| document(&collections, place).locale.starts_with(language.code());
        let share = dense_share(&dense, &speaks);
        let again = rerank(&collections, request.queries, &weights, language, &found, &lexical)?;
        let fused = again.unwrap_or_else(|| combine(&dense, &lexical, share));
        let fused = prefer(&collections, fused, request.preferred, &speaks);
        let chosen = select(&collections, &fused, request.depth);

        let mut cosines: HashMap<Place, f32> = HashMap::new();
        for (place, score) in found.dense.iter().flat_map(|ranking| &ranking.hits) {
            let cosine = collections[place.0].hubs.cosine(*score, place.1, language);
            let best = cosines.entry(*place).or_insert(cosine);
            *best = best.max(cosine);
        }
        let places: Vec<Place> = chosen.iter().map(|(place, _)| *place).collect();
        let cosine = |place: &Place| cosines.get(place).copied();
        let first = request.queries.first().map_or(0.0, |query| query.weight);
        let mut best: Option<(Evidence, &str)> = None;
        let meant = |(query, weight): &(&Query, &f32)| query.weight >= first || **weight > first;
        for (wording, _) in request.queries.iter().zip(&weights).filter(meant) {
            let found = evidence(&self.analyser, &collections, &places, cosine, &wording.text, language)
                .map_err(|error| failed(&collections, 0, error.to_string()))?;
            if best.is_none_or(|(best, _)| found.support() > best.support()) {
                best = Some((found, &wording.text));
            }
        }
        let (evidence, wording) = best.unwrap_or_default();
        let support = if chosen.is_empty() { 0.0 } else { evidence.support() };
        let (dense_rank, lexical_rank) = (ranks(&dense), ranks(&lexical));
        let wordings: Vec<(&Query, f32)> = request.queries.iter().zip(weights).collect();
        let unreadable = |error: std::io::Error| failed(&collections, 0, error.to_string());
        let readings = match self.cross_attention.as_deref() {
            Some(weights) => readings(weights, &collections, &wordings, &places).map_err(unreadable)?,
            None => HashMap::new(),
        };
        let mut passages = Vec::with_capacity(chosen.len());
        for ((place, score), rank) in chosen.iter().zip(1..) {
            let ranks = Ranks {
                dense: dense_rank.get(place).copied(),
                lexical: lexical_rank.get(place).copied(),
                fused: Some(rank),
            };
            let passage = self.passage(&collections, place, *score, cosines.get(place).copied(), ranks);
            let sentences =
                sentences(&collections, *place, &wordings, self.max_passage_chars, readings.get(place))
                    .map_err(unreadable)?;
            passages.push(Passage { sentences, ..passage });
        }
        let wording = wording.to_string();
        let outcome = SearchOutcome { passages, filter, support, wording };
        let sources = |leg: &[(Place, f32)]| {
            let places = leg.iter().map(|(place, _)| place).filter(|place| in_service(&collections, place));
            places.map(|place| document(&collections, place).source.clone()).collect()
        };
        Ok(Rankings { dense: sources(&dense), lexical: sources(&lexical), outcome, evidence })
    }

    fn passage(
        &self,
        collections: &[Arc<Collection>],
        place: &Place,
        score: f32,
        similarity: Option<f32>,
        ranks: Ranks,
    ) -> Passage {
        let Collection { records, manifest, .. } = &*collections[place.0];
        let passage = records.passage(&records.chunks[place.1], &manifest.collection, &manifest.version);
        let text = passage.text.chars().take(self.max_passage_chars).collect();
        Passage { text, score, similarity, ranks, ..passage }
    }
}

/// Looks with the filter that was asked for, and with less of it as long as nothing is found.
fn filtered(
    analyser: &Analyser,
    collections: &[Arc<Collection>],
    request: &SearchRequest<'_>,
) -> Result<(Found, FilterUsed), SearchError> {
    let mut tiers = Vec::new();
    if request.section.is_some() {
        tiers.push((request.product, request.section, FilterUsed::ProductAndSection));
    }
    if request.product.is_some() {
        tiers.push((request.product, None, FilterUsed::Product));
    }
    for (product, section, used) in &tiers {
        let found = find(analyser, collections, request, *product, *section)?;
        if !found.is_empty(collections) {
            return Ok((found, *used));
        }
    }
    let used = if tiers.is_empty() { FilterUsed::None } else { FilterUsed::FellBack };
    Ok((find(analyser, collections, request, None, None)?, used))
}

fn dense_share(dense: &[(Place, f32)], speaks: &impl Fn(&Place) -> bool) -> f32 {
    let sample = &dense[..dense.len().min(LANGUAGE_SAMPLE)];
    let other = sample.iter().filter(|(place, _)| !speaks(place)).count();
    let share = other as f32 / sample.len().max(1) as f32;
    DENSE_SHARE + (DENSE_SHARE_ACROSS - DENSE_SHARE) * share
}

/// Puts back the passages in another language than the question's, where there are some in its own; those of another product than the
/// preferred one, by its confidence; and those outside the section. Documents of no product are everybody's.
fn prefer(
    collections: &[Arc<Collection>],
    fused: Vec<(Place, f32)>,
    preferred: Preferred<'_>,
    speaks: &impl Fn(&Place) -> bool,
) -> Vec<(Place, f32)> {
    let both = fused.iter().any(|(place, _)| speaks(place));
    let of_language = |place: &Place| if both && !speaks(place) { OTHER_LANGUAGE } else { 1.0 };
    let of_site = |place: &Place| {
        let document = document(collections, place);
        let of_product = match (preferred.product, document.product.as_deref()) {
            (Some((wanted, sure)), Some(product)) if product != wanted => 1.0 - OTHER_PRODUCT * sure,
            _ => 1.0,
        };
        let outside = preferred.section.is_some_and(|section| document.section.as_deref() != Some(section));
        of_product * if outside { 1.0 - OTHER_SECTION } else { 1.0 }
    };
    let weighed =
        fused.into_iter().map(|(place, score)| (place, score * of_language(&place) * of_site(&place)));
    sorted(weighed.collect())
}

fn ranks(leg: &[(Place, f32)]) -> HashMap<Place, u32> {
    leg.iter().map(|(place, _)| *place).zip(1..).collect()
}

fn document<'a>(collections: &'a [Arc<Collection>], place: &Place) -> &'a DocumentRecord {
    let records = &collections[place.0].records;
    &records.documents[records.chunks[place.1].document]
}
