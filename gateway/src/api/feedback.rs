use hoidap_shared::{
    events::{FeedbackEvent, Rating},
    job::{JobId, SCHEMA},
    text::normalise,
};
use serde_json::Value;
use utoipa::ToSchema;

use super::field_checker::{FieldChecker, TextLimits, fields_invalid};
use crate::error::{ApiError, FieldError};

const REASON_LIMITS: TextLimits = TextLimits { min: 0, max: 64 };
const COMMENT_LIMITS: TextLimits = TextLimits { min: 0, max: 1_000 };

/// What a visitor says of an answer.
#[derive(Debug, ToSchema)]
pub struct FeedbackRequest {
    /// `up` when it helped, `down` when it did not.
    #[schema(value_type = RatingName)]
    rating: Rating,
    /// Why, in a word such as `wrong`, `incomplete`, `outdated` or `unclear`.
    #[schema(max_length = 64)]
    reason: Option<String>,
    /// Why, in the visitor's own words.
    #[schema(max_length = 1000)]
    comment: Option<String>,
}

/// Whether an answer helped.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "only its schema is used")]
pub enum RatingName {
    /// It did.
    Up,
    /// It did not.
    Down,
}

impl FeedbackRequest {
    /// Validates and decodes a body.
    ///
    /// # Errors
    /// Naming every wrong field.
    pub fn parse(body: Value) -> Result<Self, ApiError> {
        let Value::Object(fields) = &body else {
            return Err(fields_invalid(vec![FieldError::field("", "wrong_type", "must be an object")]));
        };
        let mut checker = FieldChecker::default();
        let rating = match checker.required_string("", fields, "rating") {
            Some("up") => Some(Rating::Up),
            Some("down") => Some(Rating::Down),
            Some(_) => {
                checker.fail("/rating", "unknown_rating", "must be `up` or `down`");
                None
            }
            None => None,
        };
        checker.optional_text("", fields, "reason", REASON_LIMITS);
        checker.optional_text("", fields, "comment", COMMENT_LIMITS);
        let errors = checker.into_errors();
        let text = |name: &str| {
            fields.get(name).and_then(Value::as_str).map(normalise).filter(|text| !text.is_empty())
        };
        match rating {
            Some(rating) if errors.is_empty() => {
                Ok(Self { rating, reason: text("reason"), comment: text("comment") })
            }
            _ => Err(fields_invalid(errors)),
        }
    }

    /// The feedback's event at that time.
    pub fn into_event(self, job_id: JobId, session_id: String, at_ms: u64) -> FeedbackEvent {
        FeedbackEvent {
            schema: SCHEMA,
            job_id,
            at_ms,
            session_id,
            rating: self.rating,
            reason: self.reason,
            comment: self.comment,
        }
    }
}
