//! Ties our records to Halo's by id: by the rule when they are made and when a company is linked, by hand when a
//! person says so.

mod customer;
mod ours;
mod request;

use countersign_domain::{
    audit::{Actor, Entry},
    directory::Technician,
    id::CompanyId,
    link::{self, How, Index, Kind, Link, LinkState, Theirs, settle::Walk},
    role::Right,
};
use countersign_psa::Psa;
use countersign_store::{NewStep, Next};
use serde::Serialize;

use crate::{App, Error, Result, enroll::record, people::require};
pub(crate) use customer::Imported;
use ours::{Ours, ours_in};

/// How many records of the other side a person is offered at a time.
pub const OFFERED: usize = 1000;

/// The result for one of many.
#[derive(Debug, Clone, Serialize)]
pub struct Linked {
    /// Our id.
    pub id: String,
    /// How it stands now; none where it could not be tried.
    pub link: Option<Link>,
    /// Why it could not be tried.
    pub error: Option<String>,
}

impl App {
    /// The customer that a company is linked to.
    pub(crate) async fn customer_of(&self, company: &CompanyId) -> Result<Option<String>> {
        let company = company.to_string();
        let link =
            self.store().look_up(move |tx| Box::pin(async move { tx.link(Kind::Company, &company).await })).await?;
        Ok(if link.state == LinkState::Linked { link.psa_id } else { None })
    }

    /// Looks for the record of the other side that one of ours belongs to, and ties them if the rule allows. What a
    /// person tied or cut stays.
    ///
    /// # Errors
    /// [`Error::Psa`] where Halo did not answer; then nothing changed.
    pub(crate) async fn link_by_rule(&self, kind: Kind, id: &str, actor: Actor) -> Result<Option<Link>> {
        let Some(ours) = self.ours(kind, id).await?.filter(|ours| !ours.archived) else { return Ok(None) };
        if !ours.link.is_free() {
            return Ok(Some(ours.link));
        }
        let psa = self.psa()?;
        let Some(found) = self.find(&*psa, &ours).await? else { return Ok(Some(ours.link)) };
        let link = self.keep_link(&*psa, &ours, found, actor).await?;
        if (kind, link.state, ours.link.at) == (Kind::Company, LinkState::Unlinked, None) {
            // Its tickets wait for a person, who is offered what is called alike now and not with the next full sync.
            self.suggest_customers().await?;
        }
        Ok(Some(link))
    }

    /// None where the kind lives inside a customer and the company has none yet.
    async fn find(&self, psa: &dyn Psa, ours: &Ours) -> Result<Option<Link>> {
        let customer = match (&ours.company, ours.kind) {
            (_, Kind::Company | Kind::Technician) | (None, _) => None,
            (Some(company), _) => match self.customer_of(company).await? {
                Some(customer) => Some(customer),
                None => return Ok(None),
            },
        };
        let theirs = psa.look_up(ours.kind, customer.as_deref(), &ours.key).await?;
        let found = link::find(&ours.key, &theirs, self.now());
        Ok(Some(if self.is_taken(ours, &found).await? { found.for_a_person() } else { found }))
    }

    /// Two companies of one customer are for a person to decide.
    async fn is_taken(&self, ours: &Ours, found: &Link) -> Result<bool> {
        let (Kind::Company, LinkState::Linked, Some(psa_id)) = (ours.kind, found.state, &found.psa_id) else {
            return Ok(false);
        };
        Ok(self.store().companies_of_customer(psa_id).await?.iter().any(|other| *other != ours.id))
    }

    /// Keeps a link; a linked company's records are linked before its waiting tickets go.
    async fn keep_link(&self, psa: &dyn Psa, ours: &Ours, link: Link, actor: Actor) -> Result<Link> {
        self.write_link(ours, &link, actor.clone()).await?;
        if let (Kind::Company, LinkState::Linked, Some(company), Some(customer)) =
            (ours.kind, link.state, &ours.company, &link.psa_id)
        {
            let moved = ours.link.psa_id != link.psa_id;
            let left = if moved { self.leave_others(psa, company, customer, &actor).await } else { Ok(()) };
            let left = left.and(self.link_records_of(psa, company, customer, actor).await);
            if let Err(error) = &left {
                // They have steps of their own; the tickets do not wait for them.
                tracing::warn!(%company, %error, "the records of a linked company could not all be linked");
                self.step_for_records(company).await?;
            }
            let (company, now) = (company.clone(), self.now());
            self.store()
                .write(move |tx| {
                    let company = company.clone();
                    Box::pin(async move { tx.unpark(&company, now).await })
                })
                .await?;
            self.wake().steps();
        }
        Ok(link)
    }

    /// What the audit log says of a record's new link.
    pub(crate) fn link_entry(
        &self,
        kind: Kind,
        id: &str,
        company: Option<CompanyId>,
        link: &Link,
        actor: Actor,
    ) -> Entry {
        let body = serde_json::json!({ "kind": kind, "state": link.state, "psa_id": link.psa_id,
            "psa_name": link.psa_name, "how": link.how });
        self.entry(actor, "link.changed", id, company, body)
    }

    async fn write_link(&self, ours: &Ours, link: &Link, actor: Actor) -> Result<()> {
        let by_itself = actor == Actor::Server;
        let entry = self.link_entry(ours.kind, &ours.id, ours.company.clone(), link, actor);
        let (kind, id, kept) = (ours.kind, ours.id.clone(), link.clone());
        let changed = self
            .store()
            .write(move |tx| {
                let (id, kept, entry) = (id.clone(), kept.clone(), entry.clone());
                Box::pin(async move {
                    let now = tx.link(kind, &id).await?;
                    if by_itself && now.how == Some(How::Manual) {
                        // A person was quicker.
                        return Ok(false);
                    }
                    tx.set_link(kind, &id, &kept).await?;
                    let changed = now.state != kept.state || now.psa_id != kept.psa_id;
                    if changed {
                        tx.audit(&entry).await?;
                    }
                    Ok(changed)
                })
            })
            .await?;
        if changed {
            self.wake().page("link.changed", ours.id.clone(), ours.company.clone());
        }
        Ok(())
    }

    /// Links a company's locations, computers and contacts, with one list of each kind.
    async fn link_records_of(&self, psa: &dyn Psa, company: &CompanyId, customer: &str, actor: Actor) -> Result<()> {
        for kind in [Kind::Location, Kind::Computer, Kind::Contact] {
            if self.store().sync_rows(kind, Some(company), None, 1).await?.is_empty() {
                continue;
            }
            let theirs: Index = psa.records(kind, Some(customer), usize::MAX).await?.into_iter().collect();
            // Nobody asked for records that are out of use, so absence proves nothing.
            self.settle_all(kind, Some(company), &theirs, Walk::Blind, &actor).await?;
        }
        Ok(())
    }

    /// A company that comes to another customer leaves the records of the old one behind, whoever tied them: no ticket of
    /// the new customer could name them.
    async fn leave_others(&self, psa: &dyn Psa, company: &CompanyId, customer: &str, actor: &Actor) -> Result<()> {
        let tied = self.tied_of(company).await?;
        for kind in [Kind::Location, Kind::Computer, Kind::Contact] {
            if tied.iter().all(|ours| ours.kind != kind) {
                continue;
            }
            let theirs = psa.records(kind, Some(customer), usize::MAX).await?;
            for ours in tied.iter().filter(|ours| ours.kind == kind) {
                if theirs.iter().all(|theirs| ours.link.psa_id.as_ref() != Some(&theirs.psa_id)) {
                    self.write_link(ours, &Link::default(), actor.clone()).await?;
                }
            }
        }
        Ok(())
    }

    async fn tied_of(&self, company: &CompanyId) -> Result<Vec<Ours>> {
        let company = company.clone();
        let found = self.store().look_up(move |tx| {
            Box::pin(async move {
                let mut tied = Vec::new();
                for (kind, id) in tx.tied_records(&company).await? {
                    tied.extend(ours_in(tx, kind, &id).await?);
                }
                Ok(tied)
            })
        });
        Ok(found.await?)
    }

    async fn step_for_records(&self, company: &CompanyId) -> Result<()> {
        let company = company.clone();
        let app = self.clone();
        self.store()
            .write(move |tx| {
                let (app, company) = (app.clone(), company.clone());
                Box::pin(async move {
                    for (kind, id) in tx.free_records(&company).await? {
                        tx.append_step(&NewStep::link(app.step_id(), record(kind, &id), Some(company.clone()))).await?;
                    }
                    Ok(())
                })
            })
            .await?;
        self.wake().steps();
        Ok(())
    }

    /// Links one record, by the rule or by hand to any record of the other side, whatever its name.
    ///
    /// # Errors
    /// [`Error::NotFound`] where ours is not there, [`Error::NoRecord`] where theirs is not; `bad_field` for what is no id;
    /// `company_unlinked` where the company comes first; `linked_twice` for a second company to one customer.
    pub async fn link(&self, by: &Technician, kind: Kind, id: &str, psa_id: Option<&str>) -> Result<Link> {
        let ours = self.visible(by, kind, id).await?;
        let psa = self.psa()?;
        let actor = Actor::Technician(by.id.clone());
        let link = match psa_id {
            // Links are by id (promise P6): whatever the names are by now, a link moves only by hand.
            None if ours.link.state == LinkState::Linked => ours.link.clone(),
            None => match self.find(&*psa, &ours).await?.ok_or_else(company_first)? {
                // What is missing stays so for a person to see, until its name fits another record.
                found if found.state != LinkState::Linked && ours.link.state == LinkState::Missing => {
                    return Ok(ours.link);
                }
                found => found,
            },
            Some(psa_id) => {
                if !matches!(kind, Kind::Company | Kind::Technician) {
                    let company = ours.company.as_ref().ok_or_else(company_first)?;
                    self.customer_of(company).await?.ok_or_else(company_first)?;
                }
                let theirs = their_record(&*psa, kind, "psa_id", psa_id).await?;
                return self.tie(by, kind, id, theirs).await;
            }
        };
        self.keep_link(&*psa, &ours, link, actor).await
    }

    /// Ties one of ours by hand to a record that was read from the other side.
    ///
    /// # Errors
    /// `linked_twice` for a second company to one customer.
    pub(crate) async fn tie(&self, by: &Technician, kind: Kind, id: &str, theirs: Theirs) -> Result<Link> {
        let ours = self.visible(by, kind, id).await?;
        self.only_one_company(kind, id, &theirs).await?;
        let link = Link::by_hand(theirs.psa_id, theirs.psa_name, self.now());
        self.keep_link(&*self.psa()?, &ours, link, Actor::Technician(by.id.clone())).await
    }

    pub(crate) async fn only_one_company(&self, kind: Kind, id: &str, theirs: &Theirs) -> Result<()> {
        if kind != Kind::Company {
            return Ok(());
        }
        let others = self.store().companies_of_customer(&theirs.psa_id).await?;
        if others.iter().all(|other| other == id) {
            return Ok(());
        }
        Err(Error::conflict(
            "linked_twice",
            format!("Another company is linked to the customer {} already. Unlink that one first.", theirs.psa_name),
        ))
    }

    /// Cuts a link; it stays cut until a person ties it again. Tickets that exist stay where they are.
    ///
    /// # Errors
    /// [`Error::NotFound`] where the record is not there.
    pub async fn unlink(&self, by: &Technician, kind: Kind, id: &str) -> Result<Link> {
        let ours = self.visible(by, kind, id).await?;
        let link = Link::cut_by_hand(self.now());
        self.write_link(&ours, &link, Actor::Technician(by.id.clone())).await?;
        Ok(link)
    }

    /// Links many by the rule, with a result for each.
    ///
    /// # Errors
    /// [`Error::Forbidden`] where the caller may not.
    pub async fn link_many(&self, by: &Technician, kind: Kind, ids: &[String]) -> Result<Vec<Linked>> {
        require(by, right_to_link(kind))?;
        let mut results = Vec::with_capacity(ids.len());
        for id in ids {
            results.push(match self.link(by, kind, id, None).await {
                Ok(link) => Linked { id: id.clone(), link: Some(link), error: None },
                Err(error) => Linked { id: id.clone(), link: None, error: Some(error.to_string()) },
            });
        }
        Ok(results)
    }

    /// Up to [`OFFERED`] records of the other side to choose from, inside the linked customer where the kind lives in one:
    /// those with `part` in their name, or whose id it is; any where it is empty.
    ///
    /// # Errors
    /// `company_unlinked` where the company comes first; [`Error::Psa`] with Halo's words.
    pub async fn choose_from(
        &self,
        by: &Technician,
        kind: Kind,
        company: Option<&CompanyId>,
        part: &str,
    ) -> Result<Vec<Theirs>> {
        require(by, right_to_link(kind))?;
        let psa = self.psa()?;
        let customer = match (kind, company) {
            (Kind::Company | Kind::Technician, _) => None,
            (_, None) => return Err(company_first()),
            (_, Some(company)) => {
                self.company(by, company).await?;
                Some(self.customer_of(company).await?.ok_or_else(company_first)?)
            }
        };
        Ok(psa.search(kind, customer.as_deref(), part, OFFERED).await?)
    }

    /// Runs a record's link step: what becomes of it, and the words of the attempt.
    pub(crate) async fn run_link_step(&self, subject: &str) -> Result<(Next, String)> {
        let Some((kind, id)) = subject.split_once('/').and_then(|(kind, id)| Some((Kind::parse(kind)?, id))) else {
            return Ok((Next::Done, format!("{subject} names no record.")));
        };
        let Some(link) = self.link_by_rule(kind, id, Actor::Server).await? else {
            return Ok((Next::Done, "The record is gone or archived.".to_owned()));
        };
        let words = match (link.state, &link.psa_name) {
            (LinkState::Linked, Some(name)) => format!("Linked to {name}."),
            (LinkState::Linked, None) => "Linked.".to_owned(),
            (LinkState::Ambiguous, _) => format!("{} records fit; a person must choose.", link.candidates.len()),
            (LinkState::Missing, _) => "The linked record is not there any more.".to_owned(),
            (LinkState::Unlinked, _) => "No record of that name was found.".to_owned(),
        };
        Ok((Next::Done, words))
    }
}

/// The record of the other side that a person names by its id, in this field of what he sent.
async fn their_record(psa: &dyn Psa, kind: Kind, field: &'static str, psa_id: &str) -> Result<Theirs> {
    let found = psa.record(kind, psa_id).await.map_err(|fault| Error::of_an_id(field, fault))?;
    found.ok_or_else(|| Error::NoRecord { what: their_word(kind), psa_id: psa_id.to_owned() })
}

/// What Halo calls a record of this kind.
const fn their_word(kind: Kind) -> &'static str {
    match kind {
        Kind::Company => "customer",
        Kind::Location => "site",
        Kind::Computer => "asset",
        Kind::Technician => "agent",
        Kind::Contact => "user",
    }
}

fn company_first() -> Error {
    Error::conflict("company_unlinked", "Link the company first: the record is looked for inside its customer.")
}

const fn right_to_link(kind: Kind) -> Right {
    match kind {
        Kind::Technician => Right::EditPeople,
        Kind::Company | Kind::Location | Kind::Computer | Kind::Contact => Right::EditDirectory,
    }
}
