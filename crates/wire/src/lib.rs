//! What endpoint agents and server say to each other: the JSON of `/agent/v1`, and the signed forms.
//!
//! For: one set of types that both sides share, so that they cannot drift apart. Not for: HTTP, storage, decisions.
//! Called by the server's endpoint API and by the agent; both take bodies in through [`read`].
//! Unknown fields are ignored on purpose: newer endpoints meet older servers and the other way round. What is known is
//! bounded and cleaned while it is parsed (see [`countersign_policy::Text`]), so nobody has to remember to.

pub mod decision;
pub mod enroll;
pub mod grant;
pub mod keys;
pub mod problem;
mod read;
pub mod request;
mod signed;
mod time;

pub use countersign_policy::{Name, ProgramFacts, Sha256, Text};
pub use read::{Not, Refused, read};
pub use signed::{BadSignature, PublicKey};
pub use time::Time;

/// Most characters of any id: a prefix, an underscore and a UUID fit with room.
pub const MAX_ID: usize = 80;
/// Most characters of a name of a person, company, location, computer or account.
pub const MAX_NAME: usize = 200;
/// Most characters of a reason, of either side.
pub const MAX_REASON: usize = 1000;
/// Most characters of an address of a page.
pub const MAX_URL: usize = 1000;

/// An id as the server writes it, such as `req_…` or `computer_…`. What is inside is the server's business.
pub type Id = Name<MAX_ID>;
