//! Puts companies, locations and computers aside and takes them back. Technicians are disabled instead
//! ([`crate::people`]).
//!
//! The decision a reader would undo: an archived record keeps its link, and a restored company whose customer another one
//! has meanwhile loses it, since two companies of one customer are for a person to decide.

use countersign_domain::{
    audit::Actor,
    directory::Technician,
    id::{CompanyId, ComputerId, LocationId},
    link::{Kind, Link, LinkState},
    role::Right,
};
use countersign_store::{NewStep, Tx};

use crate::{App, Error, Result, enroll::record, people::require};

/// A record that is to be archived or restored.
#[derive(Debug, Clone)]
struct Ours {
    id: String,
    company: CompanyId,
    name: String,
    /// What it belongs to is archived: which, if any.
    under: Option<&'static str>,
}

fn not_archived(kind: Kind) -> Error {
    Error::invalid("not_archivable", "archived", format!("A {} cannot be archived.", kind.as_str()))
}

impl App {
    async fn shelved(&self, by: &Technician, kind: Kind, id: &str) -> Result<Ours> {
        require(by, Right::EditDirectory)?;
        let gone = |_| Error::NotFound("record");
        let id_text = id.to_owned();
        let (company, name, location) = match kind {
            Kind::Company => {
                let row = self.company(by, &id.parse::<CompanyId>().map_err(gone)?).await?;
                return Ok(Ours { id: id_text, company: row.company.id, name: row.company.name, under: None });
            }
            Kind::Location => {
                let row = self.location(by, &id.parse::<LocationId>().map_err(gone)?).await?;
                (row.location.company_id, row.location.name, None)
            }
            Kind::Computer => {
                let row = self.computer(by, &id.parse::<ComputerId>().map_err(gone)?).await?;
                (row.computer.company_id, row.computer.name, Some(row.computer.location_id))
            }
            Kind::Technician | Kind::Contact => return Err(not_archived(kind)),
        };
        let mut under = None;
        if let Some(location) = location
            && self.location(by, &location).await?.archived_at.is_some()
        {
            under = Some("location");
        }
        if self.company(by, &company).await?.archived_at.is_some() {
            under = Some("company");
        }
        Ok(Ours { id: id_text, company, name, under })
    }

    /// Archives a record: it leaves lists, counts, linking and choices, and keeps its history. A company takes what
    /// belongs to it along; a computer's credential asks for nothing any more. What is archived already stays so.
    ///
    /// # Errors
    /// `has_computers` where computers in use stand at the location; [`Error::NotFound`] where the caller may not see it.
    pub async fn archive(&self, by: &Technician, kind: Kind, id: &str) -> Result<()> {
        let ours = self.shelved(by, kind, id).await?;
        let now = self.now();
        let entry = self.entry(
            Actor::Technician(by.id.clone()),
            &format!("{}.archived", kind.as_str()),
            ours.id.clone(),
            Some(ours.company.clone()),
            serde_json::json!({ "name": ours.name }),
        );
        let company = ours.company.clone();
        let in_the_way = self
            .store()
            .write(move |tx| {
                let (ours, entry) = (ours.clone(), entry.clone());
                Box::pin(async move {
                    if let (Kind::Location, Ok(location)) = (kind, ours.id.parse()) {
                        let computers = tx.computers_at(&location).await?;
                        if computers > 0 {
                            return Ok(computers);
                        }
                    }
                    if tx.archive(kind, &ours.id, now).await? {
                        tx.audit(&entry).await?;
                    }
                    Ok(0)
                })
            })
            .await?;
        if in_the_way > 0 {
            return Err(Error::conflict(
                "has_computers",
                format!("Computers stand here: {in_the_way}. Move or archive them first."),
            ));
        }
        self.wake().page("directory.changed", id.to_owned(), Some(company));
        Ok(())
    }

    /// Takes a record back; a company brings back what was archived with it. What is in use stays so.
    ///
    /// # Errors
    /// `parent_archived` where its company or location is archived; [`Error::NotFound`] where the caller may not see it.
    pub async fn restore(&self, by: &Technician, kind: Kind, id: &str) -> Result<()> {
        let ours = self.shelved(by, kind, id).await?;
        if let Some(under) = ours.under {
            return Err(Error::conflict(
                "parent_archived",
                format!("Its {under} is archived. Restore the {under} first."),
            ));
        }
        let company = ours.company.clone();
        let (app, actor) = (self.clone(), Actor::Technician(by.id.clone()));
        self.store()
            .write(move |tx| {
                let (app, ours, actor) = (app.clone(), ours.clone(), actor.clone());
                Box::pin(async move {
                    if kind == Kind::Company {
                        tx.restore_parts(&ours.id).await?;
                    }
                    app.bring_back(tx, kind, &ours.id, &ours.company, actor).await
                })
            })
            .await?;
        self.wake().steps();
        self.wake().page("directory.changed", id.to_owned(), Some(company));
        Ok(())
    }

    /// Brings one archived record back, alone, with its audit entry, and has its link looked for where it has none.
    pub(crate) async fn bring_back(
        &self,
        tx: &mut Tx,
        kind: Kind,
        id: &str,
        company: &CompanyId,
        actor: Actor,
    ) -> countersign_store::Result<()> {
        if !tx.restore(kind, id).await? {
            return Ok(());
        }
        let mut link = tx.link(kind, id).await?;
        if let (Kind::Company, LinkState::Linked, Some(customer)) = (kind, link.state, &link.psa_id)
            && tx.is_customer_of_another(customer, id).await?
        {
            link = Link::default();
            tx.set_link(kind, id, &link).await?;
        }
        if link.is_free() {
            tx.append_step(&NewStep::link(self.step_id(), record(kind, id), Some(company.clone()))).await?;
        }
        let body = serde_json::json!({ "link": link.state });
        let action = format!("{}.restored", kind.as_str());
        tx.audit(&self.entry(actor, &action, id, Some(company.clone()), body)).await
    }
}
