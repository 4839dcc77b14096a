//! Companies, locations and technicians from a list, line by line: tried out first, then done.
//!
//! Each line is a unit of its own: what one cannot do stands in its result, and the others go on. Not for: reading CSV,
//! which is `server`'s.
//!
//! The decision a reader would undo: the record of the other side is looked for before ours is made, so that a line with
//! a wrong id leaves nothing behind.

use std::collections::{HashMap, HashSet};

use countersign_domain::{
    directory::Technician,
    id::CompanyId,
    link::{Kind, Link, LinkState, Theirs},
    role::{Right, Role},
    text::{email_key, name_key},
};
use countersign_store::CompanyRow;

use crate::{
    App, Error, Result,
    directory::{all_companies, named},
    people::{NewTechnician, checked_email, require},
};

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

/// One of our records that a line means.
struct Known {
    id: String,
    link: Link,
}

/// What a list knows of itself and of the other side while it is worked through.
#[derive(Default)]
struct Work {
    /// Records that lines above make, by their key.
    seen: HashSet<String>,
    /// Customers that lines above take.
    taken: HashSet<String>,
    /// Companies that lines above name, by what they call them.
    companies: HashMap<String, CompanyRow>,
    /// Records of the other side, by customer and id.
    theirs: HashMap<Option<String>, HashMap<String, Theirs>>,
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
        for line in lines {
            let base = LineResult {
                number: line.number,
                name: line.name.clone(),
                done: Done::Refused,
                id: None,
                linked: None,
                reason: None,
            };
            results.push(match self.import_line(by, kind, line, run, &mut work).await {
                Ok(result) => LineResult { number: base.number, name: base.name, ..result },
                Err(reason) => LineResult { reason: Some(reason), ..base },
            });
        }
        Ok(results)
    }

    async fn import_line(
        &self,
        by: &Technician,
        kind: Kind,
        line: &Line,
        run: Run,
        work: &mut Work,
    ) -> std::result::Result<LineResult, String> {
        named(&line.name).map_err(text)?;
        let company =
            if kind == Kind::Location { Some(self.company_of_line(by, &line.company, work).await?) } else { None };
        let new = if kind == Kind::Technician { Some(self.technician_of_line(by, line, work).await?) } else { None };
        let (key, known) = self.known(kind, line, company.as_ref()).await?;
        let above = !work.seen.insert(key);
        let theirs = self.theirs_of_line(kind, line, company.as_ref(), known.as_ref(), work).await?;
        let linked = theirs.as_ref().map(|theirs| theirs.psa_name.clone());
        let exists = known.is_some() || (above && run == Run::Preview);
        let done = if exists { Done::Exists } else { Done::Created };
        let mut result = LineResult {
            number: line.number,
            name: line.name.clone(),
            done,
            id: known.map(|known| known.id),
            linked,
            reason: None,
        };
        if run == Run::Preview {
            return Ok(result);
        }
        let id = match (result.id.clone(), &company, new) {
            (Some(id), ..) => id,
            (None, Some(company), _) => {
                let made = self.create_location(by, &company.company.id, &line.name).await.map_err(text)?;
                made.location.id.to_string()
            }
            (None, None, Some(new)) => self.create_technician(by, new).await.map_err(text)?.technician.id.to_string(),
            (None, None, None) => self.create_company(by, &line.name).await.map_err(text)?.company.id.to_string(),
        };
        result.id = Some(id.clone());
        if let Some(theirs) = theirs
            && let Err(error) = self.tie(by, kind, &id, theirs).await
        {
            result.linked = None;
            result.reason = Some(text(error));
        }
        Ok(result)
    }

    async fn company_of_line(
        &self,
        by: &Technician,
        wanted: &str,
        work: &mut Work,
    ) -> std::result::Result<CompanyRow, String> {
        if let Some(row) = work.companies.get(wanted) {
            return Ok(row.clone());
        }
        let row = self.company_called(by, wanted).await?;
        work.companies.insert(wanted.to_owned(), row.clone());
        Ok(row)
    }

    /// The company that a line names, by its id or its name.
    async fn company_called(&self, by: &Technician, wanted: &str) -> std::result::Result<CompanyRow, String> {
        let none = || format!("No company is called “{wanted}”. Add it first.");
        if wanted.trim().is_empty() {
            return Err("The column company is empty.".to_owned());
        }
        let row = if let Ok(id) = wanted.trim().parse::<CompanyId>() {
            self.company(by, &id).await.map_err(|_| none())?
        } else {
            let name = wanted.to_owned();
            let found = self.store().look_up(move |tx| Box::pin(async move { tx.company_by_name(&name).await })).await;
            let found = found.map_err(|error| text(error.into()))?;
            found.filter(|row| by.access.covers(&row.company.id)).ok_or_else(none)?
        };
        if row.archived_at.is_some() {
            return Err(format!("The company “{}” is archived. Restore it first.", row.company.name));
        }
        Ok(row)
    }

    async fn technician_of_line(
        &self,
        by: &Technician,
        line: &Line,
        work: &mut Work,
    ) -> std::result::Result<NewTechnician, String> {
        let email = checked_email(&line.email).map_err(text)?;
        let role = Role::parse(&line.role.trim().to_lowercase()).ok_or_else(|| {
            let all: Vec<&str> = Role::ALL.into_iter().map(Role::as_str).collect();
            format!("“{}” is no role; the roles are {}.", line.role, all.join(", "))
        })?;
        let mut companies = None;
        for name in line.company.split('|').filter(|name| !name.trim().is_empty()) {
            let row = self.company_of_line(by, name.trim(), work).await?;
            companies.get_or_insert_with(Vec::new).push(row.company.id);
        }
        Ok(NewTechnician { email, name: line.name.clone(), role, companies })
    }

    /// The key by which a line's record is told from others, and our record that has it already.
    async fn known(
        &self,
        kind: Kind,
        line: &Line,
        company: Option<&CompanyRow>,
    ) -> std::result::Result<(String, Option<Known>), String> {
        if kind == Kind::Technician {
            let row = self.store().technician_by_email(&line.email).await.map_err(|error| text(error.into()))?;
            let known = row.map(|row| Known { id: row.technician.id.to_string(), link: row.link });
            return Ok((email_key(&line.email), known));
        }
        let (name, company) = (line.name.clone(), company.map(|row| row.company.id.clone()));
        let key = format!("{} {}", company.as_ref().map_or("", CompanyId::as_str), name_key(&name));
        let found = self.store().look_up(move |tx| {
            Box::pin(async move {
                Ok(match company {
                    None => tx
                        .company_by_name(&name)
                        .await?
                        .map(|row| (row.company.id.to_string(), row.link, row.archived_at)),
                    Some(company) => tx
                        .location_by_name(&company, &name)
                        .await?
                        .map(|row| (row.location.id.to_string(), row.link, row.archived_at)),
                })
            })
        });
        match found.await.map_err(|error| text(error.into()))? {
            Some((_, _, Some(_))) => Err("An archived record has this name. Restore it.".to_owned()),
            Some((id, tied, None)) => Ok((key, Some(Known { id, link: tied }))),
            None => Ok((key, None)),
        }
    }

    /// The record of the other side that a line's record is to be tied to; none where it names none, or is tied to it.
    async fn theirs_of_line(
        &self,
        kind: Kind,
        line: &Line,
        company: Option<&CompanyRow>,
        known: Option<&Known>,
        work: &mut Work,
    ) -> std::result::Result<Option<Theirs>, String> {
        let psa_id = line.psa_id.trim();
        if psa_id.is_empty() {
            return Ok(None);
        }
        if let Some(Link { state: LinkState::Linked, psa_id: tied, psa_name, .. }) = known.map(|known| &known.link) {
            if tied.as_deref() == Some(psa_id) {
                return Ok(None);
            }
            let name = psa_name.as_deref().unwrap_or_default();
            return Err(format!("It is linked to “{name}” already. Unlink it first."));
        }
        let customer = match company {
            None => None,
            Some(row) => {
                let customer = self.customer_of(&row.company.id).await.map_err(text)?;
                Some(customer.ok_or_else(|| format!("The company “{}” is not linked yet.", row.company.name))?)
            }
        };
        if !work.theirs.contains_key(&customer) {
            let psa = self.psa().map_err(text)?;
            let all = psa.records(kind, customer.as_deref(), usize::MAX).await.map_err(|fault| text(fault.into()))?;
            let by_id = all.into_iter().map(|theirs| (theirs.psa_id.clone(), theirs));
            work.theirs.insert(customer.clone(), by_id.collect());
        }
        let found = work.theirs.get(&customer).and_then(|all| all.get(psa_id)).cloned();
        let theirs = found.ok_or_else(|| format!("HaloPSA has no record with the id “{psa_id}” here, or hides it."))?;
        if kind == Kind::Company {
            let id = known.map_or("", |known| &known.id);
            self.only_one_company(kind, id, &theirs).await.map_err(text)?;
            if !work.taken.insert(psa_id.to_owned()) {
                return Err("A line above takes the same customer.".to_owned());
            }
        }
        Ok(Some(theirs))
    }
}
