//! Companies, locations, computers and contacts: created, renamed, listed.

use std::collections::HashMap;

use countersign_domain::{
    audit::Actor,
    directory::{Company, Location, MAX_NAME, Technician},
    id::{CompanyId, ComputerId, ContactId, LocationId},
    link::Kind,
    role::{Access, Right, Role},
    text,
};
use countersign_store::{CompanyRow, ComputerRow, ContactRow, DirectoryQuery, LinkCounts, LocationRow, UnlinkedCounts};

use crate::{App, Error, Result, made::New, people::require};

pub(crate) fn named(name: &str) -> Result<String> {
    let name = text::line(name, MAX_NAME);
    if name.is_empty() { Err(Error::invalid("name", "name", "The name is empty.")) } else { Ok(name) }
}

fn one(id: &str) -> DirectoryQuery {
    DirectoryQuery { id: Some(id.to_owned()), limit: 1, ..DirectoryQuery::default() }
}

impl App {
    /// Companies that the caller may see.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn companies(&self, by: &Technician, wanted: &DirectoryQuery) -> Result<Vec<CompanyRow>> {
        Ok(self.store().companies(&by.access, wanted).await?)
    }

    /// Locations that the caller may see.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn locations(&self, by: &Technician, wanted: &DirectoryQuery) -> Result<Vec<LocationRow>> {
        Ok(self.store().locations(&by.access, wanted).await?)
    }

    /// Computers that the caller may see.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn computers(&self, by: &Technician, wanted: &DirectoryQuery) -> Result<Vec<ComputerRow>> {
        Ok(self.store().computers(&by.access, wanted).await?)
    }

    /// Contacts that the caller may see.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn contacts(&self, by: &Technician, wanted: &DirectoryQuery) -> Result<Vec<ContactRow>> {
        Ok(self.store().contacts(&by.access, wanted).await?)
    }

    /// One company.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is none such, or the caller may not see it.
    pub async fn company(&self, by: &Technician, id: &CompanyId) -> Result<CompanyRow> {
        self.companies(by, &one(id.as_str())).await?.pop().ok_or(Error::NotFound("company"))
    }

    /// One location.
    ///
    /// # Errors
    /// As for companies.
    pub async fn location(&self, by: &Technician, id: &LocationId) -> Result<LocationRow> {
        self.locations(by, &one(id.as_str())).await?.pop().ok_or(Error::NotFound("location"))
    }

    /// One computer.
    ///
    /// # Errors
    /// As for companies.
    pub async fn computer(&self, by: &Technician, id: &ComputerId) -> Result<ComputerRow> {
        self.computers(by, &one(id.as_str())).await?.pop().ok_or(Error::NotFound("computer"))
    }

    /// One contact.
    ///
    /// # Errors
    /// As for companies.
    pub async fn contact(&self, by: &Technician, id: &ContactId) -> Result<ContactRow> {
        self.contacts(by, &one(id.as_str())).await?.pop().ok_or(Error::NotFound("contact"))
    }

    /// How many records are not linked, among what the caller may see.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn unlinked(&self, by: &Technician) -> Result<UnlinkedCounts> {
        Ok(self.store().unlinked(&by.access).await?)
    }

    /// How many records of a kind stand in each state of a link, among what the caller may see and `wanted` asks for.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn link_counts(&self, by: &Technician, kind: Kind, wanted: &DirectoryQuery) -> Result<LinkCounts> {
        if kind == Kind::Technician && by.role == Role::ClientAdministrator {
            let own = DirectoryQuery { id: Some(by.id.to_string()), ..wanted.clone() };
            let counts = self.store().link_counts(kind, &by.access, &own).await?;
            return Ok(LinkCounts { archived: 0, ..counts });
        }
        Ok(self.store().link_counts(kind, &by.access, wanted).await?)
    }

    /// How many locations and computers in use each of these companies has, by the company's id; one that has none, or
    /// that the caller may not see, is left out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn company_sizes(&self, by: &Technician, companies: &[CompanyId]) -> Result<HashMap<String, (u64, u64)>> {
        let seen: Vec<CompanyId> = companies.iter().filter(|id| by.access.covers(id)).cloned().collect();
        Ok(self.store().company_sizes(&seen).await?)
    }

    /// Creates a company; it is looked for among Halo's customers by its name.
    ///
    /// # Errors
    /// `taken` where there is one of that name.
    pub async fn create_company(&self, by: &Technician, name: &str) -> Result<CompanyRow> {
        require(by, Right::EditDirectory)?;
        all_companies(by)?;
        let company = Company {
            id: CompanyId::from_uuid(self.inner.ids.uuid()),
            name: named(name)?,
            former_names: Vec::new(),
            created_at: self.now(),
        };
        let id = company.id.clone();
        self.make(New::Company(company), &Actor::Technician(by.id.clone())).await?;
        self.company(by, &id).await
    }

    /// Renames a company; the name before is kept, so that an endpoint that still enrols under it finds it.
    ///
    /// # Errors
    /// `taken` where there is one of that name.
    pub async fn rename_company(&self, by: &Technician, id: &CompanyId, name: &str) -> Result<CompanyRow> {
        require(by, Right::EditDirectory)?;
        let mut company = self.company(by, id).await?.company;
        let name = named(name)?;
        if name == company.name {
            return self.company(by, id).await;
        }
        let before = std::mem::replace(&mut company.name, name);
        let key = text::name_key(&before);
        if !company.former_names.contains(&key) {
            company.former_names.push(key);
        }
        let entry = self.entry(
            Actor::Technician(by.id.clone()),
            "company.renamed",
            id.to_string(),
            Some(id.clone()),
            serde_json::json!({ "from": before, "to": company.name }),
        );
        self.store()
            .write(move |tx| {
                let (company, entry) = (company.clone(), entry.clone());
                Box::pin(async move {
                    tx.update_company(&company).await?;
                    tx.audit(&entry).await
                })
            })
            .await?;
        self.company(by, id).await
    }

    /// Creates a location; it is looked for among the sites of the linked customer.
    ///
    /// # Errors
    /// `taken` where the company has one of that name.
    pub async fn create_location(&self, by: &Technician, company: &CompanyId, name: &str) -> Result<LocationRow> {
        require(by, Right::EditDirectory)?;
        let row = self.company(by, company).await?;
        if row.archived_at.is_some() {
            return Err(Error::conflict("archived", "The company is archived. Restore it first."));
        }
        let company = row.company;
        let location = Location {
            id: LocationId::from_uuid(self.inner.ids.uuid()),
            company_id: company.id,
            name: named(name)?,
            created_at: self.now(),
        };
        let id = location.id.clone();
        self.make(New::Location(location), &Actor::Technician(by.id.clone())).await?;
        self.location(by, &id).await
    }

    /// Renames a location.
    ///
    /// # Errors
    /// `taken` where the company has one of that name.
    pub async fn rename_location(&self, by: &Technician, id: &LocationId, name: &str) -> Result<LocationRow> {
        require(by, Right::EditDirectory)?;
        let mut location = self.location(by, id).await?.location;
        location.name = named(name)?;
        let entry = self.entry(
            Actor::Technician(by.id.clone()),
            "location.renamed",
            id.to_string(),
            Some(location.company_id.clone()),
            serde_json::json!({ "to": location.name }),
        );
        self.store()
            .write(move |tx| {
                let (location, entry) = (location.clone(), entry.clone());
                Box::pin(async move {
                    tx.update_location(&location).await?;
                    tx.audit(&entry).await
                })
            })
            .await?;
        self.location(by, id).await
    }

    /// Renames a computer, or moves it to another location of its company.
    ///
    /// # Errors
    /// [`Error::NotFound`] where location or computer is none the caller may see.
    pub async fn change_computer(
        &self,
        by: &Technician,
        id: &ComputerId,
        name: Option<&str>,
        location: Option<&LocationId>,
    ) -> Result<ComputerRow> {
        require(by, Right::EditDirectory)?;
        let mut computer = self.computer(by, id).await?.computer;
        if let Some(name) = name {
            computer.name = named(name)?;
        }
        if let Some(location) = location {
            let row = self.location(by, location).await?;
            if row.archived_at.is_some() && row.location.id != computer.location_id {
                return Err(Error::conflict("archived", "The location is archived. Restore it first."));
            }
            let location = row.location;
            if location.company_id != computer.company_id {
                return Err(Error::invalid(
                    "location",
                    "location_id",
                    "The location belongs to another company. A computer moves there by enrolling again.",
                ));
            }
            computer.location_id = location.id;
        }
        let entry = self.entry(
            Actor::Technician(by.id.clone()),
            "computer.changed",
            id.to_string(),
            Some(computer.company_id.clone()),
            serde_json::json!({ "name": computer.name, "location": computer.location_id }),
        );
        self.store()
            .write(move |tx| {
                let (computer, entry) = (computer.clone(), entry.clone());
                Box::pin(async move {
                    tx.update_computer(&computer).await?;
                    tx.audit(&entry).await
                })
            })
            .await?;
        self.computer(by, id).await
    }
}

/// Creating companies is for those who see all of them: the new one would be invisible to anybody else.
pub(crate) fn all_companies(by: &Technician) -> Result<()> {
    match by.access {
        Access::All => Ok(()),
        Access::Only(_) => Err(Error::forbidden(
            "forbidden",
            "You see some companies alone, so a new one is made by somebody who sees all of them.",
        )),
    }
}
