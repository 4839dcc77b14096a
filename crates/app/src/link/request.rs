//! The records around a request, linked before its ticket is opened.

use countersign_domain::{audit::Actor, directory::Contact, id::ContactId, link::Kind, request::Request};
use countersign_psa::{Class, Fault};

use crate::{App, Error, Result};

impl App {
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
            Err(Error::Psa(Fault { class: Class::Refused | Class::Gone, words, .. })) if kind != Kind::Company => {
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
}
