//! A computer is tied to this server; enrolment keys are made and revoked.

use countersign_domain::{
    audit::Actor,
    directory::{Company, Computer, Location, MAX_NAME, Technician},
    id::{CompanyId, ComputerId, EnrollmentKeyId, LocationId},
    link::{Kind, Link},
    role::{Access, Right},
    text,
    time::Time,
};
use countersign_store::{CompanyRow, EnrollmentKeyRow, NewEnrollmentKey, NewStep, Tx};

use crate::{App, Error, Result, people::require, sign_in::hash};

/// What an endpoint says when it enrols.
#[derive(Debug, Clone)]
pub struct Enrollment {
    /// SHA-256 of the enrolment key's secret.
    pub key_hash: String,
    /// Name (or id) of its company.
    pub company: String,
    /// Name of its location.
    pub location: String,
    /// Name of the computer.
    pub name: String,
    /// Operating system.
    pub os: String,
    /// Its version.
    pub os_version: String,
    /// What the operating system knows the machine by.
    pub machine_id: String,
    /// Version of our program.
    pub agent_version: String,
    /// SHA-256 of the credential that the computer had before, if it has one.
    pub old_credential_hash: Option<String>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolled {
    /// The computer.
    pub computer_id: ComputerId,
    /// Its credential, told once.
    pub credential: String,
    /// Known before, and came without its old credential: waits for a technician.
    pub held: bool,
}

/// A key to make.
#[derive(Debug, Clone, Default)]
pub struct KeyWish {
    /// What it is for.
    pub name: String,
    /// The company it is bound to; none is good for all.
    pub company: Option<CompanyId>,
    /// How often it can be used.
    pub max_uses: Option<i64>,
    /// Until when.
    pub expires_at: Option<Time>,
    /// Known machines are not held.
    pub trusts_known_machines: bool,
}

struct Fresh {
    company: CompanyId,
    location: LocationId,
    computer: ComputerId,
}

impl App {
    /// Ties a computer to this server: finds or makes company and location, and gives it a credential.
    ///
    /// # Errors
    /// `enrollment_key_refused` where the key is unknown, revoked, used up or out of time.
    pub async fn enroll(&self, said: Enrollment) -> Result<Enrolled> {
        for (field, value) in [("company", &said.company), ("location", &said.location), ("computer.name", &said.name)]
        {
            if text::line(value, MAX_NAME).is_empty() {
                return Err(Error::invalid("missing", "enrollment", format!("{field} is empty.")));
            }
        }
        let credential = format!("csc_{}", crate::sign_in::secret_text(&self.inner.ids.secret()));
        let credential_hash = hash(&credential);
        let now = self.now();
        let steps = [self.step_id(), self.step_id(), self.step_id()];
        let ids = Fresh {
            company: CompanyId::from_uuid(self.inner.ids.uuid()),
            location: LocationId::from_uuid(self.inner.ids.uuid()),
            computer: ComputerId::from_uuid(self.inner.ids.uuid()),
        };
        let app = self.clone();
        let outcome = self
            .store()
            .write(move |tx| {
                let (app, said, steps, credential_hash) =
                    (app.clone(), said.clone(), steps.clone(), credential_hash.clone());
                let ids = Fresh {
                    company: ids.company.clone(),
                    location: ids.location.clone(),
                    computer: ids.computer.clone(),
                };
                Box::pin(async move { app.enroll_in(tx, &said, ids, steps, &credential_hash, now).await })
            })
            .await?;
        let computer = outcome.ok_or_else(|| {
            Error::forbidden(
                "enrollment_key_refused",
                "The enrolment key is unknown, revoked, used up or out of time. Ask your administrator for a new one.",
            )
        })?;
        self.wake().steps();
        self.wake().page("computer.enrolled", computer.id.to_string(), Some(computer.company_id));
        Ok(Enrolled { computer_id: computer.id, credential, held: computer.held })
    }

    /// None where the key is refused; then nothing was written.
    async fn enroll_in(
        &self,
        tx: &mut Tx,
        said: &Enrollment,
        ids: Fresh,
        steps: [countersign_domain::id::StepId; 3],
        credential_hash: &str,
        now: Time,
    ) -> countersign_store::Result<Option<Computer>> {
        let Some(key) = tx.enrollment_key(&said.key_hash).await? else { return Ok(None) };
        let over = key.revoked_at.is_some() || key.expires_at.is_some_and(|until| until <= now.0);
        if over || !tx.use_enrollment_key(&key.id).await? {
            return Ok(None);
        }
        let [company_step, location_step, computer_step] = steps;
        let mut back = Vec::new();
        let company = if let Some(found) = self.company_meant(tx, &key, said).await? {
            if found.archived_at.is_some() {
                back.push((Kind::Company, found.company.id.to_string()));
            }
            found.company
        } else {
            let name = text::line(&said.company, MAX_NAME);
            let company = Company { id: ids.company, name, former_names: Vec::new(), created_at: now };
            tx.insert_company(&company).await?;
            tx.append_step(&NewStep::link(
                company_step,
                record(Kind::Company, company.id.as_str()),
                Some(company.id.clone()),
            ))
            .await?;
            company
        };
        let location = if let Some(found) = tx.location_by_name(&company.id, &said.location).await? {
            if found.archived_at.is_some() {
                back.push((Kind::Location, found.location.id.to_string()));
            }
            found.location
        } else {
            let name = text::line(&said.location, MAX_NAME);
            let location = Location { id: ids.location, company_id: company.id.clone(), name, created_at: now };
            tx.insert_location(&location).await?;
            let subject = record(Kind::Location, location.id.as_str());
            tx.append_step(&NewStep::link(location_step, subject, Some(company.id.clone()))).await?;
            location
        };
        let name = text::line(&said.name, MAX_NAME);
        let machine_id = text::line(&said.machine_id, MAX_NAME);
        let known = if machine_id.is_empty() { None } else { tx.computer_by_machine(&machine_id).await? };
        // A clone of a disk has the same machine id and another name: it is a computer of its own.
        let known = known.filter(|row| text::name_key(&row.computer.name) == text::name_key(&name));
        let proves = match (&known, &said.old_credential_hash) {
            (Some(row), Some(old)) => tx.is_credential_of(&row.computer.id, old).await?,
            _ => false,
        };
        let trusted = proves || key.trusts_known_machines != 0;
        // An archived computer that cannot prove itself is not waited for: the machine is a computer of its own.
        let known = known.filter(|row| trusted || row.archived_at.is_none());
        let fresh = Computer {
            id: known.as_ref().map_or(ids.computer, |row| row.computer.id.clone()),
            company_id: company.id.clone(),
            location_id: location.id,
            name,
            os: text::line(&said.os, MAX_NAME),
            os_version: text::line(&said.os_version, MAX_NAME),
            machine_id,
            agent_version: text::line(&said.agent_version, MAX_NAME),
            held: false,
            created_at: now,
        };
        let computer = match known {
            None => {
                tx.insert_computer(&fresh, credential_hash).await?;
                let subject = record(Kind::Computer, fresh.id.as_str());
                tx.append_step(&NewStep::link(computer_step, subject, Some(company.id.clone()))).await?;
                fresh
            }
            Some(row) => {
                let row_company = row.computer.company_id.clone();
                let held = !trusted;
                if row.archived_at.is_some() {
                    back.push((Kind::Computer, row.computer.id.to_string()));
                }
                let computer = if held { Computer { held, ..row.computer } } else { fresh };
                tx.re_enroll(&computer, credential_hash).await?;
                if computer.company_id != row_company {
                    // The asset of the company that it left is not its own any more, whoever tied it.
                    tx.set_link(Kind::Computer, computer.id.as_str(), &Link::default()).await?;
                    let subject = record(Kind::Computer, computer.id.as_str());
                    tx.append_step(&NewStep::link(computer_step, subject, Some(company.id.clone()))).await?;
                }
                computer
            }
        };
        // One that is held changes nothing until a technician confirms it.
        if !computer.held {
            for (kind, id) in back {
                self.bring_back(tx, kind, &id, &company.id, Actor::Computer(computer.id.clone())).await?;
            }
        }
        tx.audit(&self.entry(
            Actor::Computer(computer.id.clone()),
            if computer.held { "computer.held" } else { "computer.enrolled" },
            computer.id.to_string(),
            Some(computer.company_id.clone()),
            serde_json::json!({ "key": key.id, "name": computer.name, "company": company.name, "location": said.location }),
        ))
        .await?;
        Ok(Some(computer))
    }

    async fn company_meant(
        &self,
        tx: &mut Tx,
        key: &EnrollmentKeyRow,
        said: &Enrollment,
    ) -> countersign_store::Result<Option<CompanyRow>> {
        let id = key.company_id.as_deref().unwrap_or(&said.company);
        if let Ok(id) = id.parse::<CompanyId>()
            && let Some(found) = tx.company(&id).await?
        {
            return Ok(Some(found));
        }
        tx.company_by_name(&said.company).await
    }

    /// Confirms that a held enrolment is the computer itself; its old credential ends.
    ///
    /// # Errors
    /// [`Error::NotFound`] where none is held, or the caller may not see it.
    pub async fn confirm_held(&self, by: &Technician, id: &ComputerId) -> Result<()> {
        require(by, Right::EditDirectory)?;
        let row = self.computer(by, id).await?;
        let entry = self.entry(
            Actor::Technician(by.id.clone()),
            "computer.confirmed",
            id.to_string(),
            Some(row.computer.company_id),
            serde_json::Value::Null,
        );
        let id = id.clone();
        let confirmed = self
            .store()
            .write(move |tx| {
                let (id, entry) = (id.clone(), entry.clone());
                Box::pin(async move {
                    let confirmed = tx.confirm_held(&id).await?;
                    if confirmed {
                        tx.audit(&entry).await?;
                    }
                    Ok(confirmed)
                })
            })
            .await?;
        if confirmed { Ok(()) } else { Err(Error::NotFound("held enrolment")) }
    }

    /// Makes an enrolment key; its secret is told once.
    ///
    /// # Errors
    /// [`Error::Forbidden`] where the caller may not.
    pub async fn make_enrollment_key(&self, by: &Technician, wish: KeyWish) -> Result<(EnrollmentKeyId, String)> {
        require(by, Right::EditSettings)?;
        if wish.max_uses.is_some_and(|uses| uses < 1) {
            return Err(Error::invalid("max_uses", "max_uses", "max_uses is at least 1, or left out for no limit."));
        }
        if let Some(company) = &wish.company {
            self.company(by, company).await?;
        }
        // 32 hexadecimal digits: short enough to be typed, and 128 bits are not guessed.
        let secret: String = hash(&crate::sign_in::secret_text(&self.inner.ids.secret())).chars().take(32).collect();
        let id = EnrollmentKeyId::from_uuid(self.inner.ids.uuid());
        let entry = self.entry(
            Actor::Technician(by.id.clone()),
            "enrollment_key.made",
            id.to_string(),
            wish.company.clone(),
            serde_json::json!({ "name": wish.name, "max_uses": wish.max_uses }),
        );
        let key = NewEnrollmentKey {
            id: id.clone(),
            secret_hash: hash(&secret),
            name: text::line(&wish.name, MAX_NAME),
            company: wish.company,
            max_uses: wish.max_uses,
            expires_at: wish.expires_at,
            trusts_known_machines: wish.trusts_known_machines,
            created_at: self.now(),
        };
        self.store().add_enrollment_key(key, entry).await?;
        Ok((id, secret))
    }

    /// The enrolment keys of the companies that the caller may see, without their secrets.
    ///
    /// # Errors
    /// [`Error::Forbidden`] where the caller may not.
    pub async fn enrollment_keys(&self, by: &Technician) -> Result<Vec<EnrollmentKeyRow>> {
        require(by, Right::ReadSettings)?;
        let mut keys = self.store().enrollment_keys().await?;
        if let Access::Only(companies) = &by.access {
            keys.retain(|key| companies.iter().any(|company| key.company_id.as_deref() == Some(company.as_str())));
        }
        Ok(keys)
    }

    /// Revokes an enrolment key; computers that came with it stay.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is none such.
    pub async fn revoke_enrollment_key(&self, by: &Technician, id: &EnrollmentKeyId) -> Result<()> {
        require(by, Right::EditSettings)?;
        let actor = Actor::Technician(by.id.clone());
        let entry = self.entry(actor, "enrollment_key.revoked", id.to_string(), None, serde_json::Value::Null);
        if self.store().revoke_enrollment_key(id, self.now(), entry).await? {
            Ok(())
        } else {
            Err(Error::NotFound("enrolment key"))
        }
    }
}

/// The subject of a record's link step.
pub(crate) fn record(kind: Kind, id: &str) -> String {
    format!("{}/{id}", kind.as_str())
}
