//! Many records of the other side, held for as long as a walk over them lasts: found by id, by name inside their
//! customer, and by likeness.
//!
//! Filled page by page by `app`'s directory sync, and with a single list where one record is looked for. Not for: reading
//! the records, keeping them. The decision a reader would undo: an index is thrown away after its walk; there is no copy
//! of the other side's directory in the database that could be out of date.

use std::{collections::HashMap, sync::OnceLock};

use super::{Candidate, How, Link, LinkState, Theirs, likeness::Likeness};
use crate::{text::name_key, time::Time};

/// Candidates of one record at the most; nobody reads more.
const MOST: usize = 20;

/// Records of one kind, of one customer or of all.
#[derive(Debug, Default)]
pub struct Index {
    rows: Vec<Theirs>,
    by_id: HashMap<String, usize>,
    /// By customer; what lives inside none stands under the empty text.
    inside: HashMap<String, Names>,
}

/// The names inside one customer.
#[derive(Debug, Default)]
struct Names {
    /// From a name in normal form to the rows that bear it.
    keys: HashMap<String, Vec<usize>>,
    /// Made when the first suggestion is asked for.
    likeness: OnceLock<Likeness>,
}

impl Extend<Theirs> for Index {
    fn extend<T: IntoIterator<Item = Theirs>>(&mut self, rows: T) {
        for row in rows {
            self.add(row);
        }
    }
}

impl FromIterator<Theirs> for Index {
    fn from_iter<T: IntoIterator<Item = Theirs>>(rows: T) -> Self {
        let mut index = Self::default();
        index.extend(rows);
        index
    }
}

impl Index {
    fn add(&mut self, row: Theirs) {
        let place = self.rows.len();
        if self.by_id.contains_key(&row.psa_id) {
            return;
        }
        self.by_id.insert(row.psa_id.clone(), place);
        if !row.inactive {
            let customer = row.customer.as_deref().unwrap_or_default();
            if !self.inside.contains_key(customer) {
                self.inside.insert(customer.to_owned(), Names::default());
            }
            if let Some(names) = self.inside.get_mut(customer) {
                names.likeness = OnceLock::new();
                for key in row.keys.iter().map(|key| name_key(key)).filter(|key| !key.is_empty()) {
                    let bearers = names.keys.entry(key).or_default();
                    if bearers.last() != Some(&place) {
                        bearers.push(place);
                    }
                }
            }
        }
        self.rows.push(row);
    }

    /// How many records it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// True if it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// True if any of its records bears a name to be found by.
    #[must_use]
    pub fn has_names(&self) -> bool {
        self.inside.values().any(|names| !names.keys.is_empty())
    }

    /// The record of an id, in use or not.
    #[must_use]
    pub fn get(&self, psa_id: &str) -> Option<&Theirs> {
        self.by_id.get(psa_id).and_then(|place| self.rows.get(*place))
    }

    /// Finds the record that is meant by `ours`, inside a customer where the kind lives inside one: a unique byte-exact
    /// name wins, else a unique one in normal form ([`name_key`]). What is not unique is ambiguous and never linked by
    /// itself. Records out of use are never meant.
    #[must_use]
    pub fn find(&self, customer: Option<&str>, ours: &str, at: Time) -> Link {
        let alike = self.alike(customer, ours);
        let exact: Vec<&Theirs> = alike.iter().copied().filter(|row| row.keys.iter().any(|key| key == ours)).collect();
        let meant = if exact.is_empty() { alike } else { exact };
        match meant.as_slice() {
            [] => Link { at: Some(at), ..Link::default() },
            [one] => Link {
                state: LinkState::Linked,
                psa_id: Some(one.psa_id.clone()),
                psa_name: Some(one.psa_name.clone()),
                how: Some(How::Auto),
                at: Some(at),
                candidates: Vec::new(),
            },
            many => Link {
                state: LinkState::Ambiguous,
                how: Some(How::Auto),
                at: Some(at),
                candidates: many.iter().take(MOST).map(|row| candidate(row, 1.0)).collect(),
                ..Link::default()
            },
        }
    }

    /// Records whose name in normal form is that of `ours`.
    pub(super) fn alike(&self, customer: Option<&str>, ours: &str) -> Vec<&Theirs> {
        let bearers = self.inside.get(customer.unwrap_or_default()).and_then(|names| names.keys.get(&name_key(ours)));
        bearers.into_iter().flatten().filter_map(|place| self.rows.get(*place)).collect()
    }

    /// What a person might mean by any of these names, the likest first. A score is below 1 and links nothing by itself.
    #[must_use]
    pub fn suggest(&self, customer: Option<&str>, ours: &[&str]) -> Vec<Candidate> {
        let Some(names) = self.inside.get(customer.unwrap_or_default()) else { return Vec::new() };
        let likeness = names.likeness.get_or_init(|| {
            let places = names.keys.values().flatten().copied();
            Likeness::of(places.filter_map(|place| Some((place, self.rows.get(place)?))))
        });
        let likest = likeness.likest(ours);
        likest.into_iter().filter_map(|(place, score)| Some(candidate(self.rows.get(place)?, score))).collect()
    }
}

fn candidate(row: &Theirs, score: f64) -> Candidate {
    Candidate { psa_id: row.psa_id.clone(), psa_name: row.psa_name.clone(), score }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::text;

    fn row(id: usize, customer: &str, names: &[&str]) -> Theirs {
        Theirs {
            psa_id: id.to_string(),
            psa_name: names.first().map(|name| (*name).to_owned()).unwrap_or_default(),
            keys: names.iter().map(|name| (*name).to_owned()).collect(),
            customer: (!customer.is_empty()).then(|| customer.to_owned()),
            inactive: false,
        }
    }

    #[test]
    fn names_meet_inside_their_customer_alone() {
        let index: Index = [row(1, "201", &["Main"]), row(2, "202", &["Main"]), row(3, "202", &["MAIN", "Side"])]
            .into_iter()
            .collect();
        assert_eq!(index.find(Some("201"), "main", Time(1)).psa_id.as_deref(), Some("1"));
        assert_eq!(index.find(Some("202"), "Main", Time(1)).psa_id.as_deref(), Some("2"));
        assert_eq!(index.find(Some("202"), "main", Time(1)).state, LinkState::Ambiguous);
        assert_eq!(index.find(Some("203"), "Main", Time(1)).state, LinkState::Unlinked);
        assert_eq!(index.find(None, "Main", Time(1)).state, LinkState::Unlinked);
    }

    #[test]
    fn what_is_out_of_use_is_known_by_its_id_and_never_meant() {
        let index: Index = [Theirs { inactive: true, ..row(1, "", &["Old"]) }].into_iter().collect();
        assert_eq!(index.find(None, "Old", Time(1)).state, LinkState::Unlinked);
        assert!(index.suggest(None, &["Old Ltd"]).is_empty());
        assert!(index.get("1").is_some_and(|row| row.inactive));
    }

    #[test]
    fn a_record_that_bears_a_name_twice_is_one_record() {
        let index: Index = [row(1, "", &["PC-014", "pc-014", "PC-014 "])].into_iter().collect();
        assert_eq!(index.find(None, "Pc-014", Time(1)).psa_id.as_deref(), Some("1"));
    }

    #[test]
    fn suggestions_are_few_below_one_and_likest_first() {
        let names =
            ["Sample Dental Group", "Sample Dental", "Sample Dental Grp Ltd", "Sample Dentals", "Demo Freight Lines"];
        let index: Index = names.iter().enumerate().map(|(n, name)| row(n, "", &[name])).collect();
        let found = index.suggest(None, &["Sample Dental Group, Inc."]);
        let shown: Vec<&str> = found.iter().map(|found| found.psa_name.as_str()).collect();
        assert_eq!(shown.first(), Some(&"Sample Dental Group"));
        assert_eq!(found.len(), 3);
        assert!(found.iter().all(|found| found.score < 1.0 && found.psa_name != "Demo Freight Lines"), "{found:?}");
        assert!(found.is_sorted_by(|a, b| a.score >= b.score), "{found:?}");
        assert!(index.suggest(None, &["Placeholder Legal"]).is_empty());
    }

    #[test]
    fn numbers_tell_computers_apart() {
        let index: Index = [row(1, "9", &["PC-014"]), row(2, "9", &["PC-015"])].into_iter().collect();
        let found = index.suggest(Some("9"), &["PC014"]);
        assert_eq!(found.iter().map(|found| found.psa_id.as_str()).collect::<Vec<_>>(), ["1"]);
    }

    fn names() -> impl Strategy<Value = Vec<(u8, Vec<String>)>> {
        let name = "[aA][bB]?[ ]{0,2}[cC]?";
        prop::collection::vec((0_u8..3, prop::collection::vec(name, 0..3)), 0..12)
    }

    proptest! {
        /// The index answers as somebody would who reads the whole list.
        #[test]
        fn an_index_finds_what_a_reader_of_the_list_finds(rows in names(), ours in "[aA][bB]?[ ]{0,2}[cC]?", customer in 0_u8..3) {
            let rows: Vec<Theirs> = rows.iter().enumerate().map(|(n, (customer, keys))| {
                let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
                row(n, &customer.to_string(), &keys)
            }).collect();
            let customer = customer.to_string();
            let inside = rows.iter().filter(|row| row.customer.as_deref() == Some(customer.as_str()));
            let exact: Vec<&Theirs> = inside.clone().filter(|row| row.keys.contains(&ours)).collect();
            let alike: Vec<&Theirs> =
                inside.filter(|row| row.keys.iter().any(|key| text::name_key(key) == text::name_key(&ours))).collect();
            let meant = if exact.is_empty() { alike } else { exact };
            let found = rows.iter().cloned().collect::<Index>().find(Some(&customer), &ours, Time(1));
            match meant.as_slice() {
                [] => prop_assert_eq!(found.state, LinkState::Unlinked),
                [one] => prop_assert_eq!(found.psa_id.as_deref(), Some(one.psa_id.as_str())),
                many => {
                    prop_assert_eq!(found.state, LinkState::Ambiguous);
                    prop_assert_eq!(found.candidates.len(), many.len());
                }
            }
        }
    }
}
