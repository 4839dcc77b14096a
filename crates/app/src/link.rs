//! Ties our records to Halo's by id: by the rule when they are made and when a company is linked, by hand when a
//! person says so.

use std::collections::HashMap;

use countersign_domain::{
    audit::Actor,
    directory::{Company, Contact, Technician},
    id::{CompanyId, ContactId},
    link::{self, How, Index, Kind, Link, LinkState, Theirs, settle::Walk},
    request::Request,
    role::Right,
};
use countersign_psa::{Fault, Psa};
use countersign_store::{CompanyRow, NewStep, Next, Tx};
use serde::Serialize;

use crate::{App, Error, Result, directory::all_companies, enroll::record, people::require};

/// How many records of the other side a person is offered at a time.
pub const OFFERED: usize = 1000;

/// One of our records, as far as linking needs to know it.
#[derive(Debug, Clone)]
struct Ours {
    kind: Kind,
    id: String,
    /// The name, or the mail address, that it is found by.
    key: String,
    company: Option<CompanyId>,
    link: Link,
    archived: bool,
}

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
    async fn ours(&self, kind: Kind, id: &str) -> Result<Option<Ours>> {
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
        self.keep_link(&*psa, &ours, found, actor).await.map(Some)
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

    async fn write_link(&self, ours: &Ours, link: &Link, actor: Actor) -> Result<()> {
        let by_itself = actor == Actor::Server;
        let entry = self.entry(
            actor,
            "link.changed",
            ours.id.clone(),
            ours.company.clone(),
            serde_json::json!({ "kind": ours.kind, "state": link.state, "psa_id": link.psa_id, "psa_name": link.psa_name, "how": link.how }),
        );
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

    /// The link of a record that the caller may see.
    async fn visible(&self, by: &Technician, kind: Kind, id: &str) -> Result<Ours> {
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

    /// Before a ticket is opened: tries the links of its company, location, computer and end user that nobody tried yet,
    /// so that the first request after an enrolment has them on its ticket.
    pub(crate) async fn link_around(&self, request: &Request) -> Result<()> {
        let company = request.company_id.to_string();
        self.link_if_untried(Kind::Company, &company).await?;
        if self.customer_of(&request.company_id).await?.is_none() {
            return Ok(());
        }
        self.link_if_untried(Kind::Location, request.location_id.as_str()).await?;
        self.link_if_untried(Kind::Computer, request.computer_id.as_str()).await?;
        if let Some(contact) = self.contact_of(request).await? {
            self.link_if_untried(Kind::Contact, contact.as_str()).await?;
        }
        Ok(())
    }

    async fn link_if_untried(&self, kind: Kind, id: &str) -> Result<()> {
        let untried = self.ours(kind, id).await?.is_some_and(|ours| ours.link.at.is_none());
        if !untried {
            return Ok(());
        }
        match self.link_by_rule(kind, id, Actor::Server).await {
            Ok(_) => Ok(()),
            // Sites, assets and contacts are an addition; what our agent may not read is left out.
            Err(Error::Psa(Fault {
                class: countersign_psa::Class::Refused | countersign_psa::Class::Gone,
                words,
                ..
            })) if kind != Kind::Company => {
                tracing::info!(
                    kind = kind.as_str(),
                    id,
                    words,
                    "a link could not be looked for; the ticket goes without it"
                );
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// The contact of a request's end user, made from his mail address if there is none.
    async fn contact_of(&self, request: &Request) -> Result<Option<ContactId>> {
        let user = &request.asked.end_user;
        let Some(email) = user.email.clone().filter(|email| email.contains('@')) else { return Ok(None) };
        let contact = Contact {
            id: ContactId::from_uuid(self.inner.ids.uuid()),
            company_id: request.company_id.clone(),
            name: user.display_name.clone().unwrap_or_else(|| user.account.clone()),
            email: email.clone(),
            created_at: self.now(),
        };
        let company = request.company_id.clone();
        let id = self
            .store()
            .write(move |tx| {
                let (company, email, contact) = (company.clone(), email.clone(), contact.clone());
                Box::pin(async move {
                    if let Some(known) = tx.contact_by_email(&company, &email).await? {
                        return Ok(known.contact.id);
                    }
                    tx.insert_contact(&contact).await?;
                    Ok(contact.id)
                })
            })
            .await?;
        Ok(Some(id))
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

async fn ours_in(tx: &mut Tx, kind: Kind, id: &str) -> countersign_store::Result<Option<Ours>> {
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
