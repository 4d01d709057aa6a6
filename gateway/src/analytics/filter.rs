//! The query parameters of analytics requests: period, product, language.

mod calendar;

use std::collections::HashMap;

use clickhouse::query::Query;
use jiff::{
    Timestamp,
    civil::Date,
    tz::{Offset, TimeZone},
};
use utoipa::IntoParams;

use crate::error::{ApiError, Code, FieldError};

/// Days that are counted when the request does not say, and at most.
const DEFAULT_DAYS: i64 = 30;
const MAX_DAYS: i64 = 366;
/// Longest period that is shown by the hour, in days.
const MAX_HOURLY_DAYS: i64 = 3;
/// Longest text of a parameter, in characters.
const MAX_TEXT_CHARS: usize = 200;
/// Largest offset from UTC, in minutes.
const MAX_OFFSET_MINUTES: i64 = 14 * 60;

/// SQL condition: the chats of a filter. Its values are bound by [`ReportFilter::bind`].
pub const PERIOD_CONDITION: &str = "at >= fromUnixTimestamp64Milli({from:Int64}) AND at < fromUnixTimestamp64Milli({to:Int64}) \
                                 AND ({product:String} = '' OR product = {product:String}) \
                                 AND ({locale:String} = '' OR language = {locale:String})";

/// The parameters of [`ReportFilter`], for the document.
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
    /// Where a day begins: the reader's IANA time zone, whose clock changes count; UTC by default.
    #[param(example = "Asia/Ho_Chi_Minh", max_length = 200)]
    time_zone: Option<String>,
    /// Minutes that the reader's clock is ahead of UTC on every day, in place of `time_zone`, which goes before it.
    #[param(minimum = -840, maximum = 840)]
    utc_offset: Option<i16>,
    /// Chats about this product only.
    product: Option<String>,
    /// Chats in this language only.
    #[param(example = "vi")]
    locale: Option<String>,
}

/// The chats that a request selects.
#[derive(Clone, Debug, PartialEq)]
pub struct ReportFilter {
    pub from_ms: i64,
    pub to_ms: i64,
    by_hour: bool,
    zone: TimeZone,
    pub product: String,
    pub locale: String,
}

/// A request's query parameters. The first value of a name counts; empty values are ignored.
pub struct QueryParams(HashMap<String, String>);

impl QueryParams {
    pub fn new(query: Option<&str>) -> Self {
        let mut params = HashMap::new();
        for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            params.entry(name.into_owned()).or_insert(value.into_owned());
        }
        params.retain(|_, value: &mut String| !value.is_empty());
        Self(params)
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A short text.
    pub fn text(&self, name: &str) -> Result<String, ApiError> {
        match self.get(name) {
            None => Ok(String::new()),
            Some(text) if text.chars().count() <= MAX_TEXT_CHARS && !text.chars().any(char::is_control) => {
                Ok(text.to_string())
            }
            Some(_) => Err(invalid_parameter(
                name,
                "malformed",
                format!("must be at most {MAX_TEXT_CHARS} printable characters"),
            )),
        }
    }

    fn number(&self, name: &str, least: i64, most: i64) -> Result<Option<i64>, ApiError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let number = text.parse().ok().filter(|number| (least..=most).contains(number));
        let detail = || format!("must be a whole number from {least} to {most}");
        number.map(Some).ok_or_else(|| invalid_parameter(name, "out_of_range", detail()))
    }

    /// A moment. A day means its first moment, or with `end` the first moment of the next day.
    fn moment(&self, name: &str, zone: &TimeZone, end: bool) -> Result<Option<Timestamp>, ApiError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let day = || {
            let day: Date = text.parse().ok().filter(|_| text.len() == "2026-01-31".len())?;
            calendar::beginning(if end { day.tomorrow().ok()? } else { day }, zone)
        };
        text.parse::<Timestamp>().ok().or_else(day).map(Some).ok_or_else(|| {
            invalid_parameter(
                name,
                "malformed",
                "must be a moment such as 2026-01-31T09:00:00Z or a day such as 2026-01-31",
            )
        })
    }
}

impl ReportFilter {
    /// Reads and checks the parameters.
    pub fn from_params(params: &QueryParams) -> Result<Self, ApiError> {
        let zone = zone(params)?;
        let to = params.moment("to", &zone, true)?.unwrap_or_else(Timestamp::now);
        let days = params.number("days", 1, MAX_DAYS)?;
        let before = |days| calendar::days_before(to, days, &zone);
        let from = match (params.moment("from", &zone, false)?, days) {
            (Some(_), Some(_)) => {
                return Err(invalid_parameter("days", "conflict", "cannot be given beside `from`"));
            }
            (Some(from), None) => Some(from),
            (None, days) => before(days.unwrap_or(DEFAULT_DAYS)),
        };
        let Some(from) = from.filter(|from| *from < to) else {
            return Err(invalid_parameter("from", "out_of_range", "must be before `to`"));
        };
        if before(MAX_DAYS).is_none_or(|earliest| from < earliest) {
            return Err(invalid_parameter(
                "from",
                "out_of_range",
                format!("must be at most {} days before `to`", MAX_DAYS),
            ));
        }
        let by_hour = before(MAX_HOURLY_DAYS).is_some_and(|earliest| from >= earliest);
        let (product, locale) = (params.text("product")?, params.text("locale")?);
        Ok(Self {
            from_ms: from.as_millisecond(),
            to_ms: to.as_millisecond(),
            by_hour,
            zone,
            product,
            locale,
        })
    }

    /// Whether the parts of the period are hours; else they are days.
    pub fn by_hour(&self) -> bool {
        self.by_hour
    }

    /// The first moment of each part of the period, in milliseconds since the Unix epoch. The first part may begin before
    /// the period does.
    pub fn starts(&self) -> Vec<i64> {
        calendar::starts(self.from_ms, self.to_ms, self.by_hour, &self.zone)
    }

    /// Binds the values of [`PERIOD_CONDITION`].
    pub fn bind(&self, query: Query) -> Query {
        query
            .param("from", self.from_ms)
            .param("to", self.to_ms)
            .param("product", &self.product)
            .param("locale", &self.locale)
    }
}

/// The reader's time zone: an IANA name, or a fixed offset in minutes.
fn zone(params: &QueryParams) -> Result<TimeZone, ApiError> {
    let minutes = params.number("utc_offset", -MAX_OFFSET_MINUTES, MAX_OFFSET_MINUTES)?.unwrap_or(0);
    let name = params.text("time_zone")?;
    if name.is_empty() {
        return Ok(TimeZone::fixed(Offset::from_seconds(minutes as i32 * 60).unwrap_or(Offset::UTC)));
    }
    calendar::zone(&name).ok_or_else(|| {
        invalid_parameter(
            "time_zone",
            "unknown",
            "must be the name of an IANA time zone, such as Asia/Ho_Chi_Minh",
        )
    })
}

/// A moment as RFC 3339 text.
pub fn rfc3339(at_ms: i64) -> String {
    Timestamp::from_millisecond(at_ms).map(|at| at.to_string()).unwrap_or_default()
}

/// The problem of a parameter.
pub fn invalid_parameter(name: &str, code: &'static str, detail: impl Into<String>) -> ApiError {
    ApiError::of_field(Code::FieldsInvalid, FieldError::parameter(name, code, detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(query: &str) -> Result<ReportFilter, ApiError> {
        ReportFilter::from_params(&QueryParams::new(Some(query)))
    }

    #[test]
    fn days_begin_where_the_reader_is() {
        let filter = of("from=2026-01-31&to=2026-01-31&utc_offset=420&product=mail").unwrap();
        assert_eq!((filter.starts().len(), filter.by_hour()), (24, true));
        assert_eq!(rfc3339(filter.from_ms), "2026-01-30T17:00:00Z");
        assert_eq!(filter.product, "mail");
        let week = of("days=7&to=2026-01-31T10:00:00Z").unwrap();
        assert_eq!((rfc3339(week.from_ms).as_str(), week.by_hour()), ("2026-01-24T10:00:00Z", false));
    }

    #[test]
    fn days_begin_at_local_midnight_when_the_clocks_change() {
        let told_of = |query: &str| of(query).unwrap().starts().into_iter().map(rfc3339).collect::<Vec<_>>();
        // Berlin turns its clocks forward on 29 March 2026 at 01:00 UTC.
        assert_eq!(
            told_of("from=2026-03-27&to=2026-03-31&time_zone=Europe/Berlin"),
            ["03-26T23", "03-27T23", "03-28T23", "03-29T22", "03-30T22"].map(|t| format!("2026-{t}:00:00Z"))
        );
        let short = of("from=2026-03-29&to=2026-03-29&time_zone=europe/berlin&utc_offset=-600").unwrap();
        assert_eq!((short.starts().len(), rfc3339(short.to_ms).as_str()), (23, "2026-03-29T22:00:00Z"));
        let long = of("from=2026-10-25&to=2026-10-25&time_zone=Europe/Berlin").unwrap();
        assert_eq!((long.starts().len(), long.by_hour()), (25, true));
        // Three days, one of which has an hour more, are still shown by the hour; a year is still a year.
        assert!(of("from=2026-10-24&to=2026-10-26&time_zone=Europe/Berlin").unwrap().by_hour());
        assert!(of("from=2025-10-26&to=2026-10-25&time_zone=Europe/Berlin").is_ok());
        // In Cairo the clocks change at midnight: that day begins at one.
        assert_eq!(
            told_of("from=2026-04-23&to=2026-04-27&time_zone=Africa/Cairo")[..3],
            ["04-22T22", "04-23T22", "04-24T21"].map(|t| format!("2026-{t}:00:00Z"))
        );
        // Hours are those of the local clock, also where they begin at half past.
        assert_eq!(
            told_of("from=2026-01-01&to=2026-01-01&time_zone=Asia/Kolkata")[1],
            "2025-12-31T19:30:00Z"
        );
        assert_eq!(told_of("from=2026-01-01&to=2026-01-01&time_zone=Asia/Saigon")[0], "2025-12-31T17:00:00Z");
        let week = of("days=7&to=2026-03-31T10:00:00Z&time_zone=Europe/Berlin").unwrap();
        assert_eq!(rfc3339(week.from_ms), "2026-03-24T11:00:00Z", "the same time by the clock");
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
            ("time_zone=Mars/Olympus", "time_zone"),
            ("time_zone=../../etc/passwd", "time_zone"),
            ("time_zone=%2B07:00", "time_zone"),
            ("product=%00", "product"),
        ] {
            let error = format!("{:?}", of(query).unwrap_err());
            assert!(error.contains(&format!("parameter: Some(\"{name}\")")), "{query}: {error}");
        }
    }
}
