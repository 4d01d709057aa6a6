use std::collections::BTreeSet;

/// Replaces a redacted value.
pub(crate) const REDACTED: &str = "[redacted]";

/// A tree of named values that can be redacted: a message as MessagePack or as JSON.
pub(super) trait Redactable: for<'a> From<&'a str> {
    /// Whether it is a string.
    fn is_text(&self) -> bool;

    /// Calls `visit` for each child, with its name if it is the field of an object.
    fn for_each_child(&mut self, visit: &mut dyn FnMut(Option<&str>, &mut Self));
}

/// Redacts every string of these fields and below them, at any depth. Returns the fields that had one.
pub(super) fn redact_fields<'a, T: Redactable>(value: &mut T, fields: &'a [String]) -> BTreeSet<&'a str> {
    let mut redacted = BTreeSet::new();
    redact_below(value, fields, &mut Vec::new(), &mut redacted);
    redacted
}

/// `inside` are the named fields that hold `value`.
fn redact_below<'a, T: Redactable>(
    value: &mut T,
    fields: &'a [String],
    inside: &mut Vec<&'a str>,
    redacted: &mut BTreeSet<&'a str>,
) {
    value.for_each_child(&mut |name, child| {
        let outer = inside.len();
        inside.extend(fields.iter().map(String::as_str).find(|field| Some(*field) == name));
        if !child.is_text() {
            redact_below(child, fields, inside, redacted);
        } else if !inside.is_empty() {
            *child = REDACTED.into();
            redacted.extend(inside.iter());
        }
        inside.truncate(outer);
    });
}

impl Redactable for rmpv::Value {
    fn is_text(&self) -> bool {
        matches!(self, Self::String(_))
    }

    fn for_each_child(&mut self, visit: &mut dyn FnMut(Option<&str>, &mut Self)) {
        match self {
            Self::Map(pairs) => pairs.iter_mut().for_each(|(key, value)| visit(key.as_str(), value)),
            Self::Array(values) => values.iter_mut().for_each(|value| visit(None, value)),
            _ => {}
        }
    }
}

impl Redactable for serde_json::Value {
    fn is_text(&self) -> bool {
        self.is_string()
    }

    fn for_each_child(&mut self, visit: &mut dyn FnMut(Option<&str>, &mut Self)) {
        match self {
            Self::Object(fields) => {
                fields.iter_mut().for_each(|(name, value)| visit(Some(name.as_str()), value))
            }
            Self::Array(values) => values.iter_mut().for_each(|value| visit(None, value)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_string_of_a_named_field_is_redacted_in_both_forms() {
        let tree = json!({
            "user": "a", "page": {"user": ["b", {"name": "c", "n": 1}], "n": 1, "name": "d"}, "list": [{"user": 7}], "name": 2
        });
        let redacted = json!({
            "user": REDACTED, "page": {"user": [REDACTED, {"name": REDACTED, "n": 1}], "n": 1, "name": "d"},
            "list": [{"user": 7}], "name": 2
        });
        let mut packed: rmpv::Value = rmp_serde::from_slice(&rmp_serde::to_vec(&tree).unwrap()).unwrap();
        assert_eq!(redact_fields(&mut packed, &["user".into()]), ["user"].into());
        assert_eq!(serde_json::to_value(&packed).unwrap(), redacted);
        let mut tree = tree;
        assert_eq!(redact_fields(&mut tree, &["user".into()]), ["user"].into());
        assert_eq!(tree, redacted);
    }

    #[test]
    fn fields_without_a_string_are_not_said_to_be_redacted() {
        let fields = ["message", "mesage", "n", "turns"].map(String::from);
        let mut tree = json!({"n": 1, "turns": [{"message": "a"}]});
        assert_eq!(redact_fields(&mut tree, &fields), ["message", "turns"].into());
        assert_eq!(redact_fields(&mut json!({"n": 1, "turns": []}), &fields), [].into());
    }
}
