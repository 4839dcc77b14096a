//! Bounded, cleaned text.
//!
//! For: every word that an endpoint, or the server towards an endpoint, sends.
//! Not for: escaping; whoever writes HTML, a ticket, CSV or a log escapes for that place.
//! Called by the facts here, by `wire`, and wherever such text is kept.
//! A reader might drop unwanted characters silently. They are replaced by U+FFFD instead, so that a person sees that a
//! name tried something.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Text of at least `MIN` characters that are not white space and at most `MAX` characters (Unicode scalar values).
///
/// Line breaks and tabs become spaces; other control characters, and those that reorder or hide text (bidirectional
/// controls, zero-width and tag characters), become U+FFFD. Nothing is trimmed: a trailing space in a path is a fact.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Text<const MAX: usize, const MIN: usize = 0>(String);

/// A [`Text`] that says something: it has at least one character that is not white space.
pub type Name<const MAX: usize> = Text<MAX, 1>;

/// Why a text was refused: the limit, and what was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadText {
    /// Longer than the limit.
    #[error("at most {limit} characters are allowed, {sent} were sent")]
    TooLong {
        /// The most characters allowed.
        limit: usize,
        /// How many were sent.
        sent: usize,
    },
    /// Nothing but white space.
    #[error("must not be empty")]
    Empty,
}

impl<const MAX: usize, const MIN: usize> Text<MAX, MIN> {
    /// The most characters this text can have.
    pub const LIMIT: usize = MAX;

    /// Takes a text in, cleaned.
    ///
    /// # Errors
    /// When it is longer than `MAX` characters, or has fewer than `MIN` characters that are not white space.
    pub fn new(text: &str) -> Result<Self, BadText> {
        let sent = text.chars().count();
        if sent > MAX {
            return Err(BadText::TooLong { limit: MAX, sent });
        }
        if text.chars().filter(|c| !c.is_whitespace()).take(MIN).count() < MIN {
            return Err(BadText::Empty);
        }
        Ok(Self(text.chars().map(clean).collect()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> Text<MAX> {
    /// Takes in as much as fits; what was cut is marked by `…` at the end. For facts that are shown and not compared.
    #[must_use]
    pub fn clipped(text: &str) -> Self {
        if text.chars().count() <= MAX {
            return Self(text.chars().map(clean).collect());
        }
        Self(text.chars().take(MAX.saturating_sub(1)).map(clean).chain(['…']).take(MAX).collect())
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The character that may be kept in the place of `c`.
fn clean(c: char) -> char {
    match c {
        '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => ' ',
        c if c.is_control() => char::REPLACEMENT_CHARACTER,
        // Unicode 16, "Bidi_Control", and the invisible ones of "Default_Ignorable_Code_Point" that names are faked
        // with. U+200C and U+200D stay: Persian, Indic scripts and emoji need them.
        '\u{00AD}'
        | '\u{034F}'
        | '\u{061C}'
        | '\u{115F}'..='\u{1160}'
        | '\u{180B}'..='\u{180F}'
        | '\u{200B}'
        | '\u{200E}'..='\u{200F}'
        | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}'
        | '\u{3164}'
        | '\u{FEFF}'
        | '\u{FFA0}'
        | '\u{FFF9}'..='\u{FFFB}'
        | '\u{E0000}'..='\u{E0FFF}' => char::REPLACEMENT_CHARACTER,
        c => c,
    }
}

impl<const MAX: usize, const MIN: usize> TryFrom<String> for Text<MAX, MIN> {
    type Error = BadText;

    fn try_from(text: String) -> Result<Self, BadText> {
        Self::new(&text)
    }
}

impl<const MAX: usize, const MIN: usize> TryFrom<&str> for Text<MAX, MIN> {
    type Error = BadText;

    fn try_from(text: &str) -> Result<Self, BadText> {
        Self::new(text)
    }
}

impl<const MAX: usize, const MIN: usize> From<Text<MAX, MIN>> for String {
    fn from(text: Text<MAX, MIN>) -> Self {
        text.0
    }
}

impl<const MAX: usize, const MIN: usize> AsRef<str> for Text<MAX, MIN> {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize, const MIN: usize> fmt::Display for Text<MAX, MIN> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
