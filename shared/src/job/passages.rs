use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Classified;

/// Where a passage stood in each ranking, from 1; `None` where that search did not find it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ranks {
    /// By embedding.
    pub dense: Option<u32>,
    /// By words.
    pub lexical: Option<u32>,
    /// After fusion.
    pub fused: Option<u32>,
}

/// A sentence, list item or table row of a passage, and how well it meets the question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SentenceScore {
    /// Where it starts in the passage's text, in characters.
    pub start: usize,
    /// Where it ends, exclusive.
    pub end: usize,
    /// Late interaction of the question's tokens with its own, -1 to 1.
    pub late: f32,
    /// The same with those of the title, the headings and the head of its table as well: what it leaves to its place.
    pub in_place: f32,
    /// The log odds that it answers, by attention across the question's tokens and the passage's; `None` where the embedding model comes
    /// with no weights for that.
    pub answers: Option<f32>,
}

/// What a line of a passage's text is on its page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LineKind {
    /// A heading.
    Heading,
    /// A paragraph.
    Text,
    /// An item of a list, a part of one, or the definition of a term.
    Item,
    /// The row of a table that names its columns.
    Head,
    /// Another row of a table.
    Row,
    /// A preformatted line.
    Code,
}

impl LineKind {
    /// Whether a line may be the row of a table, by the kinds of a text's lines. Where they are not known, it may.
    pub fn may_be_row(kinds: &[Self], line: usize) -> bool {
        kinds.get(line).is_none_or(|kind| matches!(kind, Self::Head | Self::Row))
    }
}

/// The headings above a line of a passage.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct HeadingsAbove {
    /// How many of the passage's heading path.
    pub of_path: usize,
    /// The lines of the passage that are headings above it, outermost first.
    pub lines: Vec<usize>,
}

/// The headings above each line of a passage with a heading path of `path` headings. A passage may hold several sections: at
/// a heading line, as many of the headings above stay as its depth says, and the others end.
pub fn headings_above(path: usize, lines: &[LineKind], depths: &[u8]) -> Vec<HeadingsAbove> {
    let mut above = HeadingsAbove { of_path: path, lines: Vec::new() };
    let mut depths = depths.iter();
    let mut found = Vec::with_capacity(lines.len());
    for (line, kind) in lines.iter().enumerate() {
        let depth = depths.as_slice().first().filter(|_| *kind == LineKind::Heading);
        if let Some(depth) = depth.map(|depth| usize::from(*depth)) {
            depths.next();
            above.lines.truncate(depth.saturating_sub(above.of_path));
            above.of_path = above.of_path.min(depth);
            found.push(above.clone());
            above.lines.push(line);
        } else {
            found.push(above.clone());
        }
    }
    found
}

/// The parts of a passage's first and last list or table that other passages hold, since it is too long for one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Cut {
    /// Whether the list or table with which the passage begins has entries before it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub before: bool,
    /// Whether the list or table with which it ends has entries behind it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub after: bool,
    /// The row before the passage that names the columns of the table with which it begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head: Option<String>,
}

impl Cut {
    /// Whether nothing is cut off.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// A piece of a document that may answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Passage {
    /// The chunk's id: stable as long as its document's text and place do not change.
    pub chunk_id: String,
    /// The collection it was found in.
    pub collection: String,
    /// The version of that collection.
    pub version: String,
    /// The chunk's text, capped.
    pub text: String,
    /// What each line of the chunk's text is; empty where the document's format does not tell, as plain text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<LineKind>,
    /// For each heading among its lines, the number of headings that stay above it; see [`headings_above`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub heading_depths: Vec<u8>,
    /// What its first and last list or table lack.
    #[serde(default, skip_serializing_if = "Cut::is_none")]
    pub cut: Cut,
    /// How well it fits the question, 0 to 1.
    pub score: f32,
    /// Cosine of the chunk's and the best query's embedding, when the dense search found it.
    pub similarity: Option<f32>,
    /// Where each search ranked it.
    pub ranks: Ranks,
    /// The document's address on the site.
    pub url: String,
    /// The document's path as it was indexed.
    pub source: String,
    /// The document's title.
    pub title: String,
    /// The headings above the chunk, outermost first.
    pub heading_path: Vec<String>,
    /// Where the chunk starts in the document's extracted text, in characters.
    pub start: usize,
    /// Where it ends, in characters, exclusive.
    pub end: usize,
    /// The document's locale.
    pub locale: String,
    /// The product the document is about.
    pub product: Option<String>,
    /// The section it belongs to.
    pub section: Option<String>,
    /// SHA-256 of the document, in hexadecimal: its version.
    pub document_hash: String,
    /// Its sentences, in the order of the text; empty where the model has no token vectors.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sentences: Vec<SentenceScore>,
}

/// Which filter the passages passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FilterUsed {
    /// None was asked for.
    None,
    /// Product and section.
    ProductAndSection,
    /// Product alone.
    Product,
    /// One was asked for, but left nothing, so all documents were searched.
    FellBack,
}

/// A classified question with the passages that may answer it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Retrieved {
    /// The question and its meaning.
    pub classified: Classified,
    /// The best passages, best first; empty when nothing was found.
    pub passages: Vec<Passage>,
    /// How likely it is that the passages hold an answer at all, 0 to 1.
    pub support: f32,
    /// Words of the question that no document holds, in its order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unmentioned: Vec<String>,
    /// The filter that produced them.
    pub filter: FilterUsed,
    /// How much each wording counted in the search, in the order of `classified.queries`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wording_weights: Vec<f32>,
    /// The version of everything the retriever's result depends on.
    pub version: String,
}

#[cfg(test)]
mod tests {
    use super::{
        LineKind::{Heading, Text},
        *,
    };

    #[test]
    fn each_section_has_its_own_headings() {
        // Below "Shop > Bikes": text, then "Rental" below "Shop" with "Prices" below that, then another page-level heading.
        let lines = [Text, Heading, Text, Heading, Text, Heading, Text];
        let found = headings_above(2, &lines, &[1, 2, 0]);
        let above: Vec<(usize, Vec<usize>)> =
            found.into_iter().map(|above| (above.of_path, above.lines)).collect();
        let expected = [
            (2, vec![]),
            (1, vec![]),
            (1, vec![1]),
            (1, vec![1]),
            (1, vec![1, 3]),
            (0, vec![]),
            (0, vec![5]),
        ];
        assert_eq!(above, expected);
        // Messages of earlier releases have no depths: everything is below the path.
        assert!(
            headings_above(2, &lines, &[]).iter().all(|above| above.of_path == 2 && above.lines.is_empty())
        );
    }
}
