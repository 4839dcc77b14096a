//! Companies, locations and technicians from a list, line by line: tried out first, then done.
//!
//! What one line cannot do stands in its result, and the others go on; what the lines make is written many at a time
//! ([`part`]). Not for: reading CSV, which is `server`'s.
//!
//! The decision a reader would undo: the record of the other side is looked for before ours is made, so that a line with
//! a wrong id leaves nothing behind.

mod line;
mod part;

use countersign_domain::{directory::Technician, link::Kind, role::Right};

use crate::{App, Error, Result, directory::all_companies, people::require};
use line::Work;

/// The most lines of one list.
pub const MAX_LINES: usize = 10_000;

/// One line, as it was written.
#[derive(Debug, Clone, Default)]
pub struct Line {
    /// Where it stands in its file, from 1.
    pub number: u64,
    /// Name of the record.
    pub name: String,
    /// Name or id of a location's company; of a technician's companies, `|` between them, nothing for all.
    pub company: String,
    /// A technician's mail address.
    pub email: String,
    /// A technician's role.
    pub role: String,
    /// The record of the other side to tie it to by hand; empty leaves that to the rule.
    pub psa_id: String,
}

/// Whether anything is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Run {
    /// Says what would happen.
    Preview,
    /// Does it.
    Do,
}

/// What becomes of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// A new record.
    Created,
    /// There is one already.
    Exists,
    /// Nothing: the reason says why.
    Refused,
}

impl Done {
    /// The word used on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Exists => "exists",
            Self::Refused => "error",
        }
    }
}

/// The result of one line.
#[derive(Debug, Clone)]
pub struct LineResult {
    /// Where it stands in its file.
    pub number: u64,
    /// Name of the record.
    pub name: String,
    /// What became of it.
    pub done: Done,
    /// Our record's id; none where it is not made.
    pub id: Option<String>,
    /// Name of the record of the other side that it is tied to by this line.
    pub linked: Option<String>,
    /// What was not done, and why.
    pub reason: Option<String>,
}

impl LineResult {
    /// A line that nothing was done for yet.
    fn untouched(line: &Line) -> Self {
        Self { number: line.number, name: line.name.clone(), done: Done::Refused, id: None, linked: None, reason: None }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` gives the error away")]
fn text(error: Error) -> String {
    error.to_string()
}

impl App {
    /// Makes companies, locations or technicians of the lines of a list, or says what would become of each.
    ///
    /// # Errors
    /// [`Error::Forbidden`] where the caller may not; `too_many` above [`MAX_LINES`].
    pub async fn import_lines(&self, by: &Technician, kind: Kind, lines: &[Line], run: Run) -> Result<Vec<LineResult>> {
        match kind {
            Kind::Company => {
                require(by, Right::EditDirectory)?;
                all_companies(by)?;
            }
            Kind::Location => require(by, Right::EditDirectory)?,
            Kind::Technician => require(by, Right::EditPeople)?,
            Kind::Computer | Kind::Contact => {
                let sentence = "Companies, locations and technicians are made of lists; the others come by themselves.";
                return Err(Error::invalid("not_importable", "list", sentence));
            }
        }
        if lines.len() > MAX_LINES {
            let sentence = format!("The list has {} lines; {MAX_LINES} are allowed at a time.", lines.len());
            return Err(Error::invalid("too_many", "lines", sentence));
        }
        let mut work = Work::default();
        let mut results = Vec::with_capacity(lines.len());
        for some in lines.chunks(part::LINES) {
            let mut part = Vec::with_capacity(some.len());
            for line in some {
                match self.read_line(by, kind, line, &mut work).await {
                    Ok(wanted) => part.push(wanted),
                    Err(reason) => results.push(LineResult { reason: Some(reason), ..LineResult::untouched(line) }),
                }
            }
            self.do_part(by, kind, part, run, &mut work, &mut results).await;
        }
        results.sort_by_key(|result| result.number);
        Ok(results)
    }
}
