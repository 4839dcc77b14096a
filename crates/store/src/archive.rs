//! Records put aside and taken back. Technicians are disabled instead.
//!
//! Called by `app`, which decides what stands in the way. The decision a reader would undo: what belongs to a company is
//! written when the company is, not looked up through it, so that lists and counts ask one column.

use countersign_domain::{id::LocationId, link::Kind, time::Time};

use crate::{Result, Tx, links::COMPANIES_OF_CUSTOMER, lists::Table, query::Query};

/// What belongs to a company.
const PARTS: [Kind; 3] = [Kind::Location, Kind::Computer, Kind::Contact];

impl Tx {
    /// Archives a company with all that belongs to it, a location or a computer. False if it is archived already, or not
    /// there.
    ///
    /// # Errors
    /// [`crate::Error::Database`] where it cannot be written.
    pub async fn archive(&mut self, kind: Kind, id: &str, now: Time) -> Result<bool> {
        let table = Table::of(kind).name();
        let mut query = Query::build(&format!("UPDATE {table} SET archived_at = "));
        query.arg(now).push(" WHERE archived_at IS NULL AND id = ").arg(id);
        if self.conn.execute(&query).await? != 1 {
            return Ok(false);
        }
        if kind == Kind::Company {
            for part in PARTS {
                let mut query = Query::build(&format!("UPDATE {} SET archived_at = ", Table::of(part).name()));
                query.arg(now).push(" WHERE archived_at IS NULL AND company_id = ").arg(id);
                self.conn.execute(&query).await?;
            }
        }
        Ok(true)
    }

    /// Brings what was archived with a company, at that moment, back with it. Called before [`Tx::restore`].
    ///
    /// # Errors
    /// [`crate::Error::Database`] where it cannot be written.
    pub async fn restore_parts(&mut self, company: &str) -> Result<()> {
        for part in PARTS {
            let mut query = Query::build(&format!(
                "UPDATE {} SET archived_at = NULL
                 WHERE archived_at = (SELECT c.archived_at FROM companies c WHERE c.id = ",
                Table::of(part).name()
            ));
            query.arg(company).push(") AND company_id = ").arg(company);
            self.conn.execute(&query).await?;
        }
        Ok(())
    }

    /// Brings one record back, alone. False if it is not archived, or not there.
    ///
    /// # Errors
    /// [`crate::Error::Database`] where it cannot be written.
    pub async fn restore(&mut self, kind: Kind, id: &str) -> Result<bool> {
        let table = Table::of(kind).name();
        let mut query = Query::build(&format!("UPDATE {table} SET archived_at = NULL"));
        query.push(" WHERE archived_at IS NOT NULL AND id = ").arg(id);
        Ok(self.conn.execute(&query).await? == 1)
    }

    /// How many computers in use stand at a location.
    ///
    /// # Errors
    /// [`crate::Error::Database`] where they cannot be counted.
    pub async fn computers_at(&mut self, location: &LocationId) -> Result<u64> {
        let query = Query::new("SELECT COUNT(*) FROM computers WHERE location_id = $1 AND archived_at IS NULL")
            .bind(location.as_str());
        Ok(self.conn.one::<(i64,)>(&query).await?.map_or(0, |(n,)| u64::try_from(n).unwrap_or(0)))
    }

    /// Companies in use, other than this one, that are linked to a customer.
    ///
    /// # Errors
    /// [`crate::Error::Database`] where they cannot be read.
    pub async fn is_customer_of_another(&mut self, psa_id: &str, company: &str) -> Result<bool> {
        let query = Query::new(COMPANIES_OF_CUSTOMER).bind(psa_id);
        Ok(self.conn.all::<(String,)>(&query).await?.iter().any(|(id,)| id != company))
    }
}
