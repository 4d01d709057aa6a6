//! All collections of a site, ready to be searched.

mod background;
mod collection;
mod find;
mod fuse;
mod hubs;
mod identifiers;
mod open;
mod readings;
mod rerank;
mod search;
mod select;
mod sentences;
mod support;
mod weigh;

use hoidap_shared::{
    job::{FilterUsed, Passage, Query},
    text::Language,
};

pub use background::{Background, Spread};
pub(crate) use hubs::LANGUAGES;
pub use identifiers::Named;
pub use open::Library;
pub use search::Rankings;
pub use support::Evidence;

/// A collection as health and the command line show it.
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
    /// Documents in it.
    pub documents: usize,
    /// Chunks in it.
    pub chunks: usize,
    /// Why the current version on disk is not in service, in one sentence.
    pub refusal: Option<String>,
}

/// What a look at the disk changed.
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

/// What the visitor is probably asking about.
#[derive(Clone, Copy, Debug, Default)]
pub struct Preferred<'a> {
    /// A product, and how sure that is, 0 to 1.
    pub product: Option<(&'a str, f32)>,
    /// A section of the site.
    pub section: Option<&'a str>,
}

impl Preferred<'_> {
    /// How sure a product is that only the address of the page speaks for.
    pub const BY_ADDRESS: f32 = 0.8;
}

/// What to look for.
#[derive(Clone, Debug)]
pub struct SearchRequest<'a> {
    /// The wordings; those with an embedding are searched by both legs.
    pub queries: &'a [Query],
    /// The collections; unknown names are passed over, an empty list means all.
    pub collections: &'a [String],
    /// Only documents of this product, if that leaves any.
    pub product: Option<&'a str>,
    /// Only documents of this section, if that leaves any.
    pub section: Option<&'a str>,
    /// Whose documents come before others that answer about as well; no filter.
    pub preferred: Preferred<'a>,
    /// The language whose documents are preferred; no filter.
    pub locale: Option<Language>,
    /// Passages wanted.
    pub depth: usize,
    /// Candidates taken from each leg.
    pub candidates: usize,
}

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchOutcome {
    /// The passages, best first, near-duplicates left out.
    pub passages: Vec<Passage>,
    /// The filter they passed.
    pub filter: FilterUsed,
    /// How likely it is that they hold an answer at all, 0 to 1.
    pub support: f32,
    /// The wording that they support best, of those that count as much as the first one.
    pub wording: String,
}

/// Why a search failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SearchError {
    /// An embedding of another length than the collection's model gives.
    #[error(
        "the question's embedding has {found} numbers, collection `{collection}` needs {expected}: both must come from the same model"
    )]
    Dimensions {
        /// The collection.
        collection: String,
        /// Its model's.
        expected: usize,
        /// The question's.
        found: usize,
    },
    /// The dense or lexical index failed.
    #[error("the search in collection `{collection}` failed: {reason}")]
    Failed {
        /// The collection.
        collection: String,
        /// What the index said.
        reason: String,
    },
}
