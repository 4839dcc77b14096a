//! The one door for bodies.
//!
//! For: JSON in, typed value out, or a refusal that names the field. Not for: the limit on a body's bytes; whoever
//! reads the socket keeps that.
//! Called by the server for every `/agent/v1` body and by the agent for every answer and its own files.

use serde::de::DeserializeOwned;

/// What a refused body is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Not {
    /// It is no JSON.
    Json,
    /// It is JSON, but not of the form that was to come.
    Form,
}

/// A body that was refused: which field, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{reason}", if field.is_empty() { String::new() } else { format!("{field}: ") })]
pub struct Refused {
    /// What it is not.
    pub not: Not,
    /// The path of the field, such as `program.sha256`; empty when the whole body is at fault.
    pub field: String,
    /// What is wrong with it: the limit and what was sent, or what was expected.
    pub reason: String,
}

/// Reads a JSON body. Fields that are not known are ignored.
///
/// # Errors
/// When it is no JSON, lacks a field, or a field is of the wrong type, too long, or empty where it must not be.
pub fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refused> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let (line, column) = (error.inner().line(), error.inner().column());
        let text = error.inner().to_string();
        // serde_json repeats the position; the field's name says more.
        let reason = text.trim_end_matches(&format!(" at line {line} column {column}")).to_owned();
        // Where JSON breaks off is no field's fault.
        match error.inner().classify() {
            serde_json::error::Category::Data if path != "." => Refused { not: Not::Form, field: path, reason },
            serde_json::error::Category::Data => Refused { not: Not::Form, field: String::new(), reason },
            _ => Refused { not: Not::Json, field: String::new(), reason },
        }
    })?;
    json.end().map_err(|_| Refused {
        not: Not::Json,
        field: String::new(),
        reason: "there is more after the JSON value".to_owned(),
    })?;
    Ok(value)
}
