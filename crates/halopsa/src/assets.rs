//! Assets: what Halo knows of a customer's computers.

use jiff::Timestamp;
use serde::Deserialize;

use crate::error::Error;
use crate::lists::Record;
use crate::paging::Pages;
use crate::send::Query;
use crate::{Client, Inactive, customers, loose};

/// An asset of a customer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Asset {
    /// Its id.
    #[serde(deserialize_with = "loose::id")]
    pub id: i64,
    /// The asset tag. In many Halos the computer's name.
    #[serde(deserialize_with = "loose::text")]
    pub inventory_number: Option<String>,
    /// The value of the type's first key field.
    #[serde(deserialize_with = "loose::text")]
    pub key_field: Option<String>,
    /// The value of its second.
    #[serde(deserialize_with = "loose::text")]
    pub key_field2: Option<String>,
    /// The value of its third.
    #[serde(deserialize_with = "loose::text")]
    pub key_field3: Option<String>,
    /// The customer.
    #[serde(deserialize_with = "loose::link")]
    pub client_id: Option<i64>,
    /// The site.
    #[serde(deserialize_with = "loose::link")]
    pub site_id: Option<i64>,
    /// Its kind, by name.
    #[serde(deserialize_with = "loose::text")]
    pub assettype_name: Option<String>,
    /// Whether it is inactive.
    #[serde(deserialize_with = "loose::flag")]
    pub inactive: Option<bool>,
    /// Fields of its type, where the list shows them.
    #[serde(deserialize_with = "loose::list")]
    pub fields: Vec<AssetField>,
}

/// A field of an asset.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct AssetField {
    /// The field's name, such as "Device Name".
    #[serde(deserialize_with = "loose::name")]
    pub name: String,
    /// Its value, if it is a text or a number.
    #[serde(deserialize_with = "loose::text")]
    pub value: Option<String>,
}

impl Record for Asset {
    const PATH: &'static str = "/Asset";
    const LIST: &'static str = "assets";

    fn id(&self) -> i64 {
        self.id
    }
}

/// Which assets to list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AssetFilter {
    /// Only this customer's.
    pub client_id: Option<i64>,
    /// Text to search for, matched loosely.
    pub search: Option<String>,
    /// With inactive ones or without.
    pub inactive: Inactive,
    /// Only what changed since. Where Halo ignores it, all come.
    pub changed_since: Option<Timestamp>,
}

impl Client {
    /// Walks the assets that match, by id.
    #[must_use]
    pub fn assets(&self, filter: &AssetFilter) -> Pages<Asset> {
        let (of, inactive) = (filter.client_id, filter.inactive);
        let query = customers::query(of, filter.search.as_deref(), inactive, filter.changed_since);
        self.pages(query, move |asset: &Asset| {
            of.is_none_or(|id| asset.client_id == Some(id)) && inactive.keeps(asset.inactive)
        })
    }

    /// One asset.
    ///
    /// # Errors
    /// If the call fails or there is no such asset.
    pub async fn asset(&self, id: i64) -> Result<Asset, Error> {
        self.one(id, Query::new()).await
    }
}
