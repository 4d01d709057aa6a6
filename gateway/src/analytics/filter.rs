//! What a request asks for: a time, a product, a language; and its place in a list.

use std::collections::HashMap;

use clickhouse::query::Query;
use jiff::{Timestamp, civil::Date, tz::Offset};
use utoipa::IntoParams;

use crate::error::{ApiError, Code, FieldError};

const DAY_MS: i64 = 86_400_000;
/// Days that are counted when the request does not say, and at most.
const DAYS: (i64, i64) = (30, 366);
/// Periods up to this long are shown by the hour.
const BY_HOUR_UP_TO_MS: i64 = 3 * DAY_MS;
/// Longest text of a parameter, in characters.
const MAX_TEXT: usize = 200;
/// Furthest that a place's clock is from UTC, in minutes.
const MAX_OFFSET: i64 = 14 * 60;

/// The chats of a period; with [`Filter::bind`].
pub(super) const PERIOD: &str = "at >= fromUnixTimestamp64Milli({from:Int64}) AND at < fromUnixTimestamp64Milli({to:Int64}) \
                                 AND ({product:String} = '' OR product = {product:String}) \
                                 AND ({locale:String} = '' OR language = {locale:String})";

/// The parameters of [`Filter`], for the document.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)]
pub struct FilterParams {
    /// Beginning of the period: a moment (RFC 3339) or a day.
    #[param(example = "2026-01-01")]
    from: Option<String>,
    /// End of the period: a moment, not included, or a day, included; now by default.
    #[param(example = "2026-01-31")]
    to: Option<String>,
    /// Days up to `to`, in place of `from`; 30 by default.
    #[param(minimum = 1, maximum = 366)]
    days: Option<u16>,
    /// Minutes that the reader's clock is ahead of UTC: where a day begins.
    #[param(minimum = -840, maximum = 840)]
    utc_offset: Option<i16>,
    /// Chats about this product only.
    product: Option<String>,
    /// Chats in this language only.
    #[param(example = "vi")]
    locale: Option<String>,
}

/// Which chats a request is about.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Filter {
    pub(super) from_ms: i64,
    pub(super) to_ms: i64,
    pub(super) offset_min: i64,
    pub(super) product: String,
    pub(super) locale: String,
}

/// The query of a request. The first value of a name counts; an empty one is none.
pub(super) struct Given(HashMap<String, String>);

impl Given {
    pub(super) fn new(query: Option<&str>) -> Self {
        let mut given = HashMap::new();
        for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            given.entry(name.into_owned()).or_insert(value.into_owned());
        }
        given.retain(|_, value: &mut String| !value.is_empty());
        Self(given)
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A short text.
    pub(super) fn text(&self, name: &str) -> Result<String, ApiError> {
        match self.get(name) {
            None => Ok(String::new()),
            Some(text) if text.chars().count() <= MAX_TEXT && !text.chars().any(char::is_control) => {
                Ok(text.to_string())
            }
            Some(_) => {
                Err(wrong(name, "malformed", format!("must be at most {MAX_TEXT} printable characters")))
            }
        }
    }

    fn number(&self, name: &str, least: i64, most: i64) -> Result<Option<i64>, ApiError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let number = text.parse().ok().filter(|number| (least..=most).contains(number));
        let detail = || format!("must be a whole number from {least} to {most}");
        number.map(Some).ok_or_else(|| wrong(name, "out_of_range", detail()))
    }

    /// A moment. A day stands for its beginning, or `end` milliseconds later.
    fn moment(&self, name: &str, offset_min: i64, end: i64) -> Result<Option<i64>, ApiError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let day = || {
            let day: Date = text.parse().ok().filter(|_| text.len() == "2026-01-31".len())?;
            let begin = Offset::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok()?;
            Some(begin.as_millisecond() - offset_min * 60_000 + end)
        };
        let moment = || text.parse::<Timestamp>().ok().map(|moment| moment.as_millisecond());
        moment().or_else(day).map(Some).ok_or_else(|| {
            wrong(
                name,
                "malformed",
                "must be a moment such as 2026-01-31T09:00:00Z or a day such as 2026-01-31",
            )
        })
    }
}

impl Filter {
    /// Reads and checks the parameters.
    pub(super) fn of(given: &Given) -> Result<Self, ApiError> {
        let offset_min = given.number("utc_offset", -MAX_OFFSET, MAX_OFFSET)?.unwrap_or(0);
        let now = Timestamp::now().as_millisecond();
        let to_ms = given.moment("to", offset_min, DAY_MS)?.unwrap_or(now);
        let days = given.number("days", 1, DAYS.1)?;
        let from_ms = match (given.moment("from", offset_min, 0)?, days) {
            (Some(_), Some(_)) => return Err(wrong("days", "conflict", "cannot be given beside `from`")),
            (Some(from), None) => from,
            (None, days) => to_ms - days.unwrap_or(DAYS.0) * DAY_MS,
        };
        if from_ms >= to_ms {
            return Err(wrong("from", "out_of_range", "must be before `to`"));
        }
        if to_ms - from_ms > DAYS.1 * DAY_MS {
            return Err(wrong(
                "from",
                "out_of_range",
                format!("must be at most {} days before `to`", DAYS.1),
            ));
        }
        let (product, locale) = (given.text("product")?, given.text("locale")?);
        Ok(Self { from_ms, to_ms, offset_min, product, locale })
    }

    /// Gives a statement with [`PERIOD`] its values.
    pub(super) fn bind(&self, query: Query) -> Query {
        query
            .param("from", self.from_ms)
            .param("to", self.to_ms)
            .param("product", &self.product)
            .param("locale", &self.locale)
    }

    /// Length of a part of the period, in milliseconds.
    pub(super) fn step_ms(&self) -> i64 {
        if self.to_ms - self.from_ms <= BY_HOUR_UP_TO_MS { 3_600_000 } else { DAY_MS }
    }
}

/// A moment as it is told.
pub(super) fn told(at_ms: i64) -> String {
    Timestamp::from_millisecond(at_ms).map(|at| at.to_string()).unwrap_or_default()
}

/// The problem of a parameter.
pub(super) fn wrong(name: &str, code: &'static str, detail: impl Into<String>) -> ApiError {
    ApiError::of_field(Code::FieldsInvalid, FieldError::parameter(name, code, detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(query: &str) -> Result<Filter, ApiError> {
        Filter::of(&Given::new(Some(query)))
    }

    #[test]
    fn days_begin_where_the_reader_is() {
        let filter = of("from=2026-01-31&to=2026-01-31&utc_offset=420&product=mail").unwrap();
        assert_eq!((filter.to_ms - filter.from_ms, filter.step_ms()), (DAY_MS, 3_600_000));
        assert_eq!(told(filter.from_ms), "2026-01-30T17:00:00Z");
        assert_eq!(filter.product, "mail");
        let week = of("days=7&to=2026-01-31T10:00:00Z").unwrap();
        assert_eq!((told(week.from_ms).as_str(), week.step_ms()), ("2026-01-24T10:00:00Z", DAY_MS));
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        for (query, name) in [
            ("days=0", "days"),
            ("days=367", "days"),
            ("days=x", "days"),
            ("from=yesterday", "from"),
            ("from=2026-02-30", "from"),
            ("from=2026-01-02&to=2026-01-01T00:00:00Z", "from"),
            ("from=2020-01-01&to=2026-01-01", "from"),
            ("from=2026-01-01&days=3", "days"),
            ("utc_offset=841", "utc_offset"),
            ("product=%00", "product"),
        ] {
            let error = format!("{:?}", of(query).unwrap_err());
            assert!(error.contains(&format!("parameter: Some(\"{name}\")")), "{query}: {error}");
        }
    }
}
