//! Reading an answer without trusting its length.

/// An answer's body could not be read whole.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// More bytes came than were allowed for, after decompression.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
    /// The connection ended, or the deadline passed, before the body did.
    #[error("the answer broke off")]
    Cut(#[source] reqwest::Error),
}

/// Reads a body of at most `max` bytes, counted after decompression, so that neither a lying length nor a small
/// compressed answer fills the memory.
///
/// # Errors
/// If the body is larger, or does not arrive whole.
pub async fn read_capped(mut response: reqwest::Response, max: usize) -> Result<Vec<u8>, BodyError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(BodyError::Cut)? {
        if body.len() + chunk.len() > max {
            return Err(BodyError::TooLarge(max));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
