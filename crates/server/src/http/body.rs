//! Reads the bodies and queries of `/api/v1`: what is not known is refused by name.

use axum::{
    extract::{FromRequest, FromRequestParts, Request},
    http::{StatusCode, request::Parts},
};
use bytes::Bytes;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::problem::Problem;

/// A JSON body. An empty body reads as `{}`.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| {
            let status = rejection.status();
            let code = if status == StatusCode::PAYLOAD_TOO_LARGE { "too_large" } else { "unreadable" };
            Problem::new(status, code, format!("The body could not be read: {}", rejection.body_text()))
        })?;
        let text: &[u8] = if bytes.iter().all(u8::is_ascii_whitespace) { b"{}" } else { &bytes };
        // serde would take an array for a record, its values in the order of the fields.
        if !text.trim_ascii_start().starts_with(b"{") && serde_json::from_slice::<IgnoredAny>(text).is_ok() {
            let words = "The body cannot be used: it is to be one JSON object.";
            return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_field", words));
        }
        let mut json = serde_json::Deserializer::from_slice(text);
        let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let path = error.path().to_string();
            let field = if path == "." { "" } else { &path };
            refused(field, error.inner())
        })?;
        json.end().map_err(|error| refused("", &error))?;
        Ok(Self(value))
    }
}

fn refused(field: &str, error: &serde_json::Error) -> Problem {
    let (status, code) = match error.classify() {
        serde_json::error::Category::Data => (StatusCode::UNPROCESSABLE_ENTITY, "bad_field"),
        _ => (StatusCode::BAD_REQUEST, "bad_json"),
    };
    let code = if error.to_string().starts_with("unknown field") { "unknown_field" } else { code };
    let place = if field.is_empty() { String::new() } else { format!("{field}: ") };
    Problem::new(status, code, format!("The body cannot be used: {place}{error}.")).about(field)
}

/// The query of an address.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        axum::extract::Query::try_from_uri(&parts.uri).map(|query| Self(query.0)).map_err(|rejection| {
            Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "bad_query",
                format!("The query cannot be used: {}.", rejection.body_text()),
            )
        })
    }
}

/// An id in a path. A text that is no such id is "not found": there is no such thing.
pub(crate) struct Id<T>(pub(crate) T);

impl<T, S> FromRequestParts<S> for Id<T>
where
    T: std::str::FromStr<Err = countersign_domain::id::WrongId>,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = axum::extract::Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|rejection| Problem::new(StatusCode::NOT_FOUND, "not_found", rejection.body_text()))?;
        let id = path.0.parse().map_err(|error: countersign_domain::id::WrongId| {
            Problem::new(StatusCode::NOT_FOUND, "wrong_id", format!("{error}."))
        })?;
        Ok(Self(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        #[serde(default)]
        limit: Option<u32>,
    }

    async fn read(body: &'static str) -> Result<Option<u32>, (StatusCode, String)> {
        let request = Request::new(axum::body::Body::from(body));
        let read = Body::<Sample>::from_request(request, &()).await;
        read.map(|body| body.0.limit).map_err(|problem| {
            let document = serde_json::to_value(&problem).unwrap();
            (problem.status(), document["code"].as_str().unwrap().to_owned())
        })
    }

    #[tokio::test]
    async fn a_body_is_an_object() {
        assert_eq!(read(r#" {"limit": 7} "#).await, Ok(Some(7)));
        assert_eq!(read("  ").await, Ok(None));
        let refused = |status, code: &str| Err((status, code.to_owned()));
        for other in ["[]", "[7]", " [ 7 ] ", "null", "7", "\"limit\""] {
            assert_eq!(read(other).await, refused(StatusCode::UNPROCESSABLE_ENTITY, "bad_field"), "{other}");
        }
        assert_eq!(read("{").await, refused(StatusCode::BAD_REQUEST, "bad_json"));
        assert_eq!(read(r#"{"limits": 7}"#).await, refused(StatusCode::UNPROCESSABLE_ENTITY, "unknown_field"));
    }
}
