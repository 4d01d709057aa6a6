use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::{
    recording::JobMessages,
    replay::comparison::{
        compare::ReplayVerdict,
        job_report::{JobReport, RemovedDocument},
    },
};

/// Documents counted per collection; more are ignored.
const MAX_PAGES_PER_COLLECTION: usize = 1_000;
/// Documents listed in the report.
const MAX_LISTED_PAGES: usize = 50;

/// The documents of a job that are not among the `documents` in service, which are named by collection and source.
pub(in crate::replay) fn removed_documents(
    messages: &JobMessages,
    documents: &HashSet<(String, String)>,
) -> Vec<RemovedDocument> {
    let cited = messages.answer.body.sources.iter().map(|source| RemovedDocument {
        collection: source.collection.clone(),
        source: source.metadata.source.clone(),
        url: source.metadata.url.clone(),
        cited: true,
    });
    let found = messages.retrieved().into_iter().flat_map(|retrieved| &retrieved.passages).map(|passage| {
        RemovedDocument {
            collection: passage.collection.clone(),
            source: passage.source.clone(),
            url: passage.url.clone(),
            cited: false,
        }
    });
    let mut removed: Vec<RemovedDocument> = Vec::new();
    for page in cited.chain(found) {
        let same =
            |known: &RemovedDocument| (&known.collection, &known.source) == (&page.collection, &page.source);
        let name = (page.collection.clone(), page.source.clone());
        if !removed.iter().any(same) && !documents.contains(&name) {
            removed.push(page);
        }
    }
    removed
}

/// Jobs by verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::replay) struct VerdictCounts {
    pub(in crate::replay) jobs: u64,
    pub(in crate::replay) visible: u64,
    pub(in crate::replay) inside: u64,
    pub(in crate::replay) same: u64,
    /// Jobs without a replayed answer: they need a model, or a stage failed.
    pub(in crate::replay) unknown: u64,
}

impl VerdictCounts {
    fn add(&mut self, verdict: ReplayVerdict) {
        self.jobs += 1;
        *match verdict {
            ReplayVerdict::Visible => &mut self.visible,
            ReplayVerdict::Inside => &mut self.inside,
            ReplayVerdict::Same => &mut self.same,
            ReplayVerdict::NeedsModel | ReplayVerdict::Failed => &mut self.unknown,
        } += 1;
    }

    fn print(&self, which: &str) {
        let Self { jobs, visible, inside, same, unknown } = self;
        println!(
            "  {jobs:>9}  {which}: {visible} changed for the visitor, {inside} inside, {same} same, {unknown} without an answer"
        );
    }
}

/// The jobs that cited or found one removed document.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct PageCounts {
    url: String,
    cited: VerdictCounts,
    found: VerdictCounts,
}

/// Counts of removed documents. Its size does not grow with the number of jobs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::replay) struct RemovedDocumentTally {
    /// By collection, then by source.
    pages: BTreeMap<String, BTreeMap<String, PageCounts>>,
    /// Jobs that had found no removed document.
    others: VerdictCounts,
}

impl RemovedDocumentTally {
    pub(in crate::replay) fn add(&mut self, report: &JobReport) {
        let verdict = report.verdict();
        if report.gone.is_empty() {
            self.others.add(verdict);
        }
        for removed in &report.gone {
            let pages = self.pages.entry(removed.collection.clone()).or_default();
            if pages.len() < MAX_PAGES_PER_COLLECTION || pages.contains_key(&removed.source) {
                let page = pages.entry(removed.source.clone()).or_default();
                page.url.clone_from(&removed.url);
                (if removed.cited { &mut page.cited } else { &mut page.found }).add(verdict);
            }
        }
    }
}

/// The report's figures on removed documents.
#[derive(Debug, Serialize)]
pub(in crate::replay) struct RemovedDocumentFigures {
    /// The most cited first.
    pages: Vec<PageFigures>,
    /// Jobs that had found no removed document.
    others: VerdictCounts,
}

#[derive(Debug, Serialize)]
struct PageFigures {
    collection: String,
    source: String,
    url: String,
    /// Jobs that cited it.
    cited: VerdictCounts,
    /// Jobs that found it and did not cite it.
    found: VerdictCounts,
}

impl RemovedDocumentFigures {
    /// `None` if no document was removed.
    pub(in crate::replay) fn of(tally: &RemovedDocumentTally) -> Option<Self> {
        let mut pages = Vec::new();
        for (collection, sources) in &tally.pages {
            pages.extend(sources.iter().map(|(source, page)| PageFigures {
                collection: collection.clone(),
                source: source.clone(),
                url: page.url.clone(),
                cited: page.cited,
                found: page.found,
            }));
        }
        pages.sort_by_key(|page| std::cmp::Reverse((page.cited.jobs, page.found.jobs)));
        pages.truncate(MAX_LISTED_PAGES);
        (!pages.is_empty()).then_some(Self { pages, others: tally.others })
    }

    pub(in crate::replay) fn print(&self) {
        for page in &self.pages {
            println!("gone: {} of {}", page.source, page.collection);
            page.cited.print("jobs cited it");
            page.found.print("jobs found it and did not cite it");
        }
        self.others.print("other jobs");
    }
}
