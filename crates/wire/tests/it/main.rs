//! The wire: bodies as they are written down, refusals that name a field, and signatures that hold for nothing else.

#[cfg(test)]
mod bodies;
#[cfg(test)]
mod signatures;
