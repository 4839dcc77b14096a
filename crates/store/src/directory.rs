//! Companies, locations, computers and contacts, each with its link.

use countersign_domain::{
    directory::{Company, Computer, Contact, Location},
    id::{CompanyId, ComputerId, ContactId, LocationId},
    link::{Kind, Link},
    role::Access,
    text::{email_key, name_key},
    time::Time,
};
use sqlx::FromRow;

use crate::{
    DirectoryQuery, Error, Result, Store, Tx,
    engine::{Conn, Record},
    links::LinkColumns,
    lists::Table,
    query::Query,
    requests::like,
};

/// A company with its link.
#[derive(Debug, Clone)]
pub struct CompanyRow {
    /// The company.
    pub company: Company,
    /// When it was archived.
    pub archived_at: Option<Time>,
    /// Its link.
    pub link: Link,
    /// Steps that wait for that link.
    pub waiting: u64,
}

/// A location with its link.
#[derive(Debug, Clone)]
pub struct LocationRow {
    /// The location.
    pub location: Location,
    /// When it was archived.
    pub archived_at: Option<Time>,
    /// Name of its company.
    pub company: String,
    /// Its link.
    pub link: Link,
}

/// A computer with its link.
#[derive(Debug, Clone)]
pub struct ComputerRow {
    /// The computer.
    pub computer: Computer,
    /// When it was archived.
    pub archived_at: Option<Time>,
    /// Name of its company.
    pub company: String,
    /// Name of its location.
    pub location: String,
    /// Its link.
    pub link: Link,
}

/// A contact with its link.
#[derive(Debug, Clone)]
pub struct ContactRow {
    /// The contact.
    pub contact: Contact,
    /// When its company was archived.
    pub archived_at: Option<Time>,
    /// Name of its company.
    pub company: String,
    /// Its link.
    pub link: Link,
}

#[derive(FromRow)]
struct RawCompany {
    id: String,
    name: String,
    former_names: String,
    created_at: i64,
    archived_at: Option<i64>,
    waiting: i64,
    #[sqlx(flatten)]
    link: LinkColumns,
}

#[derive(FromRow)]
struct RawLocation {
    id: String,
    company_id: String,
    name: String,
    created_at: i64,
    archived_at: Option<i64>,
    company: String,
    #[sqlx(flatten)]
    link: LinkColumns,
}

#[derive(FromRow)]
pub(crate) struct RawComputer {
    id: String,
    company_id: String,
    location_id: String,
    name: String,
    os: String,
    os_version: String,
    machine_id: String,
    agent_version: String,
    held: i64,
    created_at: i64,
    archived_at: Option<i64>,
    company: String,
    location: String,
    #[sqlx(flatten)]
    link: LinkColumns,
}

#[derive(FromRow)]
struct RawContact {
    id: String,
    company_id: String,
    name: String,
    email: String,
    created_at: i64,
    archived_at: Option<i64>,
    company: String,
    #[sqlx(flatten)]
    link: LinkColumns,
}

fn id<T: std::str::FromStr<Err = countersign_domain::id::WrongId>>(text: &str) -> Result<T> {
    text.parse().map_err(|error| Error::corrupt("a directory row", error))
}

impl RawCompany {
    fn company(&self) -> Result<Company> {
        Ok(Company {
            id: id(&self.id)?,
            name: self.name.clone(),
            former_names: serde_json::from_str(&self.former_names)
                .map_err(|error| Error::corrupt(self.id.clone(), error))?,
            created_at: Time(self.created_at),
        })
    }
}

impl TryFrom<RawCompany> for CompanyRow {
    type Error = Error;
    fn try_from(raw: RawCompany) -> Result<Self> {
        Ok(Self {
            company: raw.company()?,
            archived_at: raw.archived_at.map(Time),
            link: raw.link.try_into()?,
            waiting: u64::try_from(raw.waiting).unwrap_or(0),
        })
    }
}

impl TryFrom<RawLocation> for LocationRow {
    type Error = Error;
    fn try_from(raw: RawLocation) -> Result<Self> {
        Ok(Self {
            location: Location {
                id: id(&raw.id)?,
                company_id: id(&raw.company_id)?,
                name: raw.name,
                created_at: Time(raw.created_at),
            },
            archived_at: raw.archived_at.map(Time),
            company: raw.company,
            link: raw.link.try_into()?,
        })
    }
}

impl TryFrom<RawComputer> for ComputerRow {
    type Error = Error;
    fn try_from(raw: RawComputer) -> Result<Self> {
        Ok(Self {
            computer: Computer {
                id: id(&raw.id)?,
                company_id: id(&raw.company_id)?,
                location_id: id(&raw.location_id)?,
                name: raw.name,
                os: raw.os,
                os_version: raw.os_version,
                machine_id: raw.machine_id,
                agent_version: raw.agent_version,
                held: raw.held != 0,
                created_at: Time(raw.created_at),
            },
            archived_at: raw.archived_at.map(Time),
            company: raw.company,
            location: raw.location,
            link: raw.link.try_into()?,
        })
    }
}

impl TryFrom<RawContact> for ContactRow {
    type Error = Error;
    fn try_from(raw: RawContact) -> Result<Self> {
        Ok(Self {
            contact: Contact {
                id: id(&raw.id)?,
                company_id: id(&raw.company_id)?,
                name: raw.name,
                email: raw.email,
                created_at: Time(raw.created_at),
            },
            archived_at: raw.archived_at.map(Time),
            company: raw.company,
            link: raw.link.try_into()?,
        })
    }
}

pub(crate) const COMPANIES: &str = "SELECT d.id, d.name, d.former_names, d.created_at, d.archived_at,
    (SELECT COUNT(*) FROM steps s WHERE s.state = 'parked' AND s.kind <> 'link_record' AND s.company_id = d.id) AS waiting,
    k.state AS link_state, k.psa_id, k.psa_name, k.how, k.at AS link_at, k.candidates
    FROM companies d LEFT JOIN links k ON k.kind = 'company' AND k.id = d.id WHERE 1 = 1";
pub(crate) const LOCATIONS: &str = "SELECT d.id, d.company_id, d.name, d.created_at, d.archived_at, c.name AS company,
    k.state AS link_state, k.psa_id, k.psa_name, k.how, k.at AS link_at, k.candidates
    FROM locations d JOIN companies c ON c.id = d.company_id
    LEFT JOIN links k ON k.kind = 'location' AND k.id = d.id WHERE 1 = 1";
pub(crate) const COMPUTERS: &str =
    "SELECT d.id, d.company_id, d.location_id, d.name, d.os, d.os_version, d.machine_id, d.agent_version,
    CASE WHEN d.held_credential_hash IS NULL THEN CAST(0 AS BIGINT) ELSE CAST(1 AS BIGINT) END AS held, d.created_at,
    d.archived_at, c.name AS company, l.name AS location,
    k.state AS link_state, k.psa_id, k.psa_name, k.how, k.at AS link_at, k.candidates
    FROM computers d JOIN companies c ON c.id = d.company_id JOIN locations l ON l.id = d.location_id
    LEFT JOIN links k ON k.kind = 'computer' AND k.id = d.id WHERE 1 = 1";
pub(crate) const CONTACTS: &str =
    "SELECT d.id, d.company_id, d.name, d.email, d.created_at, d.archived_at, c.name AS company,
    k.state AS link_state, k.psa_id, k.psa_name, k.how, k.at AS link_at, k.candidates
    FROM contacts d JOIN companies c ON c.id = d.company_id
    LEFT JOIN links k ON k.kind = 'contact' AND k.id = d.id WHERE 1 = 1";

impl Store {
    pub(crate) async fn list<Raw: Record, Row: TryFrom<Raw, Error = Error>>(&self, query: &Query) -> Result<Vec<Row>> {
        let rows: Vec<Raw> = self.read().await?.all(query).await?;
        rows.into_iter().map(Row::try_from).collect()
    }

    /// Companies that the caller may see.
    ///
    /// # Errors
    /// [`Error::Database`] where they cannot be read.
    pub async fn companies(&self, access: &Access, wanted: &DirectoryQuery) -> Result<Vec<CompanyRow>> {
        self.list::<RawCompany, _>(&Table::of(Kind::Company).rows(access, wanted)).await
    }

    /// Locations that the caller may see.
    ///
    /// # Errors
    /// [`Error::Database`] where they cannot be read.
    pub async fn locations(&self, access: &Access, wanted: &DirectoryQuery) -> Result<Vec<LocationRow>> {
        self.list::<RawLocation, _>(&Table::of(Kind::Location).rows(access, wanted)).await
    }

    /// Computers that the caller may see.
    ///
    /// # Errors
    /// [`Error::Database`] where they cannot be read.
    pub async fn computers(&self, access: &Access, wanted: &DirectoryQuery) -> Result<Vec<ComputerRow>> {
        self.list::<RawComputer, _>(&Table::of(Kind::Computer).rows(access, wanted)).await
    }

    /// Contacts that the caller may see.
    ///
    /// # Errors
    /// [`Error::Database`] where they cannot be read.
    pub async fn contacts(&self, access: &Access, wanted: &DirectoryQuery) -> Result<Vec<ContactRow>> {
        self.list::<RawContact, _>(&Table::of(Kind::Contact).rows(access, wanted)).await
    }
}

async fn first<Raw: Record, Row: TryFrom<Raw, Error = Error>>(conn: &mut Conn, query: &Query) -> Result<Option<Row>> {
    conn.one::<Raw>(query).await?.map(Row::try_from).transpose()
}

impl Tx {
    /// A company by its id.
    ///
    /// # Errors
    /// [`Error::Database`] where it cannot be read.
    pub async fn company(&mut self, id: &CompanyId) -> Result<Option<CompanyRow>> {
        let mut query = Query::build(COMPANIES);
        query.push(" AND d.id = ").arg(id.as_str());
        first::<RawCompany, _>(&mut self.conn, &query).await
    }

    /// The company that an endpoint means by a name: its name, else a former name, else the name of the customer it is
    /// linked to.
    ///
    /// # Errors
    /// [`Error::Database`] where it cannot be read.
    pub async fn company_by_name(&mut self, name: &str) -> Result<Option<CompanyRow>> {
        let key = name_key(name);
        let mut by_name = Query::build(COMPANIES);
        by_name.push(" AND d.name_key = ").arg(&key);
        if let Some(found) = first::<RawCompany, _>(&mut self.conn, &by_name).await? {
            return Ok(Some(found));
        }
        let mut by_former = Query::build(COMPANIES);
        let needle = serde_json::to_string(&key).map_err(|error| Error::corrupt("a name", error))?;
        // Few companies have any, and the others are not looked into.
        by_former.push(" AND d.former_names <> '[]' AND d.former_names LIKE ").arg(like(&needle)).push(" ESCAPE '!'");
        by_former.push(" ORDER BY CASE WHEN d.archived_at IS NULL THEN 0 ELSE 1 END, d.created_at, d.id");
        if let Some(found) = first::<RawCompany, _>(&mut self.conn, &by_former).await? {
            return Ok(Some(found));
        }
        let mut by_customer = Query::build(COMPANIES);
        by_customer.push(" AND k.state = 'linked' AND k.psa_name_key = ").arg(&key);
        by_customer
            .push(" ORDER BY CASE WHEN d.archived_at IS NULL THEN 0 ELSE 1 END, CASE WHEN k.psa_name = ")
            .arg(name);
        by_customer.push(" THEN 0 ELSE 1 END, d.created_at, d.id");
        first::<RawCompany, _>(&mut self.conn, &by_customer).await
    }

    /// Runs an insert that does nothing where its key is taken, so that the transaction can still be used: PostgreSQL
    /// would end it at a violated key.
    pub(crate) async fn insert(&mut self, query: &Query) -> Result<()> {
        if self.conn.execute(query).await? == 1 { Ok(()) } else { Err(Error::Taken) }
    }

    /// Adds a company.
    ///
    /// # Errors
    /// [`Error::Taken`] where the name is taken.
    pub async fn insert_company(&mut self, company: &Company) -> Result<()> {
        let query = Query::new(
            "INSERT INTO companies (id, name, name_key, former_names, created_at) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (name_key) DO NOTHING",
        )
        .bind(company.id.as_str())
        .bind(&company.name)
        .bind(name_key(&company.name))
        .bind(former_names(company)?)
        .bind(company.created_at);
        self.insert(&query).await
    }

    /// Writes a company's names anew.
    ///
    /// # Errors
    /// [`Error::Taken`] where the name is taken.
    pub async fn update_company(&mut self, company: &Company) -> Result<()> {
        let query = Query::new("UPDATE companies SET name = $1, name_key = $2, former_names = $3 WHERE id = $4")
            .bind(&company.name)
            .bind(name_key(&company.name))
            .bind(former_names(company)?)
            .bind(company.id.as_str());
        self.conn.execute(&query).await.map(|_| ())
    }

    /// A location by its id.
    ///
    /// # Errors
    /// [`Error::Database`] where it cannot be read.
    pub async fn location(&mut self, id: &LocationId) -> Result<Option<LocationRow>> {
        let mut query = Query::build(LOCATIONS);
        query.push(" AND d.id = ").arg(id.as_str());
        first::<RawLocation, _>(&mut self.conn, &query).await
    }

    /// The location of a company that goes by a name.
    ///
    /// # Errors
    /// [`Error::Database`] where it cannot be read.
    pub async fn location_by_name(&mut self, company: &CompanyId, name: &str) -> Result<Option<LocationRow>> {
        let mut query = Query::build(LOCATIONS);
        query.push(" AND d.company_id = ").arg(company.as_str()).push(" AND d.name_key = ").arg(name_key(name));
        first::<RawLocation, _>(&mut self.conn, &query).await
    }

    /// Adds a location.
    ///
    /// # Errors
    /// [`Error::Taken`] where the company has one of that name.
    pub async fn insert_location(&mut self, location: &Location) -> Result<()> {
        let query = Query::new(
            "INSERT INTO locations (id, company_id, name, name_key, created_at) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (company_id, name_key) DO NOTHING",
        )
        .bind(location.id.as_str())
        .bind(location.company_id.as_str())
        .bind(&location.name)
        .bind(name_key(&location.name))
        .bind(location.created_at);
        self.insert(&query).await
    }

    /// Writes a location's name anew.
    ///
    /// # Errors
    /// [`Error::Taken`] where the company has one of that name.
    pub async fn update_location(&mut self, location: &Location) -> Result<()> {
        let query = Query::new("UPDATE locations SET name = $1, name_key = $2 WHERE id = $3")
            .bind(&location.name)
            .bind(name_key(&location.name))
            .bind(location.id.as_str());
        self.conn.execute(&query).await.map(|_| ())
    }

    /// A computer by its id.
    ///
    /// # Errors
    /// [`Error::Database`] where it cannot be read.
    pub async fn computer(&mut self, id: &ComputerId) -> Result<Option<ComputerRow>> {
        let mut query = Query::build(COMPUTERS);
        query.push(" AND d.id = ").arg(id.as_str());
        first::<RawComputer, _>(&mut self.conn, &query).await
    }

    /// The computer that a machine id was last enrolled as.
    ///
    /// # Errors
    /// [`Error::Database`] where it cannot be read.
    pub async fn computer_by_machine(&mut self, machine_id: &str) -> Result<Option<ComputerRow>> {
        let mut query = Query::build(COMPUTERS);
        query.push(" AND d.machine_id = ").arg(machine_id).push(" ORDER BY d.created_at DESC, d.id DESC LIMIT 1");
        first::<RawComputer, _>(&mut self.conn, &query).await
    }

    /// Adds a computer with the SHA-256 of its credential.
    ///
    /// # Errors
    /// [`Error::Database`] where it cannot be written.
    pub async fn insert_computer(&mut self, computer: &Computer, credential_hash: &str) -> Result<()> {
        let query = Query::new(
            "INSERT INTO computers (id, company_id, location_id, name, name_key, os, os_version, machine_id, agent_version,
             credential_hash, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        )
        .bind(computer.id.as_str())
        .bind(computer.company_id.as_str())
        .bind(computer.location_id.as_str())
        .bind(&computer.name)
        .bind(name_key(&computer.name))
        .bind(&computer.os)
        .bind(&computer.os_version)
        .bind(&computer.machine_id)
        .bind(&computer.agent_version)
        .bind(credential_hash)
        .bind(computer.created_at);
        self.conn.execute(&query).await.map(|_| ())
    }

    /// Writes a computer's place and name anew.
    ///
    /// # Errors
    /// [`Error::Database`] where it cannot be written.
    pub async fn update_computer(&mut self, computer: &Computer) -> Result<()> {
        let query = Query::new(
            "UPDATE computers SET company_id = $1, location_id = $2, name = $3, name_key = $4 WHERE id = $5",
        )
        .bind(computer.company_id.as_str())
        .bind(computer.location_id.as_str())
        .bind(&computer.name)
        .bind(name_key(&computer.name))
        .bind(computer.id.as_str());
        self.conn.execute(&query).await.map(|_| ())
    }

    /// The contact of a company with a mail address.
    ///
    /// # Errors
    /// [`Error::Database`] where it cannot be read.
    pub async fn contact_by_email(&mut self, company: &CompanyId, email: &str) -> Result<Option<ContactRow>> {
        let mut query = Query::build(CONTACTS);
        query.push(" AND d.company_id = ").arg(company.as_str()).push(" AND d.email_key = ").arg(email_key(email));
        first::<RawContact, _>(&mut self.conn, &query).await
    }

    /// A contact by its id.
    ///
    /// # Errors
    /// [`Error::Database`] where it cannot be read.
    pub async fn contact(&mut self, id: &ContactId) -> Result<Option<ContactRow>> {
        let mut query = Query::build(CONTACTS);
        query.push(" AND d.id = ").arg(id.as_str());
        first::<RawContact, _>(&mut self.conn, &query).await
    }

    /// Adds a contact.
    ///
    /// # Errors
    /// [`Error::Taken`] where the company has one with that address.
    pub async fn insert_contact(&mut self, contact: &Contact) -> Result<()> {
        let query = Query::new(
            "INSERT INTO contacts (id, company_id, name, name_key, email, email_key, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (company_id, email_key) DO NOTHING",
        )
        .bind(contact.id.as_str())
        .bind(contact.company_id.as_str())
        .bind(&contact.name)
        .bind(name_key(&contact.name))
        .bind(&contact.email)
        .bind(email_key(&contact.email))
        .bind(contact.created_at);
        self.insert(&query).await
    }
}

/// Former names are kept in normal form, since that is how they are looked for.
fn former_names(company: &Company) -> Result<String> {
    let keys: Vec<String> = company.former_names.iter().map(|name| name_key(name)).collect();
    serde_json::to_string(&keys).map_err(|error| Error::corrupt(company.id.to_string(), error))
}
