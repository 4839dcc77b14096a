//! Companies made of Halo's customers, linked from the start.

use std::collections::HashMap;

use countersign_domain::{
    audit::Actor,
    directory::{Company, Technician},
    id::CompanyId,
    link::{Kind, Link, LinkState, Theirs},
    role::Right,
};
use countersign_psa::Psa;
use countersign_store::CompanyRow;

use super::their_record;
use crate::{App, Error, Result, directory::all_companies, people::require};

/// What importing a customer did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Imported {
    /// A company was made and linked.
    Made,
    /// A company of that name was there and is linked now.
    Linked,
    /// Its company was linked before.
    LinkedBefore,
}

impl App {
    /// Makes companies of Halo's customers, linked by id. Customers that a company is linked to already answer that
    /// company. All of them are looked for before the first is made, so that a wrong id leaves nothing behind.
    ///
    /// # Errors
    /// [`Error::Forbidden`] where the caller may not; [`Error::NoRecord`] names a customer that is not there, `bad_field`
    /// what is no id.
    pub async fn import_companies(&self, by: &Technician, psa_ids: &[String]) -> Result<Vec<CompanyRow>> {
        require(by, Right::EditDirectory)?;
        all_companies(by)?;
        let psa = self.psa()?;
        let mut new = HashMap::new();
        for psa_id in psa_ids {
            if self.company_linked_to(psa_id).await?.is_none() {
                new.insert(psa_id, their_record(&*psa, Kind::Company, "psa_ids", psa_id).await?);
            }
        }
        let mut rows = Vec::with_capacity(psa_ids.len());
        for psa_id in psa_ids {
            let id = match new.remove(psa_id) {
                Some(theirs) => self.import_customer(by, &*psa, &theirs).await?.0,
                None => self.company_linked_to(psa_id).await?.ok_or(Error::NotFound("company"))?,
            };
            rows.push(self.company(by, &id).await?);
        }
        Ok(rows)
    }

    async fn company_linked_to(&self, psa_id: &str) -> Result<Option<CompanyId>> {
        let linked = self.store().companies_of_customer(psa_id).await?;
        linked.first().map(|id| id.parse().map_err(|_| Error::NotFound("company"))).transpose()
    }

    /// The company of a customer, and whether it was there: the one that is linked to it, else the unlinked one of its
    /// name, else a new one.
    pub(crate) async fn import_customer(
        &self,
        by: &Technician,
        psa: &dyn Psa,
        theirs: &Theirs,
    ) -> Result<(CompanyId, Imported)> {
        if let Some(known) = self.company_linked_to(&theirs.psa_id).await? {
            return Ok((known, Imported::LinkedBefore));
        }
        let (id, imported) = self.company_for(by, theirs).await?;
        let ours = self.visible(by, Kind::Company, id.as_str()).await?;
        let link = Link::by_hand(theirs.psa_id.clone(), theirs.psa_name.clone(), self.now());
        self.keep_link(psa, &ours, link, Actor::Technician(by.id.clone())).await?;
        Ok((id, imported))
    }

    /// The unlinked company of a customer's name, else a new one. Halo lets two customers have one name: the second
    /// company's has the customer's number behind it.
    async fn company_for(&self, by: &Technician, theirs: &Theirs) -> Result<(CompanyId, Imported)> {
        let actor = Actor::Technician(by.id.clone());
        let id = CompanyId::from_uuid(self.inner.ids.uuid());
        let names = [theirs.psa_name.clone(), format!("{} ({})", theirs.psa_name, theirs.psa_id)];
        let made = names.map(|name| {
            let company =
                Company { id: id.clone(), name: name.clone(), former_names: Vec::new(), created_at: self.now() };
            let body = serde_json::json!({ "name": name });
            (company, self.entry(actor.clone(), "company.created", id.to_string(), Some(id.clone()), body))
        });
        let (app, psa_id) = (self.clone(), theirs.psa_id.clone());
        Ok(self
            .store()
            .write(move |tx| {
                let (app, made, actor, psa_id) = (app.clone(), made.clone(), actor.clone(), psa_id.clone());
                Box::pin(async move {
                    for (company, entry) in made {
                        // One that is linked to this very customer is archived: it comes back.
                        if let Some(known) = tx.company_by_name(&company.name).await?
                            && (known.link.state != LinkState::Linked || known.link.psa_id.as_ref() == Some(&psa_id))
                        {
                            let id = &known.company.id;
                            app.bring_back(tx, Kind::Company, id.as_str(), id, actor).await?;
                            return Ok((known.company.id, Imported::Linked));
                        }
                        match tx.insert_company(&company).await {
                            Ok(()) => {
                                tx.audit(&entry).await?;
                                return Ok((company.id, Imported::Made));
                            }
                            Err(countersign_store::Error::Taken) => {}
                            Err(error) => return Err(error),
                        }
                    }
                    Err(countersign_store::Error::Taken)
                })
            })
            .await?)
    }
}
