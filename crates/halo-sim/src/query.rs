//! Query parameters the way Halo reads them: names without regard to case, unknown ones ignored, empty ones absent.

use crate::answer::Answer;
use crate::clock::Stamp;

/// The parameters of one call.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn parse(text: &str) -> Self {
        let pairs = url::form_urlencoded::parse(text.as_bytes());
        Self(pairs.map(|(name, value)| (name.to_lowercase(), value.into_owned())).collect())
    }

    /// The last value of a parameter that is not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .rev()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.trim())
            .filter(|value| !value.is_empty())
    }

    /// Whether a parameter is true.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value.eq_ignore_ascii_case("true") || value == "1")
    }

    /// Whether a parameter is explicitly false.
    pub(crate) fn denied(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value.eq_ignore_ascii_case("false") || value == "0")
    }

    /// A whole number.
    ///
    /// # Errors
    /// 400 when it is something else.
    pub(crate) fn int(&self, name: &str) -> Result<Option<i64>, Answer> {
        self.get(name).map(|value| value.parse().map_err(|_| bad(name, value))).transpose()
    }

    /// Whole numbers between commas.
    ///
    /// # Errors
    /// 400 when one is something else.
    pub(crate) fn ints(&self, name: &str) -> Result<Option<Vec<i64>>, Answer> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts.map(|part| part.parse().map_err(|_| bad(name, part))).collect::<Result<_, _>>().map(Some)
    }

    /// A date.
    ///
    /// # Errors
    /// 400 when it is something else.
    pub(crate) fn date(&self, name: &str) -> Result<Option<Stamp>, Answer> {
        self.get(name).map(|value| Stamp::parse(value).ok_or_else(|| bad(name, value))).transpose()
    }

    /// Lower-case text to look for.
    pub(crate) fn needle(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_lowercase)
    }
}

fn bad(name: &str, value: &str) -> Answer {
    Answer::invalid(&format!("The value '{value}' is not valid for {name}."))
}
