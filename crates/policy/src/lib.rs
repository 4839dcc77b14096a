//! What is known of a program, and what that alone says about it: the same code on server and endpoint.
//!
//! For: facts that rules, grants, tickets and the portal all speak of, parsed once and bounded from then on.
//! Not for: reading a file system (the agent does), or deciding (the domain does).
//! Called by every crate above; it imports none of ours.
//! A reader might want to keep raw strings here and check them where they are shown. They come from computers that
//! nobody trusts, and one forgotten place is enough; so a [`Text`] cannot hold what must not be shown.

pub mod facts;
pub mod nature;
pub mod reference;
pub mod sha256;
pub mod text;

pub use facts::{Package, ProgramFacts, Publisher};
pub use nature::{Kind, Place};
pub use sha256::Sha256;
pub use text::{Name, Text};
