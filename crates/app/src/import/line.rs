//! What a line says, checked as far as it can be without looking for its record.

use std::collections::{HashMap, HashSet};

use countersign_domain::{
    directory::Technician,
    id::CompanyId,
    link::{Kind, Link, LinkState, Theirs},
    role::Role,
    text::{email_key, name_key},
};
use countersign_store::CompanyRow;

use super::{Line, LineResult, text};
use crate::{
    App,
    directory::named,
    people::{NewTechnician, checked_email},
};

/// What a list knows of itself and of the other side while it is worked through.
#[derive(Default)]
pub(super) struct Work {
    /// Records that lines above make, by their key.
    pub(super) seen: HashSet<String>,
    /// Customers that lines above take.
    taken: HashSet<String>,
    /// Companies that lines above name, by what they call them.
    companies: HashMap<String, CompanyRow>,
    /// Customers of companies that lines above name, by the company.
    customers: HashMap<CompanyId, Option<String>>,
    /// Records of the other side, by customer and id.
    theirs: HashMap<Option<String>, HashMap<String, Theirs>>,
}

/// A line that says all that it must.
pub(super) struct Wanted {
    pub(super) result: LineResult,
    /// By which its record is told from others of its kind.
    pub(super) key: String,
    pub(super) record: Record,
    psa_id: String,
}

/// The record that a line wants there to be.
pub(super) enum Record {
    Company(String),
    Location(CompanyRow, String),
    Technician(NewTechnician),
}

/// One of our records that a line means.
pub(super) struct Known {
    pub(super) id: String,
    pub(super) link: Link,
}

impl App {
    pub(super) async fn read_line(
        &self,
        by: &Technician,
        kind: Kind,
        line: &Line,
        work: &mut Work,
    ) -> std::result::Result<Wanted, String> {
        let name = named(&line.name).map_err(text)?;
        let (key, record) = match kind {
            Kind::Location => {
                let company = self.company_of_line(by, &line.company, work).await?;
                (location_key(&company, &name), Record::Location(company, name))
            }
            Kind::Technician => {
                let new = self.technician_of_line(by, line, name, work).await?;
                (email_key(&new.email), Record::Technician(new))
            }
            Kind::Company | Kind::Computer | Kind::Contact => (name_key(&name), Record::Company(name)),
        };
        let result = LineResult::untouched(line);
        Ok(Wanted { result, key, record, psa_id: line.psa_id.trim().to_owned() })
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
        name: String,
        work: &mut Work,
    ) -> std::result::Result<NewTechnician, String> {
        let email = checked_email(&line.email).map_err(text)?;
        let role = Role::parse(&line.role.trim().to_lowercase()).ok_or_else(|| {
            let all: Vec<&str> = Role::ALL.into_iter().map(Role::as_str).collect();
            format!("“{}” is no role; the roles are {}.", line.role, all.join(", "))
        })?;
        let mut companies = None;
        for named in line.company.split('|').filter(|named| !named.trim().is_empty()) {
            let row = self.company_of_line(by, named.trim(), work).await?;
            companies.get_or_insert_with(Vec::new).push(row.company.id);
        }
        Ok(NewTechnician { email, name, role, companies })
    }

    /// The record of the other side that a line's record is to be tied to; none where it names none, or is tied to it.
    pub(super) async fn theirs_of_line(
        &self,
        kind: Kind,
        wanted: &Wanted,
        known: Option<&Known>,
        work: &mut Work,
    ) -> std::result::Result<Option<Theirs>, String> {
        let psa_id = wanted.psa_id.as_str();
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
        let customer = match &wanted.record {
            Record::Company(_) | Record::Technician(_) => None,
            Record::Location(company, _) => Some(self.customer_of_line(company, work).await?),
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

    /// The customer that a location's company is linked to.
    async fn customer_of_line(&self, company: &CompanyRow, work: &mut Work) -> std::result::Result<String, String> {
        let id = &company.company.id;
        if !work.customers.contains_key(id) {
            work.customers.insert(id.clone(), self.customer_of(id).await.map_err(text)?);
        }
        let customer = work.customers.get(id).cloned().flatten();
        customer.ok_or_else(|| format!("The company “{}” is not linked yet.", company.company.name))
    }
}

fn location_key(company: &CompanyRow, name: &str) -> String {
    format!("{} {}", company.company.id, name_key(name))
}
