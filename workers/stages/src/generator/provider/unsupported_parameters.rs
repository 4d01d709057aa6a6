use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use hoidap_shared::config::OMITTABLE;
use serde_json::{Map, Value};
use tracing::info;

/// The token limit's name, and its name on newer servers.
const MAX_TOKENS: (&str, &str) = ("max_tokens", "max_completion_tokens");

/// The request parameters that a server does not support: configured ones, and ones that it rejected.
pub(super) struct UnsupportedParameters {
    provider: String,
    omitted: Mutex<BTreeSet<String>>,
}

impl UnsupportedParameters {
    /// Starts with the configured ones.
    pub(super) fn new(provider: &str, omit: &[String]) -> Self {
        Self { provider: provider.into(), omitted: Mutex::new(omit.iter().cloned().collect()) }
    }

    /// The parameters that are known to be unsupported.
    pub(super) fn omitted(&self) -> BTreeSet<String> {
        self.omitted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Remembers the parameters that a successful request omitted.
    pub(super) fn remember(&self, omitted: BTreeSet<String>) {
        let mut known = self.omitted.lock().unwrap_or_else(PoisonError::into_inner);
        if !omitted.is_subset(&known) {
            info!(
                provider = self.provider,
                ?omitted,
                "the server rejects these parameters: they are omitted from now on"
            );
            known.extend(omitted);
        }
    }
}

/// A request without the given parameters. The token limit is renamed if only its newer name is left.
pub(super) fn without_parameters(request: &Value, omitted: &BTreeSet<String>) -> Value {
    let mut request = request.clone();
    let Some(fields) = request.as_object_mut() else { return request };
    if omitted.contains(MAX_TOKENS.0)
        && let Some(bound) = fields.remove(MAX_TOKENS.0)
    {
        fields.insert(MAX_TOKENS.1.into(), bound);
    }
    fields.retain(|name, _| !omitted.contains(name));
    request
}

/// The optional parameter that a rejection names: OpenAI's `error.param`, else the first one that the text
/// mentions.
pub(super) fn refused_parameter(request: &Value, said: &str) -> Option<&'static str> {
    let sent: &Map<String, Value> = request.as_object()?;
    let was_sent = |name: &&&'static str| sent.contains_key(**name);
    let param = serde_json::from_str::<Value>(said).ok();
    let param = param.as_ref().and_then(|said| said.pointer("/error/param")).and_then(Value::as_str);
    if let Some(param) = param {
        let outermost = param.split(['.', '[']).next().unwrap_or_default();
        return OMITTABLE.iter().filter(was_sent).find(|name| **name == outermost).copied();
    }
    let named = |name: &&'static str| Some((find_parameter(said, name)?, *name));
    OMITTABLE.iter().filter(was_sent).filter_map(named).min().map(|(_, name)| name)
}

/// Finds a parameter's name in a text: as a whole word, and in quotes if it is also an English word.
fn find_parameter(text: &str, name: &str) -> Option<usize> {
    let part_of_name = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(name).map(|(at, _)| at).find(|&at| {
        let before = text[..at].chars().next_back();
        let after = text[at + name.len()..].chars().next();
        let quoted = |c: Option<char>| c.is_some_and(|c| "'\"`".contains(c));
        !before.is_some_and(part_of_name)
            && !after.is_some_and(part_of_name)
            && (name != "stop" || (quoted(before) && quoted(after)))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request() -> Value {
        json!({"model": "m", "max_tokens": 256, "temperature": 0, "stream_options": {"include_usage": true}, "stop": ["\n"]})
    }

    #[test]
    fn the_refused_parameter_is_found_in_any_form_of_refusal() {
        for (said, name) in [
            (
                r#"{"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.","param":"max_tokens"}}"#,
                Some("max_tokens"),
            ),
            (r#"{"error":{"message":"Use 'max_completion_tokens', not 'max_tokens'."}}"#, Some("max_tokens")),
            (
                r#"{"detail":[{"type":"extra_forbidden","loc":["body","stream_options"],"msg":"Extra inputs are not permitted"}]}"#,
                Some("stream_options"),
            ),
            (r#"{"error":{"param":"stream_options.include_usage","message":"no"}}"#, Some("stream_options")),
            ("temperature: only 1 is supported", Some("temperature")),
            (r#"{"message":"unknown field `stop`"}"#, Some("stop")),
            (r#"{"error":{"message":"please stop sending nonsense"}}"#, None),
            (r#"{"error":{"message":"max_tokens is fine","param":"model"}}"#, None),
            (r#"{"error":{"message":"top_temperature_x"}}"#, None),
            ("", None),
        ] {
            assert_eq!(refused_parameter(&request(), said), name, "{said}");
        }
    }

    #[test]
    fn the_bound_on_the_answer_takes_its_other_name_and_the_rest_goes() {
        let omitted = ["max_tokens", "temperature", "stop"].map(String::from).into();
        let shaped = without_parameters(&request(), &omitted);
        assert_eq!(
            shaped,
            json!({"model": "m", "max_completion_tokens": 256, "stream_options": {"include_usage": true}})
        );
        let both = [MAX_TOKENS.0, MAX_TOKENS.1].map(String::from).into();
        assert!(without_parameters(&request(), &both).get("max_completion_tokens").is_none());
    }
}
