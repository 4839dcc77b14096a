//! Our records as linking knows them, whatever their kind.

use countersign_domain::{
    directory::Technician,
    id::CompanyId,
    link::{Kind, Link},
};
use countersign_store::Tx;

use super::right_to_link;
use crate::{App, Error, Result, people::require};

/// One of our records, as far as linking needs to know it.
#[derive(Debug, Clone)]
pub(super) struct Ours {
    pub(super) kind: Kind,
    pub(super) id: String,
    /// The name, or the mail address, that it is found by.
    pub(super) key: String,
    pub(super) company: Option<CompanyId>,
    pub(super) link: Link,
    pub(super) archived: bool,
}

impl App {
    pub(super) async fn ours(&self, kind: Kind, id: &str) -> Result<Option<Ours>> {
        let id = id.to_owned();
        let found = self.store().look_up(move |tx| Box::pin(async move { ours_in(tx, kind, &id).await })).await?;
        match (kind, found) {
            (Kind::Technician, Some(mut ours)) => {
                let technician = ours.id.parse().map_err(|_| Error::NotFound("technician"))?;
                let Some(row) = self.store().technician(&technician).await? else { return Ok(None) };
                ours.key = row.technician.email;
                Ok(Some(ours))
            }
            (_, found) => Ok(found),
        }
    }

    /// The link of a record that the caller may see.
    pub(super) async fn visible(&self, by: &Technician, kind: Kind, id: &str) -> Result<Ours> {
        require(by, right_to_link(kind))?;
        let ours = self.ours(kind, id).await?.ok_or(Error::NotFound("record"))?;
        if let Some(company) = &ours.company
            && !by.access.covers(company)
        {
            return Err(Error::NotFound("record"));
        }
        if ours.archived {
            return Err(Error::conflict("archived", "This record is archived. Restore it first."));
        }
        Ok(ours)
    }
}

pub(super) async fn ours_in(tx: &mut Tx, kind: Kind, id: &str) -> countersign_store::Result<Option<Ours>> {
    let found = match kind {
        Kind::Company => match id.parse() {
            Ok(id) => tx.company(&id).await?.map(|r| (r.company.name, Some(r.company.id), r.link, r.archived_at)),
            Err(_) => None,
        },
        Kind::Location => match id.parse() {
            Ok(id) => {
                tx.location(&id).await?.map(|r| (r.location.name, Some(r.location.company_id), r.link, r.archived_at))
            }
            Err(_) => None,
        },
        Kind::Computer => match id.parse() {
            Ok(id) => {
                tx.computer(&id).await?.map(|r| (r.computer.name, Some(r.computer.company_id), r.link, r.archived_at))
            }
            Err(_) => None,
        },
        Kind::Contact => match id.parse() {
            Ok(id) => {
                tx.contact(&id).await?.map(|r| (r.contact.email, Some(r.contact.company_id), r.link, r.archived_at))
            }
            Err(_) => None,
        },
        // His address is read by the caller.
        Kind::Technician => Some((String::new(), None, tx.link(kind, id).await?, None)),
    };
    Ok(found.map(|(key, company, link, archived)| Ours {
        kind,
        id: id.to_owned(),
        key,
        company,
        link,
        archived: archived.is_some(),
    }))
}
