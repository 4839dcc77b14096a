//! The agent, its parts and the program as a whole, against a server that can be told to misbehave.

#[cfg(test)]
mod ask;
#[cfg(test)]
mod enrolment;
#[cfg(test)]
mod fake;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod parts;
#[cfg(test)]
mod story;
