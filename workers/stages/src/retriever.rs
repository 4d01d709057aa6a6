//! The retriever stage: searches the passages that may answer.

use std::{collections::HashSet, sync::Arc};

use anyhow::bail;
use hoidap_indices::{Library, Preferred, SearchRequest};
use hoidap_shared::{
    config::{Config, RetrieverConfig as Settings},
    digest::digest,
    job::{Classified, Envelope, FilterUsed, Retrieved},
    progress::ProgressSink,
    stage::{ComponentStatus, NextStep, Stage, StageError, StageStatus},
};

use crate::{
    replayable::{FallbackCalls, ReplayableStage},
    watched_library::{self, WatchedLibrary},
};

/// The second stage: searches the collections that the classifier chose.
pub struct Retriever {
    library: WatchedLibrary,
    settings: Settings,
    version: String,
}

impl Retriever {
    /// Searches all documents and prefers those of the product and section. With `filter`, only those are searched;
    /// the section filter is dropped if other documents give better support, the product filter if support stays
    /// too low.
    fn search(
        library: &Library,
        settings: &Settings,
        job: &Classified,
    ) -> Result<SearchResult, hoidap_indices::SearchError> {
        let product = job.product.as_ref().map(|product| product.name.as_str());
        let request = SearchRequest {
            queries: &job.queries,
            collections: &job.collections,
            product,
            section: job.section.as_deref(),
            preferred: Preferred::default(),
            locale: Some(job.language),
            depth: settings.depth,
            candidates: settings.candidates,
        };
        if !settings.filter {
            let preferred = Preferred {
                product: job.product.as_ref().map(|product| (product.name.as_str(), product.confidence)),
                section: request.section,
            };
            let every =
                SearchRequest { collections: &[], product: None, section: None, preferred, ..request };
            return Ok(SearchResult { outcome: library.search(&every)?, widened: false });
        }
        let mut best = library.search(&request)?;
        if job.section.is_some() {
            let every_section = library.search(&SearchRequest { section: None, ..request.clone() })?;
            if every_section.support > best.support {
                best = every_section;
            }
        }
        if product.is_none() || best.support >= settings.min_support {
            return Ok(SearchResult { outcome: best, widened: false });
        }
        let every: Vec<String> =
            library.collections().into_iter().map(|collection| collection.name).collect();
        let wide = SearchRequest { collections: &every, product: None, section: None, ..request };
        let widened = library.search(&wide)?;
        if widened.support > best.support {
            return Ok(SearchResult { outcome: widened, widened: true });
        }
        Ok(SearchResult { outcome: best, widened: false })
    }
}

struct SearchResult {
    outcome: hoidap_indices::SearchOutcome,
    widened: bool,
}

impl ReplayableStage for Retriever {
    /// Opens the stage where every collection can be searched.
    async fn open_for_replay(config: &Config, _: Option<&FallbackCalls>) -> anyhow::Result<Self> {
        let retriever = Self::open(config).await?;
        let unhealthy = retriever.status().components.into_iter().find(|component| !component.healthy);
        if let Some(component) = unhealthy {
            bail!("{} cannot be replayed: {}", component.name, component.detail);
        }
        Ok(retriever)
    }

    fn documents(&self) -> Option<HashSet<(String, String)>> {
        Some(self.library.documents())
    }
}

impl Stage for Retriever {
    const NAME: &'static str = "retriever";
    type In = Classified;
    type Out = Retrieved;

    async fn open(config: &Config) -> anyhow::Result<Self> {
        let library = watched_library::open(config).await?;
        let version = digest(&[&format!("{:?}", config.retriever)]);
        Ok(Self { library, settings: config.retriever.clone(), version })
    }

    async fn process(
        &self,
        job: &Envelope<Classified>,
        _: &ProgressSink,
    ) -> Result<NextStep<Retrieved>, StageError> {
        let (library, settings, mut classified) =
            (Arc::clone(&self.library), self.settings.clone(), job.body.clone());
        let version = self.version();
        let work = tokio::task::spawn_blocking(move || {
            let result = Self::search(&library, &settings, &classified)?;
            let mut passages = result.outcome.passages;
            for passage in &mut passages {
                truncate_chars(&mut passage.text, settings.max_passage_chars);
            }
            if !result.outcome.wording.is_empty() && classified.meaning == primary_query(&classified) {
                classified.meaning = result.outcome.wording;
            }
            let unmentioned = library.unmentioned(&classified.meaning)?;
            let filter = if result.widened { FilterUsed::FellBack } else { result.outcome.filter };
            Ok::<_, hoidap_indices::SearchError>(Retrieved {
                classified,
                passages,
                support: result.outcome.support,
                unmentioned,
                filter,
                wording_weights: result.outcome.weights,
                version,
            })
        });
        match work.await {
            Ok(Ok(retrieved)) => Ok(NextStep::Forward(retrieved)),
            Ok(Err(error)) => {
                Err(StageError::Retry { reason: format!("the search failed: {error}"), after: None })
            }
            Err(panic) => {
                Err(StageError::Retry { reason: format!("the search task failed: {panic}"), after: None })
            }
        }
    }

    fn version(&self) -> String {
        digest(&[&self.version, &self.library.version()])
    }

    fn status(&self) -> StageStatus {
        let components = self
            .library
            .collections()
            .into_iter()
            .map(|collection| ComponentStatus {
                name: format!("collection:{}", collection.name),
                healthy: collection.refusal.is_none(),
                detail: collection.refusal.unwrap_or_else(|| match collection.version {
                    Some(version) => format!("version {version}, {} chunks", collection.chunks),
                    None => "no version in service".into(),
                }),
            })
            .collect();
        StageStatus { version: self.version(), components }
    }
}

/// The most trusted query.
fn primary_query(job: &Classified) -> &str {
    job.queries.first().map_or("", |query| &query.text)
}

/// Truncates a text to a number of characters.
fn truncate_chars(text: &mut String, characters: usize) {
    if let Some((end, _)) = text.char_indices().nth(characters) {
        text.truncate(end);
    }
}
