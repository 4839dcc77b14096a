//! Halo's own words, out of whatever body an error came with.
//!
//! Halo and the servers in front of it answer errors in at least six forms; a person gets to read the words, so they
//! are cut to one clean line. Pure; called for every answer that is not a success, or not understood.

use serde_json::Value;

/// Longest text kept, in characters.
const MAX: usize = 500;

/// The words of a body, or an empty text.
pub(crate) fn extract(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.starts_with('<') {
        return one_line(&html_title(text));
    }
    match serde_json::from_str(text) {
        Ok(value) => one_line(&json_words(&value)),
        Err(_) => one_line(text),
    }
}

/// The code of an OAuth error body.
pub(crate) fn code(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    body.get("error")?.as_str().map(one_line)
}

fn json_words(value: &Value) -> String {
    let object = match value {
        Value::Object(object) => object,
        Value::Array(items) => return items.first().map(json_words).unwrap_or_default(),
        Value::String(text) => return text.clone(),
        _ => return String::new(),
    };
    let text = |wanted: &str| {
        let found = object.iter().find(|(key, _)| key.eq_ignore_ascii_case(wanted))?.1;
        found.as_str().map(str::trim).filter(|text| !text.is_empty())
    };
    // From the most telling to the least: OAuth, exception objects and plain messages, problem documents.
    if let Some(words) = ["error_description", "message", "errormessage", "detail"].into_iter().find_map(text) {
        return words.to_owned();
    }
    let fields = object.get("errors").map(field_errors).unwrap_or_default();
    match (["title", "error", "classname"].into_iter().find_map(text), fields) {
        (Some(title), fields) if fields.is_empty() => title.to_owned(),
        (Some(title), fields) => format!("{title} {fields}"),
        (None, fields) => fields,
    }
}

/// `{"field": ["sentence", …]}` of a validation problem, as "field: sentence; …".
fn field_errors(errors: &Value) -> String {
    let Value::Object(errors) = errors else { return String::new() };
    let sentences = errors.iter().map(|(field, sentences)| match sentences {
        Value::Array(list) => {
            let list: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
            format!("{field}: {}", list.join(", "))
        }
        other => format!("{field}: {}", other.as_str().unwrap_or_default()),
    });
    sentences.collect::<Vec<_>>().join("; ")
}

/// What a web page calls itself, said as such: a page where JSON was due mostly means a wrong address.
fn html_title(page: &str) -> String {
    let lower = page.to_ascii_lowercase();
    let title = lower.find("<title").and_then(|start| {
        let from = start + page.get(start..)?.find('>')? + 1;
        let to = from + lower.get(from..)?.find("</title")?;
        page.get(from..to)
    });
    match title.map(str::trim).filter(|title| !title.is_empty()) {
        Some(title) => format!("a web page titled \"{}\"", unescape(title)),
        None => "a web page".to_owned(),
    }
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&")
}

/// One line without control characters, cut to [`MAX`] characters.
pub(crate) fn one_line(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let line = clean.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MAX) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

/// What stands behind a failed exchange, as one line, the innermost last. The outer layers say no more than that a
/// request failed, and name the whole address, which may hold a tenant's name or a search text.
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let mut text = String::new();
    let mut next = error.source();
    while let Some(cause) = next {
        let words = cause.to_string();
        next = cause.source();
        let outer = ["client error (", "dns error", "error resolving DNS"].iter().any(|outer| words.starts_with(outer));
        let says_nothing = outer && next.is_some();
        if !says_nothing && !text.contains(&words) {
            text = if text.is_empty() { words } else { format!("{text}: {words}") };
        }
    }
    one_line(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_form_gives_its_words() {
        for (body, words) in [
            ("", ""),
            ("   ", ""),
            ("null", ""),
            ("[]", ""),
            (
                r#"{"ClassName":"System.Exception","Message":"Please enter an outcome","Data":null}"#,
                "Please enter an outcome",
            ),
            (r#"{"Message":"No such ticket"}"#, "No such ticket"),
            (r#"[{"message":"in an array"}]"#, "in an array"),
            (r#"{"error":"invalid_client","error_description":"The secret is wrong"}"#, "The secret is wrong"),
            (r#"{"error":"invalid_client"}"#, "invalid_client"),
            (r#"{"resultCode":3,"errorMessage":"Value missing"}"#, "Value missing"),
            (
                r#"{"title":"Validation failed","status":400,"errors":{"summary":["is needed","is short"]}}"#,
                "Validation failed summary: is needed, is short",
            ),
            (r#"{"title":"Bad","detail":"The body is not JSON"}"#, "The body is not JSON"),
            (r#""just text""#, "just text"),
            ("Too many\r\nrequests\u{7}", "Too many requests"),
            ("<html><head><TITLE>502 Bad &amp; Gone</TITLE></head></html>", "a web page titled \"502 Bad & Gone\""),
            ("<!doctype html><body>x", "a web page"),
            ("<title>broken", "a web page"),
        ] {
            assert_eq!(extract(body.as_bytes()), words, "{body}");
        }
    }

    #[test]
    fn hostile_bodies_stay_short_and_do_not_panic() {
        assert!(extract("ä".repeat(10_000).as_bytes()).chars().count() <= MAX + 1);
        assert_eq!(extract(&[0xff, 0xfe, 0x00]), "\u{fffd}\u{fffd}");
        let deep = format!("{}1{}", "[".repeat(50_000), "]".repeat(50_000));
        assert!(extract(deep.as_bytes()).starts_with('['));
        extract("<title İ>ſ</title".as_bytes());
    }
}
