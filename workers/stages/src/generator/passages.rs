//! The passages of a job, split into segments: sentences, list items, table rows and labels.

pub(super) mod passage_set;
pub(super) mod row_names;
pub(super) mod segmenter;
pub(super) mod table;
pub(super) mod table_selection;
