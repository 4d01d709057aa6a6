//! How parts of a job's messages appear in the JSON of a trace.

use hoidap_shared::job::{Answer, Classified, Passage, ProviderAttempt, Query, Retrieved, Source};
use serde::{Serialize, Serializer, ser::SerializeMap as _};

use super::answer_details::{CallResult, SupportedSentence, calls, cited_sentences};

/// A part of a message, as the JSON has it.
struct MessagePart<T>(T);

pub(super) fn classified<S: Serializer>(classified: &Classified, serializer: S) -> Result<S::Ok, S::Error> {
    let queries: Vec<MessagePart<&Query>> = classified.queries.iter().map(MessagePart).collect();
    let mut map = serializer.serialize_map(None)?;
    map.serialize_entry("language", &classified.language)?;
    map.serialize_entry("meaning", &classified.meaning)?;
    map.serialize_entry("intent", &classified.intent)?;
    map.serialize_entry("out_of_scope", &classified.out_of_scope)?;
    map.serialize_entry("product", &classified.product)?;
    map.serialize_entry("section", &classified.section)?;
    map.serialize_entry("queries", &queries)?;
    map.serialize_entry("collections", &classified.collections)?;
    if !classified.identifiers.is_empty() {
        map.serialize_entry("identifiers", &classified.identifiers)?;
    }
    map.serialize_entry("version", &classified.version)?;
    map.end()
}

pub(super) fn retrieved<S: Serializer>(retrieved: &Retrieved, serializer: S) -> Result<S::Ok, S::Error> {
    let passages: Vec<MessagePart<&Passage>> = retrieved.passages.iter().map(MessagePart).collect();
    let mut map = serializer.serialize_map(None)?;
    map.serialize_entry("passages", &passages)?;
    map.serialize_entry("support", &retrieved.support)?;
    map.serialize_entry("filter", &retrieved.filter)?;
    map.serialize_entry("version", &retrieved.version)?;
    map.end()
}

pub(super) fn answer<S: Serializer>(answer: &Answer, serializer: S) -> Result<S::Ok, S::Error> {
    let sources = answer.sources.iter().enumerate();
    let sources: Vec<_> =
        sources.map(|(place, source)| MessagePart((place, source, cited_sentences(answer, place)))).collect();
    let calls: Vec<_> = calls(answer).map(MessagePart).collect();
    let mut map = serializer.serialize_map(None)?;
    map.serialize_entry("outcome", &answer.outcome)?;
    map.serialize_entry("problem", &answer.problem)?;
    map.serialize_entry("text", &answer.text)?;
    map.serialize_entry("citations", &sources)?;
    if !answer.choices.is_empty() {
        map.serialize_entry("choices", &answer.choices)?;
    }
    map.serialize_entry("confidence", &answer.confidence)?;
    map.serialize_entry("intent", &answer.intent)?;
    map.serialize_entry("product", &answer.product)?;
    map.serialize_entry("language", &answer.language)?;
    map.serialize_entry("provider", &answer.provider)?;
    map.serialize_entry("model", &answer.model)?;
    map.serialize_entry("attempts", &calls)?;
    map.serialize_entry("usage", &answer.usage)?;
    map.serialize_entry("versions", &answer.versions)?;
    map.end()
}

impl Serialize for MessagePart<&Query> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("text", &self.0.text)?;
        map.serialize_entry("kind", &self.0.kind)?;
        map.serialize_entry("weight", &self.0.weight)?;
        // Whether it is searched by embedding too, not only by words.
        map.serialize_entry("dense", &self.0.embedding.is_some())?;
        map.end()
    }
}

impl Serialize for MessagePart<&Passage> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let passage = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("chunk", &passage.chunk_id)?;
        map.serialize_entry("collection", &passage.collection)?;
        map.serialize_entry("collection_version", &passage.version)?;
        map.serialize_entry("title", &passage.title)?;
        map.serialize_entry("headings", &passage.heading_path)?;
        map.serialize_entry("url", &passage.url)?;
        map.serialize_entry("score", &passage.score)?;
        map.serialize_entry("similarity", &passage.similarity)?;
        map.serialize_entry("ranks", &passage.ranks)?;
        map.serialize_entry("text", &passage.text)?;
        map.end()
    }
}

/// A source of the answer with its place, and the sentences that cite it.
impl Serialize for MessagePart<(usize, &Source, Vec<SupportedSentence>)> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (place, source, sentences) = &self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("n", &(place + 1))?;
        map.serialize_entry("title", &source.metadata.title)?;
        map.serialize_entry("url", &source.metadata.url)?;
        map.serialize_entry("collection", &source.collection)?;
        map.serialize_entry("score", &source.score)?;
        map.serialize_entry("sentences", sentences)?;
        map.end()
    }
}

impl Serialize for MessagePart<(&ProviderAttempt, CallResult)> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (attempt, result) = self.0;
        let wrote = attempt.wrote.as_ref();
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("provider", &attempt.provider)?;
        map.serialize_entry("took_ms", &attempt.took_ms)?;
        map.serialize_entry("result", &result)?;
        map.serialize_entry("error", &attempt.error)?;
        map.serialize_entry("model", &wrote.map(|wrote| &wrote.model))?;
        map.serialize_entry("words", &wrote.map(|wrote| &wrote.text))?;
        map.serialize_entry("cut_off", &wrote.is_some_and(|wrote| wrote.cut_off))?;
        map.serialize_entry("usage", &wrote.map(|wrote| &wrote.usage))?;
        map.end()
    }
}
