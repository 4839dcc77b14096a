//! `POST /hooks/halo/{secret}`: what Halo's webhook delivers.
//!
//! Called by Halo, or by whoever guesses the address. Answered at once, before anything is read from Halo: 202, or 404
//! for a wrong secret, user or password. The decision a reader would undo: a body that cannot be read is answered 202
//! too. Halo switches webhooks off that fail, and a delivery is a hint in any case.

use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    routing::post,
};
use base64::Engine as _;

use crate::http::{Shared, problem::Answer};

pub(crate) fn router() -> Router<Shared> {
    Router::new().route("/hooks/halo/{secret}", post(hear))
}

/// User and password of HTTP Basic.
fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = base64::prelude::BASE64_STANDARD.decode(encoded.trim()).ok()?;
    let decoded = String::from_utf8(decoded).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

async fn hear(
    State(shared): State<Shared>,
    Path(secret): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer<StatusCode> {
    let basic = basic(&headers);
    let basic = basic.as_ref().map(|(user, password)| (user.as_str(), password.as_str()));
    let new = shared.app.hear(&secret, basic, &body).await?;
    metrics::counter!("countersign_halo_webhook_events_total").increment(u64::try_from(new).unwrap_or(0));
    Ok(StatusCode::ACCEPTED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_password_come_from_basic_alone() {
        let of = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
            basic(&headers)
        };
        assert_eq!(of("Basic aGFsbzphOmI="), Some(("halo".to_owned(), "a:b".to_owned())));
        assert_eq!(of("basic aGFsbzphOmI="), of("Basic aGFsbzphOmI="));
        for other in ["Bearer aGFsbzphOmI=", "Basic", "Basic ***", "Basic aGFsbw==", "Basic /w=="] {
            assert_eq!(of(other), None, "{other}");
        }
    }
}
