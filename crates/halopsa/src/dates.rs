//! Halo's dates: UTC without a zone mark, with the years 1899 and 1900 for "none".

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

/// Reads a date with or without fraction and zone; `None` for what is no date or stands for none.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let date = match text.parse::<Timestamp>() {
        Ok(date) => date,
        Err(_) => Offset::UTC.to_timestamp(text.parse::<DateTime>().ok()?).ok()?,
    };
    (Offset::UTC.to_datetime(date).year() > 1900).then_some(date)
}

/// Writes a date as Halo reads it, to the second.
pub(crate) fn format(date: Timestamp) -> String {
    Offset::UTC.to_datetime(date).strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

/// For `serialize_with`: an optional date in Halo's form.
#[expect(clippy::ref_option, reason = "serde calls it with a reference to the field")]
pub(crate) fn serialize<S: serde::Serializer>(date: &Option<Timestamp>, to: S) -> Result<S::Ok, S::Error> {
    match date {
        Some(date) => to.serialize_str(&format(*date)),
        None => to.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_in_every_dress() {
        let same = "2026-09-01T08:00:00Z".parse().ok();
        for text in [
            "2026-09-01T08:00:00",
            "2026-09-01T08:00:00.0000000",
            "2026-09-01T08:00:00Z",
            "2026-09-01T10:00:00+02:00",
            "2026-09-01 08:00:00",
        ] {
            assert_eq!(parse(text), same, "{text}");
        }
        for text in
            ["", "1899-12-30T00:00:00", "1900-01-01T00:00:00Z", "0001-01-01T00:00:00", "soon", "9999-99-99T00:00:00"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(same.map(format).as_deref(), Some("2026-09-01T08:00:00"));
    }
}
