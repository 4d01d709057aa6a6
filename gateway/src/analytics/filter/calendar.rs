//! Days and hours by the clock of a place.

use jiff::{
    SignedDuration, Span, Timestamp, ZonedDateTime,
    civil::Date,
    tz::{TimeZone, TimeZoneDatabase},
};

/// The time zone of this IANA name, whatever its case, as this build knows it.
pub(super) fn zone(name: &str) -> Option<TimeZone> {
    TimeZoneDatabase::bundled().get(name).ok()
}

/// The first moment of a day. It is not midnight where the clocks change at that time.
pub(super) fn beginning(day: Date, zone: &TimeZone) -> Option<Timestamp> {
    Some(day.to_zoned_datetime(zone.clone()).ok()?.start_of_day().ok()?.timestamp())
}

/// The same time by the clock, `days` days before.
pub(super) fn days_before(moment: Timestamp, days: i64, zone: &TimeZone) -> Option<Timestamp> {
    let span = Span::new().try_days(days).ok()?;
    Some(moment.to_zoned_datetime(zone.clone()).checked_sub(span).ok()?.timestamp())
}

/// The first moment of every day or hour that a period touches, in milliseconds since the Unix epoch.
pub(super) fn starts(from_ms: i64, to_ms: i64, by_hour: bool, zone: &TimeZone) -> Vec<i64> {
    let begin = |at: &ZonedDateTime| if by_hour { hour(at) } else { at.start_of_day().ok() };
    let next = |at: &ZonedDateTime| {
        if by_hour {
            hour(&at.checked_add(SignedDuration::from_hours(1)).ok()?)
        } else {
            at.tomorrow().ok()?.start_of_day().ok()
        }
    };
    let mut starts: Vec<i64> = Vec::new();
    let from = Timestamp::from_millisecond(from_ms).ok().map(|from| from.to_zoned_datetime(zone.clone()));
    let mut part = from.and_then(|from| begin(&from));
    while let Some(at) = part.filter(|at| at.timestamp().as_millisecond() < to_ms) {
        let start = at.timestamp().as_millisecond();
        // A clock that is set back by half an hour shows one hour's beginning twice.
        if starts.last().is_none_or(|last| start > *last) {
            starts.push(start);
        }
        part = next(&at).filter(|next| next.timestamp() > at.timestamp());
    }
    starts
}

/// The beginning of an hour by the clock.
fn hour(at: &ZonedDateTime) -> Option<ZonedDateTime> {
    let (minutes, seconds) = (i64::from(at.minute()), i64::from(at.second()));
    let spent = SignedDuration::new(minutes * 60 + seconds, at.subsec_nanosecond());
    at.checked_sub(spent).ok()
}
