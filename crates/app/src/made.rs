//! Companies, locations and technicians that people make, one by one or as a list.
//!
//! Called by the use cases that make one, and by [`import`](crate::import) for many in one transaction. The decision a
//! reader would undo: a new record that is tied by hand from the start has its link written beside it. Nothing hangs on
//! it yet that would have to be linked with it.

use countersign_domain::{
    audit::{Actor, Entry},
    directory::{Company, Location, Technician},
    id::CompanyId,
    link::{Kind, Link},
};
use countersign_store::{NewStep, Tx};

use crate::{App, Result, enroll::record};

/// A record that is not written yet.
#[derive(Debug, Clone)]
pub(crate) enum New {
    Company(Company),
    Location(Location),
    Technician(Technician),
}

impl New {
    const fn kind(&self) -> Kind {
        match self {
            Self::Company(_) => Kind::Company,
            Self::Location(_) => Kind::Location,
            Self::Technician(_) => Kind::Technician,
        }
    }

    pub(crate) fn id(&self) -> &str {
        match self {
            Self::Company(company) => company.id.as_str(),
            Self::Location(location) => location.id.as_str(),
            Self::Technician(technician) => technician.id.as_str(),
        }
    }

    fn company(&self) -> Option<CompanyId> {
        match self {
            Self::Company(company) => Some(company.id.clone()),
            Self::Location(location) => Some(location.company_id.clone()),
            Self::Technician(_) => None,
        }
    }

    /// What the audit log says of it.
    fn told(&self) -> (&'static str, serde_json::Value) {
        match self {
            Self::Company(company) => ("company.created", serde_json::json!({ "name": company.name })),
            Self::Location(location) => ("location.created", serde_json::json!({ "name": location.name })),
            Self::Technician(technician) => (
                "technician.created",
                serde_json::json!({ "email": technician.email, "name": technician.name, "role": technician.role }),
            ),
        }
    }
}

/// A new record with all that is written beside it.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    pub(crate) new: New,
    entry: Entry,
    linked: Linking,
}

/// How a new record comes to its link.
#[derive(Debug, Clone)]
enum Linking {
    /// A step looks for the record of the other side.
    Step(NewStep),
    /// A person named that record.
    ByHand(Link, Entry),
}

impl Made {
    /// # Errors
    /// [`countersign_store::Error::Taken`] where there is one of its name or mail address; then nothing is written, and the
    /// transaction can go on.
    pub(crate) async fn write(&self, tx: &mut Tx) -> countersign_store::Result<()> {
        match &self.new {
            New::Company(company) => tx.insert_company(company).await?,
            New::Location(location) => tx.insert_location(location).await?,
            New::Technician(technician) => tx.insert_technician(technician).await?,
        }
        tx.audit(&self.entry).await?;
        match &self.linked {
            Linking::Step(step) => tx.append_step(step).await,
            Linking::ByHand(link, entry) => {
                tx.set_link(self.new.kind(), self.new.id(), link).await?;
                tx.audit(entry).await
            }
        }
    }
}

impl App {
    /// What is written for a new record; `link` where a person named the record of the other side.
    pub(crate) fn made(&self, new: New, link: Option<Link>, actor: &Actor) -> Made {
        let (action, body) = new.told();
        let entry = self.entry(actor.clone(), action, new.id(), new.company(), body);
        let linked = match link {
            Some(link) => {
                let entry = self.link_entry(new.kind(), new.id(), new.company(), &link, actor.clone());
                Linking::ByHand(link, entry)
            }
            None => Linking::Step(NewStep::link(self.step_id(), record(new.kind(), new.id()), new.company())),
        };
        Made { new, entry, linked }
    }

    /// Writes a new record; it is looked for among those of the other side.
    pub(crate) async fn make(&self, new: New, actor: &Actor) -> Result<()> {
        let made = self.made(new, None, actor);
        self.store()
            .write(move |tx| {
                let made = made.clone();
                Box::pin(async move { made.write(tx).await })
            })
            .await?;
        self.wake().steps();
        Ok(())
    }
}
