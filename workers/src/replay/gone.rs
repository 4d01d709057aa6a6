use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use super::{
    compare::Verdict,
    difference::{Gone, JobReport},
    messages::Messages,
};

/// Pages of one collection that are counted by themselves.
const MOST: usize = 1_000;
/// Pages that the report lists.
const LISTED: usize = 50;

/// The pages of a job that are gone: that are not among the `documents` in service, by collection and source.
pub(super) fn gone(messages: &Messages, documents: &HashSet<(String, String)>) -> Vec<Gone> {
    let cited = messages.answer.body.sources.iter().map(|source| Gone {
        collection: source.collection.clone(),
        source: source.metadata.source.clone(),
        url: source.metadata.url.clone(),
        cited: true,
    });
    let found = messages.retrieved.iter().flat_map(|job| &job.body.passages).map(|passage| Gone {
        collection: passage.collection.clone(),
        source: passage.source.clone(),
        url: passage.url.clone(),
        cited: false,
    });
    let mut gone: Vec<Gone> = Vec::new();
    for page in cited.chain(found) {
        let same = |known: &Gone| (&known.collection, &known.source) == (&page.collection, &page.source);
        let name = (page.collection.clone(), page.source.clone());
        if !gone.iter().any(same) && !documents.contains(&name) {
            gone.push(page);
        }
    }
    gone
}

/// What became of jobs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Fates {
    pub(super) jobs: u64,
    pub(super) visible: u64,
    pub(super) inside: u64,
    pub(super) same: u64,
    /// Jobs without an answer: they need a model, or a stage failed.
    pub(super) unknown: u64,
}

impl Fates {
    fn add(&mut self, verdict: Verdict) {
        self.jobs += 1;
        *match verdict {
            Verdict::Visible => &mut self.visible,
            Verdict::Inside => &mut self.inside,
            Verdict::Same => &mut self.same,
            Verdict::NeedsModel | Verdict::Failed => &mut self.unknown,
        } += 1;
    }

    fn print(&self, which: &str) {
        let Self { jobs, visible, inside, same, unknown } = self;
        println!(
            "  {jobs:>9}  {which}: {visible} changed for the visitor, {inside} inside, {same} same, {unknown} without an answer"
        );
    }
}

/// The jobs of one page that is gone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Page {
    url: String,
    cited: Fates,
    found: Fates,
}

/// What came of pages that are gone. Its size does not grow with the number of jobs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Tally {
    /// By collection and source.
    pages: BTreeMap<String, BTreeMap<String, Page>>,
    /// Jobs that had found none of them.
    others: Fates,
}

impl Tally {
    pub(super) fn add(&mut self, report: &JobReport) {
        let verdict = report.verdict();
        if report.gone.is_empty() {
            self.others.add(verdict);
        }
        for gone in &report.gone {
            let pages = self.pages.entry(gone.collection.clone()).or_default();
            if pages.len() < MOST || pages.contains_key(&gone.source) {
                let page = pages.entry(gone.source.clone()).or_default();
                page.url.clone_from(&gone.url);
                (if gone.cited { &mut page.cited } else { &mut page.found }).add(verdict);
            }
        }
    }
}

/// The report's figures of pages that are gone.
#[derive(Debug, Serialize)]
pub(super) struct Figures {
    /// The most cited first.
    pages: Vec<PageFigures>,
    /// Jobs that had found none of them.
    others: Fates,
}

#[derive(Debug, Serialize)]
struct PageFigures {
    collection: String,
    source: String,
    url: String,
    /// Jobs that cited it.
    cited: Fates,
    /// Jobs that found it and did not cite it.
    found: Fates,
}

impl Figures {
    /// None where no page is gone.
    pub(super) fn of(tally: &Tally) -> Option<Self> {
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
        pages.truncate(LISTED);
        (!pages.is_empty()).then_some(Self { pages, others: tally.others })
    }

    pub(super) fn print(&self) {
        for page in &self.pages {
            println!("gone: {} of {}", page.source, page.collection);
            page.cited.print("jobs cited it");
            page.found.print("jobs found it and did not cite it");
        }
        self.others.print("other jobs");
    }
}
