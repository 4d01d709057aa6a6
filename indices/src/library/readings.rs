//! What is read of the passages that were found, each together with the question.

use std::{collections::HashMap, io, sync::Arc};

use hoidap_shared::job::Query;

use super::{collection::Collection, fuse::Place};
use crate::cross_attention::{CrossAttention, Reading, Told};

/// Reads chunks for the wordings of a question, each with its weight; the mean over the wordings. What has no token vectors is not
/// read.
///
/// # Errors
/// When token vectors cannot be read, or are not those that the weights are for.
pub(super) fn readings(
    weights: &CrossAttention,
    collections: &[Arc<Collection>],
    wordings: &[(&Query, f32)],
    places: &[Place],
) -> io::Result<HashMap<Place, Reading>> {
    let asked: Vec<&(&Query, f32)> =
        wordings.iter().filter(|(query, weight)| *weight > 0.0 && !query.tokens.is_empty()).collect();
    let all: f32 = asked.iter().map(|(_, weight)| weight).sum();
    let mut readings = HashMap::new();
    for (number, collection) in collections.iter().enumerate() {
        let own: Vec<&Place> = places.iter().filter(|place| place.0 == number).collect();
        let told = own.iter().map(|place| told(collection, place.1)).collect::<io::Result<Vec<_>>>()?;
        let mut read: Vec<Vec<(f32, Reading)>> = vec![Vec::new(); own.len()];
        for (query, weight) in &asked {
            let made = weights.read(&query.tokens, collection.manifest.token_dimensions, &told)?;
            for (parts, made) in read.iter_mut().zip(made) {
                parts.extend(made.map(|made| (weight / all, made)));
            }
        }
        for (place, parts) in own.into_iter().zip(read) {
            let parts: Vec<_> = parts.iter().map(|(share, part)| (*share, part)).collect();
            readings.extend(Reading::mean(&parts).map(|mean| (*place, mean)));
        }
    }
    Ok(readings)
}

fn told(collection: &Collection, chunk: usize) -> io::Result<Told> {
    let segments = &collection.records.chunks[chunk].segments;
    let sentences = segments.iter().map(|part| part.tokens.start as usize..part.tokens.end as usize);
    Ok(Told { tokens: collection.tokens.read(chunk)?, sentences: sentences.collect() })
}
