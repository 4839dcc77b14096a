//! Closed lists of words, as the rights and the switches have them, written and read in one way everywhere.
//!
//! Reading is tolerant (case, spaces and punctuation do not count, `true` is Yes): whoever drives the simulator by hand
//! should not fight with it. Writing always gives the one official word.

use serde_json::Value;

/// A value out of a closed list of words.
pub(crate) trait Word: Copy + PartialEq + 'static {
    /// Every value with its word.
    const ALL: &'static [(Self, &'static str)];

    /// The official word.
    fn word(self) -> &'static str {
        Self::ALL.iter().find(|(value, _)| *value == self).map_or("", |(_, word)| word)
    }

    /// The value that a word, a boolean or a number stands for.
    fn read(value: &Value) -> Option<Self> {
        let find = |text: &str| Self::ALL.iter().find(|(_, word)| plain(word) == plain(text)).map(|(value, _)| *value);
        match value {
            Value::Bool(true) => find("true").or_else(|| find("yes")),
            Value::Bool(false) => find("false").or_else(|| find("no")),
            Value::Number(number) => find(&number.to_string()),
            Value::String(text) => find(text).or_else(|| match plain(text).as_str() {
                "true" | "yes" | "on" => find("true").or_else(|| find("yes")),
                "false" | "no" | "off" => find("false").or_else(|| find("no")),
                "none" => find("No Access"),
                "noaccess" => find("None"),
                _ => None,
            }),
            _ => None,
        }
    }

    /// The words that are allowed, for a refusal.
    fn allowed() -> Vec<&'static str> {
        Self::ALL.iter().map(|(_, word)| *word).collect()
    }
}

/// A text without case, spaces and punctuation: what counts when names are compared.
pub(crate) fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Declares an enum whose values are words.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $value:ident $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum $name { $($(#[$doc])* $value),+ }

        impl $crate::words::Word for $name {
            const ALL: &'static [(Self, &'static str)] = &[$((Self::$value, $word)),+];
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str($crate::words::Word::word(*self))
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let value = serde_json::Value::deserialize(deserializer)?;
                <Self as $crate::words::Word>::read(&value).ok_or_else(|| {
                    let allowed = <Self as $crate::words::Word>::allowed().join(", ");
                    serde::de::Error::custom(format!("{value} is none of: {allowed}"))
                })
            }
        }
    };
}
pub(crate) use words;
