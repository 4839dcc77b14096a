//! Customers (Halo's clients), their sites and their end users.

use jiff::Timestamp;
use serde::Deserialize;

use crate::error::Error;
use crate::lists::Record;
use crate::paging::Pages;
use crate::send::Query;
use crate::{Client, dates, loose};

/// A customer: what Halo calls a client.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Customer {
    /// Its id.
    #[serde(deserialize_with = "loose::id")]
    pub id: i64,
    /// Its name; not necessarily unique.
    #[serde(deserialize_with = "loose::name")]
    pub name: String,
    /// Whether it is inactive.
    #[serde(deserialize_with = "loose::flag")]
    pub inactive: Option<bool>,
    /// Its main site.
    #[serde(deserialize_with = "loose::link")]
    pub main_site_id: Option<i64>,
}

/// A site of a customer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Site {
    /// Its id.
    #[serde(deserialize_with = "loose::id")]
    pub id: i64,
    /// Its name within the customer.
    #[serde(deserialize_with = "loose::name")]
    pub name: String,
    /// The customer.
    #[serde(deserialize_with = "loose::link")]
    pub client_id: Option<i64>,
    /// Whether it is inactive.
    #[serde(deserialize_with = "loose::flag")]
    pub inactive: Option<bool>,
}

/// An end user of a customer: what Halo calls a user.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct User {
    /// Its id.
    #[serde(deserialize_with = "loose::id")]
    pub id: i64,
    /// The person's name.
    #[serde(deserialize_with = "loose::name")]
    pub name: String,
    /// The person's mail address.
    #[serde(deserialize_with = "loose::text")]
    pub emailaddress: Option<String>,
    /// The account name.
    #[serde(deserialize_with = "loose::text")]
    pub login: Option<String>,
    /// The customer.
    #[serde(deserialize_with = "loose::link")]
    pub client_id: Option<i64>,
    /// The site.
    #[serde(deserialize_with = "loose::link")]
    pub site_id: Option<i64>,
    /// Whether it is inactive.
    #[serde(deserialize_with = "loose::flag")]
    pub inactive: Option<bool>,
}

impl Record for Customer {
    const PATH: &'static str = "/Client";
    const LIST: &'static str = "clients";

    fn id(&self) -> i64 {
        self.id
    }
}

impl Record for Site {
    const PATH: &'static str = "/Site";
    const LIST: &'static str = "sites";

    fn id(&self) -> i64 {
        self.id
    }
}

impl Record for User {
    const PATH: &'static str = "/Users";
    const LIST: &'static str = "users";

    fn id(&self) -> i64 {
        self.id
    }
}

/// Whether a list includes inactive records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Inactive {
    /// Only active ones.
    #[default]
    Without,
    /// Inactive ones too.
    With,
}

impl Inactive {
    pub(crate) fn add_to(self, query: &mut Query) {
        if self == Self::With {
            query.push(("includeinactive", "true".into()));
        }
    }

    pub(crate) fn keeps(self, inactive: Option<bool>) -> bool {
        self == Self::With || inactive != Some(true)
    }
}

/// Which customers to list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CustomerFilter {
    /// Text to search for. Halo matches it loosely, so compare what comes.
    pub search: Option<String>,
    /// With inactive ones or without.
    pub inactive: Inactive,
    /// Only what changed since. Where Halo ignores it, all come.
    pub changed_since: Option<Timestamp>,
}

/// Which sites to list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SiteFilter {
    /// Only this customer's.
    pub client_id: Option<i64>,
    /// Text to search for, matched loosely.
    pub search: Option<String>,
    /// With inactive ones or without.
    pub inactive: Inactive,
    /// Only what changed since. Where Halo ignores it, all come.
    pub changed_since: Option<Timestamp>,
}

/// Which end users to list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserFilter {
    /// Only this customer's.
    pub client_id: Option<i64>,
    /// Text to search for, matched loosely.
    pub search: Option<String>,
    /// With inactive ones or without.
    pub inactive: Inactive,
    /// Only what changed since. Where Halo ignores it, all come.
    pub changed_since: Option<Timestamp>,
}

/// The query of an ordered list with these common filters.
pub(crate) fn query(
    client_id: Option<i64>,
    search: Option<&str>,
    inactive: Inactive,
    changed_since: Option<Timestamp>,
) -> Query {
    let mut query = vec![("order", "id".to_owned()), ("orderdesc", "false".to_owned())];
    query.extend(client_id.map(|id| ("client_id", id.to_string())));
    query.extend(search.map(|text| ("search", text.to_owned())));
    inactive.add_to(&mut query);
    query.extend(changed_since.map(|date| ("lastupdatefromdate", dates::format(date))));
    query
}

impl Client {
    /// Walks the customers that match, by id.
    #[must_use]
    pub fn customers(&self, filter: &CustomerFilter) -> Pages<Customer> {
        let inactive = filter.inactive;
        let query = query(None, filter.search.as_deref(), inactive, filter.changed_since);
        self.pages(query, move |customer: &Customer| inactive.keeps(customer.inactive))
    }

    /// One customer.
    ///
    /// # Errors
    /// If the call fails or there is no such customer.
    pub async fn customer(&self, id: i64) -> Result<Customer, Error> {
        self.one(id, Query::new()).await
    }

    /// Walks the sites that match, by id.
    #[must_use]
    pub fn sites(&self, filter: &SiteFilter) -> Pages<Site> {
        let (of, inactive) = (filter.client_id, filter.inactive);
        let query = query(of, filter.search.as_deref(), inactive, filter.changed_since);
        self.pages(query, move |site: &Site| {
            of.is_none_or(|id| site.client_id == Some(id)) && inactive.keeps(site.inactive)
        })
    }

    /// One site.
    ///
    /// # Errors
    /// If the call fails or there is no such site.
    pub async fn site(&self, id: i64) -> Result<Site, Error> {
        self.one(id, Query::new()).await
    }

    /// Walks the end users that match, by id.
    #[must_use]
    pub fn users(&self, filter: &UserFilter) -> Pages<User> {
        let (of, inactive) = (filter.client_id, filter.inactive);
        let query = query(of, filter.search.as_deref(), inactive, filter.changed_since);
        self.pages(query, move |user: &User| {
            of.is_none_or(|id| user.client_id == Some(id)) && inactive.keeps(user.inactive)
        })
    }

    /// One end user.
    ///
    /// # Errors
    /// If the call fails or there is no such user.
    pub async fn user(&self, id: i64) -> Result<User, Error> {
        self.one(id, Query::new()).await
    }
}
