//! Technicians: created, changed, disabled.

use std::collections::BTreeSet;

use countersign_domain::{
    audit::Actor,
    directory::{MAX_NAME, Technician},
    id::{CompanyId, TechnicianId},
    link::Kind,
    role::{Access, Right, Role},
    text,
};
use countersign_store::{DirectoryQuery, NewStep, TechnicianRow};

use crate::{App, Error, Result, enroll::record, made::New};

/// A technician to create.
#[derive(Debug, Clone)]
pub struct NewTechnician {
    /// Mail address.
    pub email: String,
    /// Name.
    pub name: String,
    /// Role.
    pub role: Role,
    /// Companies; none is all.
    pub companies: Option<Vec<CompanyId>>,
}

/// A change of a technician: only what is `Some` changes.
#[derive(Debug, Clone, Default)]
pub struct TechnicianChange {
    /// Mail address.
    pub email: Option<String>,
    /// Name.
    pub name: Option<String>,
    /// Role.
    pub role: Option<Role>,
    /// Companies; the inner none is all.
    pub companies: Option<Option<Vec<CompanyId>>>,
    /// His own accounts on computers.
    pub accounts: Option<Vec<String>>,
    /// Cannot sign in any more.
    pub disabled: Option<bool>,
}

/// # Errors
/// [`Error::Forbidden`] says which role has the right.
pub(crate) fn require(by: &Technician, right: Right) -> Result<()> {
    if by.may(right) {
        return Ok(());
    }
    if by.role.may(right) {
        let sentence =
            "This concerns all companies, and you see some of them. An administrator of all companies may do it.";
        return Err(Error::forbidden("forbidden", sentence));
    }
    let who: Vec<&str> = Role::ALL.into_iter().filter(|role| role.may(right)).map(Role::as_str).collect();
    Err(Error::forbidden(
        "forbidden",
        format!(
            "Your role {} may not do this; {} may. An administrator can change it under Users.",
            by.role.as_str(),
            who.join(", ")
        ),
    ))
}

pub(crate) fn checked_email(email: &str) -> Result<String> {
    let email = text::line(email, MAX_NAME);
    let parts: Vec<&str> = email.split('@').collect();
    match parts.as_slice() {
        [user, host] if !user.is_empty() && !host.is_empty() && !email.contains(char::is_whitespace) => Ok(email),
        _ => Err(Error::invalid("email", "email", format!("{email:?} is not a mail address like name@example.com."))),
    }
}

fn checked_name(name: &str) -> Result<String> {
    let name = text::line(name, MAX_NAME);
    if name.is_empty() { Err(Error::invalid("name", "name", "The name is empty.")) } else { Ok(name) }
}

fn access(companies: Option<Vec<CompanyId>>) -> Access {
    companies.map_or(Access::All, |companies| Access::Only(companies.into_iter().collect::<BTreeSet<_>>()))
}

impl App {
    /// Creates a technician; he is looked for among Halo's agents by his mail address.
    ///
    /// # Errors
    /// `taken` where the address is taken.
    pub async fn create_technician(&self, by: &Technician, new: NewTechnician) -> Result<TechnicianRow> {
        require(by, Right::EditPeople)?;
        self.add_technician(Actor::Technician(by.id.clone()), new).await
    }

    /// Creates a technician at the server's own command line.
    ///
    /// # Errors
    /// `taken` where the address is taken.
    pub async fn add_technician(&self, actor: Actor, new: NewTechnician) -> Result<TechnicianRow> {
        let new = NewTechnician { email: checked_email(&new.email)?, name: checked_name(&new.name)?, ..new };
        let technician = self.technician_of(new);
        let id = technician.id.clone();
        self.make(New::Technician(technician), &actor).await?;
        self.store().technician(&id).await?.ok_or(Error::NotFound("technician"))
    }

    /// A technician whose address and name were checked.
    pub(crate) fn technician_of(&self, new: NewTechnician) -> Technician {
        Technician {
            id: TechnicianId::from_uuid(self.inner.ids.uuid()),
            email: new.email,
            name: new.name,
            role: new.role,
            access: access(new.companies),
            accounts: Vec::new(),
            disabled: false,
            created_at: self.now(),
        }
    }

    /// Changes a technician.
    ///
    /// # Errors
    /// `last_administrator` where nobody could administer any more.
    pub async fn change_technician(
        &self,
        by: &Technician,
        id: &TechnicianId,
        change: TechnicianChange,
    ) -> Result<TechnicianRow> {
        require(by, Right::EditPeople)?;
        let row = self.store().technician(id).await?.ok_or(Error::NotFound("technician"))?;
        let mut technician = row.technician;
        let email_changed = change.email.is_some();
        if let Some(email) = change.email {
            technician.email = checked_email(&email)?;
        }
        if let Some(name) = change.name {
            technician.name = checked_name(&name)?;
        }
        technician.role = change.role.unwrap_or(technician.role);
        technician.disabled = change.disabled.unwrap_or(technician.disabled);
        if let Some(companies) = change.companies {
            technician.access = access(companies);
        }
        if let Some(accounts) = change.accounts {
            technician.accounts = accounts.iter().map(|account| text::line(account, MAX_NAME)).collect();
        }
        let steps = email_changed && row.link.is_free();
        let step = NewStep::link(self.step_id(), record(Kind::Technician, id.as_str()), None);
        let entry = self.entry(
            Actor::Technician(by.id.clone()),
            "technician.changed",
            id.to_string(),
            None,
            serde_json::json!({ "email": technician.email, "name": technician.name, "role": technician.role,
                "disabled": technician.disabled, "access": technician.access, "accounts": technician.accounts }),
        );
        let kept = self
            .store()
            .write(move |tx| {
                let (technician, step, entry) = (technician.clone(), step.clone(), entry.clone());
                Box::pin(async move {
                    let administers = technician.role == Role::Administrator && !technician.disabled;
                    if !administers && tx.other_administrators(&technician.id).await? == 0 {
                        return Ok(false);
                    }
                    tx.update_technician(&technician).await?;
                    if steps {
                        tx.append_step(&step).await?;
                    }
                    tx.audit(&entry).await?;
                    Ok(true)
                })
            })
            .await?;
        if !kept {
            return Err(Error::conflict(
                "last_administrator",
                "Nobody could administer this server any more. Make somebody else an administrator first.",
            ));
        }
        self.wake().steps();
        self.store().technician(id).await?.ok_or(Error::NotFound("technician"))
    }

    /// Technicians by name. Everybody reads who is there; others' companies are theirs to know.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn technicians(&self, by: &Technician, wanted: &DirectoryQuery) -> Result<Vec<TechnicianRow>> {
        if by.role == Role::ClientAdministrator {
            let own = self.store().technician(&by.id).await?;
            return Ok(own.into_iter().collect());
        }
        Ok(self.store().technicians(wanted).await?)
    }

    /// One technician.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is none such, or the caller may not see him.
    pub async fn technician(&self, by: &Technician, id: &TechnicianId) -> Result<TechnicianRow> {
        if by.role == Role::ClientAdministrator && by.id != *id {
            return Err(Error::NotFound("technician"));
        }
        self.store().technician(id).await?.ok_or(Error::NotFound("technician"))
    }

    /// A technician by mail address, for the server's own command line.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is none such.
    pub async fn technician_by_email(&self, email: &str) -> Result<TechnicianRow> {
        self.store().technician_by_email(email).await?.ok_or(Error::NotFound("technician"))
    }
}
