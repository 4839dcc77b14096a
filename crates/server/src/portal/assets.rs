//! The portal's style sheet, scripts, fonts and icons, carried in the binary.
//!
//! Addresses carry the first digits of the file's own SHA-256, so that a browser may keep a file for a year and still sees
//! a new one at once. Not for pages: those are templates. Called by the views (for addresses) and by the router.

use std::collections::HashMap;
use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "assets/"]
#[exclude = "*.mjs"]
#[exclude = "vendor/VENDORED.json"]
pub(crate) struct Files;

static ADDRESSES: LazyLock<HashMap<String, String>> = LazyLock::new(|| {
    Files::iter()
        .filter_map(|name| {
            let [a, b, c, d, ..] = Files::get(&name)?.metadata.sha256_hash();
            Some((name.to_string(), format!("/assets/{name}?v={:08x}", u32::from_be_bytes([a, b, c, d]))))
        })
        .collect()
});

/// The address of a file under `assets/`, such as `vendor/icons.svg`, with its version.
pub(crate) fn url(name: &str) -> String {
    ADDRESSES.get(name).cloned().unwrap_or_else(|| format!("/assets/{name}"))
}

/// Answers a file. Its address changes with its content, so it may be kept for good.
pub(super) async fn file(Path(name): Path<String>) -> Response {
    let kind = match name.rsplit('.').next() {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("woff2") => "font/woff2",
        _ => "text/plain; charset=utf-8",
    };
    match Files::get(&name) {
        Some(file) => {
            let headers =
                [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")];
            (headers, file.data).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
