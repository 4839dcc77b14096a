//! What single companies have otherwise: only that is kept, all else is the house's.
//!
//! The decision a reader would undo: what differs is kept by the settings' own names and values, laid over the house's
//! when they are read. So a company's settings are the same kind of thing as the house's, whatever is added to them.

use std::{collections::BTreeMap, sync::Arc};

use countersign_domain::{audit::Actor, directory::Technician, id::CompanyId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    Change, Settings,
    change::{apply, difference},
    complete,
};
use crate::{App, Error, Result};

/// What a company may have otherwise.
const OWN: [&str; 27] = [
    "ticket_on",
    "ticket_type",
    "team",
    "priority",
    "category",
    "source",
    "custom_fields",
    "status_open",
    "status_approved",
    "status_denied",
    "status_expired",
    "status_withdrawn",
    "status_revoked",
    "status_failed",
    "status_again",
    "closed_by_hand",
    "outcome",
    "assign",
    "time",
    "time_step_minutes",
    "billable",
    "charge_rate",
    "time_needs_link",
    "notes",
    "mail_user",
    "survey",
    "texts",
];
/// Kept beside them, for words only.
const NAMES: &str = "chosen";

/// All settings as they stand in the database.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Document {
    #[serde(flatten)]
    pub(super) settings: Settings,
    pub(super) companies: BTreeMap<CompanyId, Overrides>,
}

/// What one company has otherwise, by the settings' names.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Overrides(Map<String, Value>);

impl Overrides {
    pub(super) fn names(&self, setting: &str) -> bool {
        self.0.contains_key(setting)
    }

    /// The settings as they hold for the company.
    fn over(&self, settings: &Settings) -> serde_json::Result<Settings> {
        let mut whole = serde_json::to_value(settings)?;
        if let Some(whole) = whole.as_object_mut() {
            whole.extend(self.0.clone());
        }
        serde_json::from_value(whole)
    }

    /// What differs between the house's settings and a company's.
    fn between(house: &Settings, own: &Settings) -> serde_json::Result<Self> {
        let (house, own) = (serde_json::to_value(house)?, serde_json::to_value(own)?);
        let mut differs = Map::new();
        for name in OWN.into_iter().chain([NAMES]) {
            if let Some(value) = own.get(name).filter(|value| house.get(name) != Some(value)) {
                differs.insert(name.to_owned(), value.clone());
            }
        }
        if differs.len() == 1 {
            differs.remove(NAMES);
        }
        Ok(Self(differs))
    }
}

impl Document {
    /// The settings of the companies that have some of their own. What cannot be read of one is told and left out: its
    /// tickets are made as the house's are.
    pub(super) fn in_force(&self) -> BTreeMap<CompanyId, Arc<Settings>> {
        let own = |(id, overrides): (&CompanyId, &Overrides)| match overrides.over(&self.settings) {
            Ok(settings) => Some((id.clone(), Arc::new(settings))),
            Err(error) => {
                tracing::error!(company = %id, %error, "a company's ticketing settings cannot be read; the house's hold");
                None
            }
        };
        self.companies.iter().filter_map(own).collect()
    }
}

/// A company's settings as people read them.
#[derive(Debug, Clone, Serialize)]
pub struct CompanyView {
    /// The settings as they hold for it.
    #[serde(flatten)]
    pub settings: Settings,
    /// Which of them are its own, in the order in which people read them.
    pub own: Vec<&'static str>,
}

impl App {
    /// A company's ticketing settings.
    ///
    /// # Errors
    /// [`Error::NotFound`] where the caller may not see the company.
    pub async fn company_ticketing(&self, by: &Technician, company: &CompanyId) -> Result<CompanyView> {
        self.company(by, company).await?;
        let connected = self.connected();
        let overrides = connected.overrides.get(company);
        Ok(CompanyView {
            settings: Settings::clone(&self.ticketing_for(company)),
            own: OWN.into_iter().filter(|name| overrides.is_some_and(|own| own.names(name))).collect(),
        })
    }

    /// Changes a company's ticketing settings. `inherit` names those that are the house's again; what comes to be as the
    /// house has it is not kept apart.
    ///
    /// # Errors
    /// As for [`App::change_ticketing`]; also where the change names what holds for the whole house.
    pub async fn change_company_ticketing(
        &self,
        by: &Technician,
        company: &CompanyId,
        change: Change,
        inherit: &[String],
    ) -> Result<CompanyView> {
        self.company(by, company).await?;
        if let Some(field) = change.of_the_house() {
            let sentence = format!("{field} holds for the whole house. Change it under /ticketing.");
            return Err(Error::invalid("not_per_company", field, sentence));
        }
        if let Some(wrong) = inherit.iter().find(|name| !OWN.contains(&name.as_str())) {
            let sentence = format!("{wrong} is no setting of a company. There are {}.", OWN.join(", "));
            return Err(Error::invalid("no_such_setting", "setting", sentence));
        }
        let broken = |error: serde_json::Error| Error::Sealed(format!("The settings cannot be written: {error}"));
        let (mut document, version) = self.read_document().await?;
        let mut overrides = document.companies.get(company).cloned().unwrap_or_default();
        let before = overrides.over(&document.settings).map_err(broken)?;
        overrides.0.retain(|name, _| !inherit.contains(name));
        let start = overrides.over(&document.settings).map_err(broken)?;
        let mut after = start.clone();
        apply(&mut after, &change)?;
        complete(self.psa(), &start, &mut after, &change).await?;
        let overrides = Overrides::between(&document.settings, &after).map_err(broken)?;
        if overrides.0.is_empty() {
            document.companies.remove(company);
        } else {
            document.companies.insert(company.clone(), overrides);
        }
        let actor = Actor::Technician(by.id.clone());
        let changed = difference(&before, &after, false);
        let entry = self.entry(actor, "ticketing.company_changed", company.to_string(), Some(company.clone()), changed);
        self.keep_document(&document, version, entry, None).await?;
        self.forget_vanished(Some(company));
        self.settings_changed(Some(company.clone())).await?;
        self.company_ticketing(by, company).await
    }

    /// Takes everything away that a company has otherwise, or one setting of it.
    ///
    /// # Errors
    /// As for [`App::change_company_ticketing`].
    pub async fn inherit_ticketing(
        &self,
        by: &Technician,
        company: &CompanyId,
        setting: Option<&str>,
    ) -> Result<CompanyView> {
        let all = OWN.map(str::to_owned);
        let inherit = setting.map_or_else(|| all.to_vec(), |setting| vec![setting.to_owned()]);
        self.change_company_ticketing(by, company, Change::default(), &inherit).await
    }
}
