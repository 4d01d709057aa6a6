//! Searches all collections of a site: loading, dense and lexical search, fusion, re-ranking, and evidence for an answer.

mod first_stage;
mod fuse;
mod hubness;
mod identifier_index;
mod loaded_collection;
mod question_identifiers;
mod reload;
mod rerank;
mod search;
mod select;
mod sentences;
mod support;
mod wording_weights;

use hoidap_shared::{
    job::{FilterUsed, Passage, Query},
    text::Language,
};

pub use question_identifiers::QuestionIdentifier;
pub use reload::Library;
pub use search::SearchDetails;
pub use support::SupportEvidence;

/// A collection as the health report and the command line show it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CollectionInfo {
    /// Its name.
    pub name: String,
    /// The product of all its documents, when they have one.
    pub product: Option<String>,
    /// The section of all its documents, when they have one.
    pub section: Option<String>,
    /// The locales of its documents.
    pub locales: Vec<String>,
    /// The version in service; `None` when there is none.
    pub version: Option<String>,
    /// Number of documents.
    pub documents: usize,
    /// Number of chunks.
    pub chunks: usize,
    /// Why the current version on disk is not in service, in one sentence.
    pub refusal: Option<String>,
}

/// A change that a reload found.
#[derive(Clone, Debug, PartialEq)]
pub enum ReloadEvent {
    /// A version came into service.
    Loaded {
        /// The collection.
        collection: String,
        /// The version.
        version: String,
    },
    /// A version was refused; the one before stays in service.
    Refused {
        /// The collection.
        collection: String,
        /// Why, in one sentence.
        reason: String,
    },
    /// A collection is gone from the disk, and from service.
    Removed {
        /// The collection.
        collection: String,
    },
}

/// The product and section that the question is probably about.
#[derive(Clone, Copy, Debug, Default)]
pub struct Preferred<'a> {
    /// A product and its confidence, 0 to 1.
    pub product: Option<(&'a str, f32)>,
    /// A section of the site.
    pub section: Option<&'a str>,
}

impl Preferred<'_> {
    /// Confidence in a product that only the page's address suggests.
    pub const BY_ADDRESS: f32 = 0.8;
}

/// A search request.
#[derive(Clone, Debug)]
pub struct SearchRequest<'a> {
    /// The wordings of the question. Those with an embedding are searched in both indices, the others only lexically.
    pub queries: &'a [Query],
    /// Names of the collections. Unknown names are ignored; an empty list means all.
    pub collections: &'a [String],
    /// Only documents of this product, if that leaves any.
    pub product: Option<&'a str>,
    /// Only documents of this section, if that leaves any.
    pub section: Option<&'a str>,
    /// Documents of this product and section rank before others of about the same score. This is not a filter.
    pub preferred: Preferred<'a>,
    /// The language whose documents are preferred. This is not a filter.
    pub locale: Option<Language>,
    /// Number of passages to return.
    pub depth: usize,
    /// Number of candidates from each index.
    pub candidates: usize,
}

/// The result of a search.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchOutcome {
    /// The passages, best first, without near-duplicates.
    pub passages: Vec<Passage>,
    /// The filter that was applied.
    pub filter: FilterUsed,
    /// How likely the passages contain an answer, 0 to 1.
    pub support: f32,
    /// The wording that the passages support best, of those with at least the weight of the first one.
    pub wording: String,
    /// How much each wording counted, in the order of the request.
    pub weights: Vec<f32>,
}

/// Why a search failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SearchError {
    /// The embedding has another length than the collection's vectors.
    #[error(
        "the question's embedding has {found} numbers, collection `{collection}` needs {expected}: both must come from the same model"
    )]
    Dimensions {
        /// The collection.
        collection: String,
        /// Length of the collection's vectors.
        expected: usize,
        /// Length of the question's embedding.
        found: usize,
    },
    /// The dense or lexical index failed.
    #[error("the search in collection `{collection}` failed: {reason}")]
    Failed {
        /// The collection.
        collection: String,
        /// The index's error.
        reason: String,
    },
}
