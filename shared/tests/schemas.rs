//! The JSON Schemas in `schemas/` are those of the messages in the code.
//!
//! `UPDATE_SCHEMAS=1 cargo nextest run --release --workspace -E 'binary(schemas)'` writes them anew.
#![allow(clippy::unwrap_used)]

use std::path::PathBuf;

use hoidap_shared::{
    events::{ChatEvent, FeedbackEvent},
    fleet::Member,
    job::{Answer, Classified, Envelope, Question, Retrieved},
};
use schemars::{Schema, schema_for};

fn messages() -> Vec<(&'static str, Schema)> {
    vec![
        ("question", schema_for!(Envelope<Question>)),
        ("classified", schema_for!(Envelope<Classified>)),
        ("retrieved", schema_for!(Envelope<Retrieved>)),
        ("answer", schema_for!(Envelope<Answer>)),
        ("chat_event", schema_for!(ChatEvent)),
        ("feedback_event", schema_for!(FeedbackEvent)),
        ("fleet_member", schema_for!(Member)),
    ]
}

#[test]
fn the_files_are_those_of_the_code() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../schemas");
    for (name, schema) in messages() {
        let path = folder.join(format!("{name}.json"));
        let text = format!("{}\n", serde_json::to_string_pretty(&schema).unwrap());
        if std::env::var_os("UPDATE_SCHEMAS").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let file = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(
            file, text,
            "schemas/{name}.json is not what the code says: run with UPDATE_SCHEMAS=1 and read the difference"
        );
    }
}

#[test]
fn what_was_required_stays_and_what_is_new_is_optional() {
    // The wire form of schema 1. A new field must have a default; one that goes or changes needs a new schema number.
    let required = |schema: &Schema, definition: &str| -> Vec<String> {
        let at = if definition.is_empty() {
            "/required".to_string()
        } else {
            format!("/$defs/{definition}/required")
        };
        let found = schema.pointer(&at).and_then(|list| list.as_array()).unwrap();
        let mut names: Vec<String> = found.iter().map(|name| name.as_str().unwrap().to_string()).collect();
        names.sort();
        names
    };
    let question = schema_for!(Envelope<Question>);
    assert_eq!(
        required(&question, ""),
        ["accepted_ms", "body", "deadline_ms", "gateway", "hops", "job_id", "schema"]
    );
    assert_eq!(required(&question, "Question"), ["client", "context", "history", "message", "session_id"]);
    let retrieved = schema_for!(Envelope<Retrieved>);
    assert_eq!(required(&retrieved, "Retrieved"), ["classified", "filter", "passages", "support", "version"]);
    assert_eq!(
        required(&retrieved, "Classified"),
        ["collections", "intent", "language", "meaning", "queries", "question", "version"]
    );
}
