//! Checks of single fields of a body. Each failure is collected with its JSON pointer.

use serde_json::{Map, Value};

use crate::error::{ApiError, Code, FieldError};

/// Limits of a text's length, in characters.
#[derive(Clone, Copy)]
pub struct TextLimits {
    /// The shortest.
    pub min: usize,
    /// The longest.
    pub max: usize,
}

/// Collects the errors of a body's fields.
#[derive(Default)]
pub struct FieldChecker {
    errors: Vec<FieldError>,
}

impl FieldChecker {
    /// The collected errors.
    pub fn into_errors(self) -> Vec<FieldError> {
        self.errors
    }

    /// Adds an error.
    pub fn fail(&mut self, pointer: &str, code: &'static str, detail: impl Into<String>) {
        self.errors.push(FieldError::field(pointer, code, detail));
    }

    /// Checks the length of a text.
    pub fn length(&mut self, pointer: &str, text: &str, rule: TextLimits) {
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

    /// The text of a field that must be there.
    pub fn required_string<'a>(
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
    pub fn optional_string<'a>(
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

    /// Checks the length of a text that may be missing or null.
    pub fn optional_text(&mut self, parent: &str, fields: &Map<String, Value>, key: &str, rule: TextLimits) {
        if let Some(text) = self.optional_string(parent, fields, key) {
            self.length(&format!("{parent}/{key}"), text, rule);
        }
    }
}

/// The error of fields that are wrong.
pub fn fields_invalid(errors: Vec<FieldError>) -> ApiError {
    let pointers: Vec<&str> = errors
        .iter()
        .filter_map(|error| error.pointer.as_deref())
        .filter(|p| !p.is_empty())
        .take(5)
        .collect();
    let detail = match (errors.as_slice(), pointers.as_slice()) {
        ([one], [pointer]) => format!("{pointer} {}", one.detail),
        ([one], _) => format!("The body {}", one.detail),
        (many, _) => format!("{} fields are wrong: {}", many.len(), pointers.join(", ")),
    };
    ApiError::new(Code::FieldsInvalid, detail).with_errors(errors)
}
