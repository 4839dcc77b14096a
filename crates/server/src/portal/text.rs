//! Every word of the portal, by key.
//!
//! The texts stand in `locales/`, one folder per language, as Fluent files. Templates ask for them by `text.t("key")`;
//! nothing that a person reads is written in a template or in Rust. Not for what endpoints or `HaloPSA` say: that is data,
//! and is shown as it came. Called by the views and the portal's routes.
//!
//! The decision a reader would undo: the bidirectional isolation marks that Fluent puts round each argument are off,
//! since they end up in what people copy; the markup isolates names with `<bdi>` where it matters.

use std::borrow::{Borrow, Cow};
use std::collections::HashMap;

use fluent_templates::fluent_bundle::FluentValue;
use fluent_templates::{LanguageIdentifier, Loader, static_loader};

static_loader! {
    static LOCALES = {
        locales: "./locales",
        fallback_language: "en-US",
        customise: |bundle| bundle.set_use_isolating(false),
    };
}

/// The portal's words in one language. Cheap to copy; each view holds one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text {
    language: &'static LanguageIdentifier,
}

impl Default for Text {
    /// English: the one language so far.
    fn default() -> Self {
        Self { language: LOCALES.fallback() }
    }
}

impl Text {
    /// The text of `key`. A key that no file knows comes back as itself; a test holds keys and files equal.
    pub(crate) fn t(self, key: impl AsRef<str>) -> String {
        self.look_up(key.as_ref(), &[])
    }

    /// The text of `key` with a number as `$count`, which also chooses the plural.
    pub(crate) fn count(self, key: impl AsRef<str>, count: impl Borrow<u64>) -> String {
        self.look_up(key.as_ref(), &[("count", number(*count.borrow()))])
    }

    /// The text of `key` with one argument.
    pub(crate) fn arg(self, key: &str, name: &str, value: impl AsRef<str>) -> String {
        self.look_up(key, &[(name, FluentValue::from(value.as_ref()))])
    }

    /// The text of `key` with two arguments.
    pub(crate) fn arg2(
        self,
        key: &str,
        a: &str,
        value_a: impl AsRef<str>,
        b: &str,
        value_b: impl AsRef<str>,
    ) -> String {
        self.look_up(key, &[(a, FluentValue::from(value_a.as_ref())), (b, FluentValue::from(value_b.as_ref()))])
    }

    fn look_up(self, key: &str, arguments: &[(&str, FluentValue<'_>)]) -> String {
        let arguments: HashMap<Cow<'static, str>, FluentValue<'_>> =
            arguments.iter().map(|(name, value)| (Cow::Owned((*name).to_owned()), value.clone())).collect();
        LOCALES.try_lookup_complete(self.language, key, Some(&arguments)).unwrap_or_else(|| key.to_owned())
    }
}

/// Fluent counts in `f64`; a count of the portal is far below the 2^53 up to which that is exact.
fn number(count: u64) -> FluentValue<'static> {
    #[expect(clippy::cast_precision_loss, reason = "counts on a page stay far below 2^53")]
    FluentValue::from(count as f64)
}
