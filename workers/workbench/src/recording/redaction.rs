/// Replaces a redacted value.
pub(crate) const REDACTED: &str = "[redacted]";

/// A tree of named values that can be redacted: a message as MessagePack or as JSON.
pub(super) trait Redactable: for<'a> From<&'a str> {
    /// Whether it is a string.
    fn is_text(&self) -> bool;

    /// Calls `visit` for each child, with its name if it is the field of an object.
    fn for_each_child(&mut self, visit: &mut dyn FnMut(Option<&str>, &mut Self));
}

/// Redacts the string values of these fields at any depth.
pub(super) fn redact_fields<T: Redactable>(value: &mut T, fields: &[String]) {
    value.for_each_child(&mut |name, child| {
        if child.is_text() && name.is_some_and(|name| fields.iter().any(|field| field == name)) {
            *child = REDACTED.into();
        } else {
            redact_fields(child, fields);
        }
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
    fn strings_of_the_named_fields_are_redacted_at_any_depth_in_both_forms() {
        let tree =
            json!({"user": "a", "page": {"user": ["b", {"user": "c"}], "n": 1}, "list": [{"user": 7}]});
        let redacted = json!({
            "user": REDACTED, "page": {"user": ["b", {"user": REDACTED}], "n": 1}, "list": [{"user": 7}]
        });
        let mut packed: rmpv::Value = rmp_serde::from_slice(&rmp_serde::to_vec(&tree).unwrap()).unwrap();
        redact_fields(&mut packed, &["user".into()]);
        assert_eq!(serde_json::to_value(&packed).unwrap(), redacted);
        let mut tree = tree;
        redact_fields(&mut tree, &["user".into()]);
        assert_eq!(tree, redacted);
    }
}
