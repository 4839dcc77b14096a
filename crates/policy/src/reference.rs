//! The short form of a request's id.
//!
//! For: what people read out on the telephone, and what a ticket's summary ends with. Not for: finding a request by
//! itself in a program; forty bits are few enough that two could meet.
//! Called by the server and by the agent, which must show the same text before they have spoken.

use sha2::{Digest as _, Sha256};

const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// `CS-` and eight letters or digits for the text of an id.
///
/// Forty bits of the id's SHA-256, so that an endpoint that draws poor ids cannot make neighbours look alike.
#[must_use]
pub fn short(id: &str) -> String {
    let digest = Sha256::digest(id.as_bytes());
    let bits = digest.iter().take(5).fold(0_u64, |bits, byte| (bits << 8) | u64::from(*byte));
    let letters = (0..8_u32).rev().filter_map(|place| {
        let index = usize::try_from((bits >> (place * 5)) & 31).ok()?;
        CROCKFORD.get(index).map(|letter| char::from(*letter))
    });
    std::iter::once("CS-".to_owned()).chain(letters.map(String::from)).collect()
}
