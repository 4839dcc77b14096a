//! Our directory as the MSP sees it: companies, locations, computers, technicians, contacts.

use serde::{Deserialize, Serialize};

use crate::{
    id::{CompanyId, ComputerId, ContactId, LocationId, TechnicianId},
    role::{Access, Right, Role},
    time::Time,
};

/// The longest name of a record, in characters.
pub const MAX_NAME: usize = 200;

/// A company that the MSP looks after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Company {
    /// Its id.
    pub id: CompanyId,
    /// Its name, as the MSP wants to read it.
    pub name: String,
    /// Names it had before; an endpoint that still enrols under one of them finds it.
    pub former_names: Vec<String>,
    /// When it was created.
    pub created_at: Time,
}

/// A place of a company.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    /// Its id.
    pub id: LocationId,
    /// The company it belongs to.
    pub company_id: CompanyId,
    /// Its name.
    pub name: String,
    /// When it was created.
    pub created_at: Time,
}

/// A computer with our program on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Computer {
    /// Its id.
    pub id: ComputerId,
    /// The company it belongs to.
    pub company_id: CompanyId,
    /// The location it stands at.
    pub location_id: LocationId,
    /// Its name.
    pub name: String,
    /// Operating system.
    pub os: String,
    /// Version of the operating system.
    pub os_version: String,
    /// What its operating system knows it by.
    pub machine_id: String,
    /// Version of our program on it.
    pub agent_version: String,
    /// A second enrolment with the same machine id waits for a technician.
    pub held: bool,
    /// When it was enrolled.
    pub created_at: Time,
}

/// A person who signs in to the portal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Technician {
    /// His id.
    pub id: TechnicianId,
    /// Mail address; sets who owns a time entry, never who may sign in.
    pub email: String,
    /// Name.
    pub name: String,
    /// What he may do.
    pub role: Role,
    /// Which companies he may see.
    pub access: Access,
    /// Accounts on computers that are his own; he cannot decide what they ask.
    pub accounts: Vec<String>,
    /// Cannot sign in any more.
    pub disabled: bool,
    /// When he was created.
    pub created_at: Time,
}

impl Technician {
    /// True if his role does this. People and settings are the whole house's: who sees some companies only could widen
    /// his own view through them.
    #[must_use]
    pub fn may(&self, right: Right) -> bool {
        let whole_house = matches!(right, Right::EditPeople | Right::EditSettings);
        self.role.may(right) && (!whole_house || self.access == Access::All)
    }

    /// True if the account or the address of an end user is his own, so that he may not decide. A match only forbids.
    #[must_use]
    pub fn is_same_person(&self, account: &str, email: Option<&str>) -> bool {
        let account = account.trim().to_lowercase();
        self.accounts.iter().any(|own| own.trim().to_lowercase() == account)
            || email.is_some_and(|email| crate::text::email_key(email) == crate::text::email_key(&self.email))
    }
}

/// An end user's entry in the directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// Its id.
    pub id: ContactId,
    /// The company it belongs to.
    pub company_id: CompanyId,
    /// Account, name or what else the endpoint knows the person by.
    pub name: String,
    /// Mail address.
    pub email: String,
    /// When it was created.
    pub created_at: Time,
}
