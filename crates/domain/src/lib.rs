//! What a request is, who may decide it, which records match and what the ticketing system must be told.
//!
//! Pure values and functions: nothing here reads a clock, makes an id, waits or writes. Called by `store` (which
//! keeps these values), `psa` (which carries them to the other side), `app` (which composes them) and `server` (which
//! shows them). The decision a reader would undo: time and ids come in as arguments, so that every rule of the
//! product can be tested in a table.

pub mod audit;
pub mod caps;
pub mod cause;
pub mod decision;
pub mod directory;
pub mod effect;
pub mod grant;
pub mod id;
pub mod link;
pub mod request;
pub mod risk;
pub mod role;
pub mod template;
pub mod text;
pub mod ticket;
pub mod time;
pub mod variables;

pub use countersign_policy as policy;
