//! Texts that come from outside: bounded, cleaned of what deceives, compared in one normal form.
//!
//! Endpoint text is hostile (promise P7): it is cleaned here, once, on entry; escaping for HTML, tickets, logs and CSV
//! is the business of whoever writes it out.

use unicode_normalization::UnicodeNormalization as _;

use crate::policy::Text;

/// One line of text as a person typed it: cleaned as endpoint text is ([`Text::clipped`]), runs of white space one
/// space, at most `max` characters.
#[must_use]
pub fn line(raw: &str, max: usize) -> String {
    let cleaned = Text::<4096>::clipped(raw);
    let mut out = String::new();
    for word in cleaned.as_str().split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    if out.chars().count() > max { out.chars().take(max).collect() } else { out }
}

/// The form in which two names are the same: NFKC, lower case, single spaces.
#[must_use]
pub fn name_key(name: &str) -> String {
    // Of most names only case and spaces differ; a directory sync asks for hundreds of thousands.
    if name.len() <= KEY && name.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
        let mut key = String::with_capacity(name.len());
        for word in name.split_ascii_whitespace() {
            if !key.is_empty() {
                key.push(' ');
            }
            key.push_str(word);
        }
        key.make_ascii_lowercase();
        return key;
    }
    of_any_script(name)
}

/// Characters of a name's key at the most.
const KEY: usize = 400;

fn of_any_script(name: &str) -> String {
    line(&name.nfkc().collect::<String>().to_lowercase(), KEY)
}

/// The form in which two mail addresses are the same: trimmed and in lower case.
///
/// The part before the `@` may be case-sensitive by RFC 5321; no mail system in use makes that difference.
#[must_use]
pub fn email_key(email: &str) -> String {
    email.trim().to_lowercase()
}

/// Escapes a text for the places of an HTML document where text and quoted attributes stand.
#[must_use]
pub fn html(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len() + 8);
    for c in raw.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' => out.push_str("<br>"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_plain_name_has_the_key_of_any_name(name in "[ -~]{0,12}( {0,3}[ -~]{0,200}){0,3}") {
            prop_assert_eq!(name_key(&name), of_any_script(&name));
        }
    }

    #[test]
    fn a_line_is_cleaned_and_bounded() {
        assert_eq!(line("  a\u{202E}b\r\n\tc ", 10), "a\u{FFFD}b c");
        assert_eq!(line("ééééé", 3), "ééé");
    }

    #[test]
    fn names_meet_in_one_form() {
        assert_eq!(name_key("  Sample  Dental\u{00A0}Group "), name_key("sample dental group"));
        assert_eq!(name_key("Ｄemo"), "demo");
        assert_ne!(name_key("Demo"), name_key("Demos"));
    }

    #[test]
    fn markup_is_only_text() {
        assert_eq!(html("<b onx='1'>&\"\n"), "&lt;b onx=&#39;1&#39;&gt;&amp;&quot;<br>");
    }
}
