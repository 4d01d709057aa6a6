use serde_json::{Map, Value};

use crate::error::FieldError;

/// Bounds of a text, in characters.
#[derive(Clone, Copy)]
pub(super) struct Text {
    pub(super) min: usize,
    pub(super) max: usize,
}

/// Collects what is wrong.
#[derive(Default)]
pub(super) struct Check {
    errors: Vec<FieldError>,
}

impl Check {
    pub(super) fn into_errors(self) -> Vec<FieldError> {
        self.errors
    }

    pub(super) fn fail(&mut self, pointer: &str, code: &'static str, detail: impl Into<String>) {
        self.errors.push(FieldError::field(pointer, code, detail));
    }

    pub(super) fn length(&mut self, pointer: &str, text: &str, rule: Text) {
        let length = text.chars().count();
        if length < rule.min {
            self.fail(
                pointer,
                "too_short",
                format!("has {length} characters, at least {} are needed", rule.min),
            );
        } else if length > rule.max {
            self.fail(
                pointer,
                "too_long",
                format!("has {length} characters, at most {} are allowed", rule.max),
            );
        }
    }

    pub(super) fn required_string<'a>(
        &mut self,
        parent: &str,
        fields: &'a Map<String, Value>,
        key: &str,
    ) -> Option<&'a str> {
        if !fields.contains_key(key) {
            self.fail(&format!("{parent}/{key}"), "required", "is missing");
            return None;
        }
        let text = fields.get(key).and_then(Value::as_str);
        if text.is_none() {
            self.fail(&format!("{parent}/{key}"), "wrong_type", "must be a text");
        }
        text
    }

    /// The text of a field that may be missing or null.
    pub(super) fn optional_string<'a>(
        &mut self,
        parent: &str,
        fields: &'a Map<String, Value>,
        key: &str,
    ) -> Option<&'a str> {
        match fields.get(key) {
            None | Some(Value::Null) => None,
            Some(_) => self.required_string(parent, fields, key),
        }
    }

    pub(super) fn optional_text(&mut self, parent: &str, fields: &Map<String, Value>, key: &str, rule: Text) {
        if let Some(text) = self.optional_string(parent, fields, key) {
            self.length(&format!("{parent}/{key}"), text, rule);
        }
    }
}
