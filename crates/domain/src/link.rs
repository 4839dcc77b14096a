//! Links: our record tied by id to a record of the ticketing system, and the rule by which they find each other.
//!
//! [`index`] holds many records of the other side and finds among them; [`settle`] says what a walk over all of them
//! does to a link; [`likeness`] suggests what a person might have meant.

pub mod index;
mod likeness;
pub mod settle;

pub use index::Index;

use serde::{Deserialize, Serialize};

use crate::time::Time;

/// Which kind of record a link ties.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Company to customer, by name.
    Company,
    /// Location to site, by name, inside the linked customer.
    Location,
    /// Computer to asset, by name, inside the linked customer.
    Computer,
    /// Technician to agent of the ticketing system, by mail address.
    Technician,
    /// Contact to contact, by mail address, inside the linked customer.
    Contact,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Company, Self::Location, Self::Computer, Self::Technician, Self::Contact];

    /// True for what belongs to a customer on the other side, and is looked for inside it alone.
    #[must_use]
    pub const fn is_inside_customer(self) -> bool {
        match self {
            Self::Company | Self::Technician => false,
            Self::Location | Self::Computer | Self::Contact => true,
        }
    }

    /// The word used on the wire and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Company => "company",
            Self::Location => "location",
            Self::Computer => "computer",
            Self::Technician => "technician",
            Self::Contact => "contact",
        }
    }

    /// The kind that a word names.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// How a record stands to the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum LinkState {
    /// Tied to nothing.
    #[default]
    Unlinked,
    /// Tied by id.
    Linked,
    /// More than one record of the other side fits; a person must choose.
    Ambiguous,
    /// Tied to a record that is not there any more.
    Missing,
}

impl LinkState {
    /// The word used on the wire and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unlinked => "unlinked",
            Self::Linked => "linked",
            Self::Ambiguous => "ambiguous",
            Self::Missing => "missing",
        }
    }

    /// The state that a word names.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Unlinked, Self::Linked, Self::Ambiguous, Self::Missing].into_iter().find(|s| s.as_str() == word)
    }
}

/// Who tied it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// The rule of this module.
    Auto,
    /// A person; never undone by itself.
    Manual,
}

/// A record of the other side that could be meant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Its id there.
    pub psa_id: String,
    /// Its name (for technicians: name) there.
    pub psa_name: String,
    /// How alike, from 0 to 1.
    pub score: f64,
}

/// The link of one record.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Link {
    /// How the record stands.
    pub state: LinkState,
    /// Id on the other side.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub psa_id: Option<String>,
    /// Name on the other side when it was last seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub psa_name: Option<String>,
    /// Who tied or untied it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub how: Option<How>,
    /// When it last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Time>,
    /// Who else could be meant.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<Candidate>,
}

impl Link {
    /// A link that a person made.
    #[must_use]
    pub fn by_hand(psa_id: String, psa_name: String, at: Time) -> Self {
        Self {
            state: LinkState::Linked,
            psa_id: Some(psa_id),
            psa_name: Some(psa_name),
            how: Some(How::Manual),
            at: Some(at),
            candidates: Vec::new(),
        }
    }

    /// A link that a person cut; stays cut until a person ties it again.
    #[must_use]
    pub fn cut_by_hand(at: Time) -> Self {
        Self { how: Some(How::Manual), at: Some(at), ..Self::default() }
    }

    /// The link as a suggestion: what the rule found, for a person to decide.
    #[must_use]
    pub fn for_a_person(self) -> Self {
        let candidates = match (self.psa_id, self.psa_name) {
            (Some(psa_id), Some(psa_name)) => vec![Candidate { psa_id, psa_name, score: 1.0 }],
            _ => self.candidates,
        };
        Self { state: LinkState::Ambiguous, psa_id: None, psa_name: None, candidates, ..self }
    }

    /// True if the rule may change it: what a person tied or cut stays, and what is missing waits for a person or for
    /// its record to come back.
    #[must_use]
    pub const fn is_free(&self) -> bool {
        !matches!(self.state, LinkState::Linked | LinkState::Missing) && !matches!(self.how, Some(How::Manual))
    }
}

/// One record of the other side, with every name that it answers to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Theirs {
    /// Its id.
    pub psa_id: String,
    /// What it is shown as.
    pub psa_name: String,
    /// The names (or mail addresses) that it may be found by.
    pub keys: Vec<String>,
    /// The customer that it belongs to, where its kind lives inside one.
    pub customer: Option<String>,
    /// It is there, but out of use: switched off, or merged into another.
    pub inactive: bool,
}

/// Finds the record that is meant by `ours` among a few, whatever customer they belong to. See [`Index::find`].
#[must_use]
pub fn find(ours: &str, theirs: &[Theirs], at: Time) -> Link {
    let flat = theirs.iter().map(|row| Theirs { customer: None, ..row.clone() });
    flat.collect::<Index>().find(None, ours, at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn theirs(id: &str, names: &[&str]) -> Theirs {
        Theirs {
            psa_id: id.to_owned(),
            psa_name: names.first().unwrap_or(&"").to_string(),
            keys: names.iter().map(|n| (*n).to_owned()).collect(),
            ..Theirs::default()
        }
    }

    #[test]
    fn exact_beats_normal_form_and_doubles_are_ambiguous() {
        let all = [theirs("1", &["Sample Dental"]), theirs("2", &["sample dental"]), theirs("3", &["Other"])];
        let at = Time(1);
        assert_eq!(find("Sample Dental", &all, at).psa_id.as_deref(), Some("1"));
        assert_eq!(find("sample dental", &all, at).psa_id.as_deref(), Some("2"));
        let ambiguous = find("SAMPLE DENTAL", &all, at);
        assert_eq!(ambiguous.state, LinkState::Ambiguous);
        assert_eq!(ambiguous.candidates.len(), 2);
        assert_eq!(find(" other ", &all, at).psa_id.as_deref(), Some("3"));
        assert_eq!(find("None", &all, at).state, LinkState::Unlinked);
    }

    #[test]
    fn an_empty_name_meets_nothing_by_accident() {
        assert_eq!(find("x", &[theirs("1", &[""])], Time(1)).state, LinkState::Unlinked);
    }

    #[test]
    fn what_a_person_did_is_not_free() {
        assert!(Link::default().is_free());
        assert!(!Link::cut_by_hand(Time(1)).is_free());
        assert!(!Link::by_hand("1".into(), "n".into(), Time(1)).is_free());
        assert!(!Link { state: LinkState::Missing, how: Some(How::Auto), ..Link::default() }.is_free());
    }
}
