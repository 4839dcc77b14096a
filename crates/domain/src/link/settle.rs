//! What a walk over the other side's records does to a link: the rules of design and promise P6 in one place.
//!
//! Free records are linked by the rule, names are followed, what vanished becomes missing and what came back is linked
//! again. Called by `app`'s directory sync, record by record. The decision a reader would undo: absence from a walk means
//! something only where the walk was shown everything and met records that we know.

use super::{Candidate, How, Index, Link, LinkState, Theirs};
use crate::time::Time;

/// Where one of ours is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inside<'a> {
    /// Its kind lives in no customer.
    Everywhere,
    /// In the customer that its company is linked to.
    Customer(&'a str),
    /// Its company is linked to none.
    Nowhere,
}

/// One of our records.
#[derive(Debug, Clone, Copy)]
pub struct Ours<'a> {
    /// The name, or the mail address, that it is found by.
    pub key: &'a str,
    /// Another name that only serves suggestions: a person's own.
    pub also: Option<&'a str>,
    /// Where it is looked for.
    pub inside: Inside<'a>,
    /// How it stands.
    pub link: &'a Link,
}

/// What a walk was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Walk {
    /// Everything: what is not there is gone.
    Whole,
    /// Everything that it was asked for, but not what we know to exist: absence proves nothing.
    Blind,
    /// What changed lately.
    Changes,
}

/// What becomes of a link.
#[derive(Debug, Clone, PartialEq)]
pub enum Settled {
    /// It stays as it is.
    Same,
    /// It is written anew.
    Anew(Link),
    /// A changed record bears its name: whether it is the only one, a look at all of them tells.
    LookUp,
}

/// What becomes of the link of one of ours after a walk.
#[must_use]
pub fn settle(ours: &Ours<'_>, index: &Index, walk: Walk, at: Time) -> Settled {
    match (ours.link.state, &ours.link.psa_id) {
        (LinkState::Linked | LinkState::Missing, Some(psa_id)) => tied(ours, psa_id, index, walk, at),
        _ if ours.link.is_free() => free(ours, index, walk, at),
        _ => Settled::Same,
    }
}

fn tied(ours: &Ours<'_>, psa_id: &str, index: &Index, walk: Walk, at: Time) -> Settled {
    let shown = index.get(psa_id);
    let there = shown.filter(|row| !row.inactive);
    if let Some(row) = there.filter(|row| is_where_it_belongs(ours, row)) {
        return anew(ours.link, still(ours.link, row, at));
    }
    if there.is_some() && walk != Walk::Changes {
        // The rule tied it inside a customer that is not its own any more; the rule may tie it to another.
        let found = by_rule(ours, index, at);
        if found.state == LinkState::Linked {
            return anew(ours.link, found);
        }
    }
    let candidates = match walk {
        Walk::Whole => closest(ours, index, at),
        // A part of the list cannot say what is closest.
        Walk::Blind | Walk::Changes if shown.is_some() && ours.link.state == LinkState::Linked => Vec::new(),
        Walk::Blind | Walk::Changes => return Settled::Same,
    };
    let since = if ours.link.state == LinkState::Missing { ours.link.at } else { Some(at) };
    anew(ours.link, Link { state: LinkState::Missing, at: since, candidates, ..ours.link.clone() })
}

/// What a person tied stays tied wherever it lives.
fn is_where_it_belongs(ours: &Ours<'_>, row: &Theirs) -> bool {
    match (ours.inside, &row.customer) {
        (Inside::Customer(customer), Some(theirs)) => ours.link.how == Some(How::Manual) || customer == theirs,
        _ => true,
    }
}

/// The link to a record that is there, under the name that it has now.
fn still(link: &Link, row: &Theirs, at: Time) -> Link {
    let name = if row.psa_name.is_empty() { link.psa_name.clone() } else { Some(row.psa_name.clone()) };
    let at = if link.state == LinkState::Linked { link.at } else { Some(at) };
    Link { state: LinkState::Linked, psa_name: name, at, candidates: Vec::new(), ..link.clone() }
}

fn by_rule(ours: &Ours<'_>, index: &Index, at: Time) -> Link {
    match ours.inside {
        Inside::Everywhere => index.find(None, ours.key, at),
        Inside::Customer(customer) => index.find(Some(customer), ours.key, at),
        Inside::Nowhere => Link::default(),
    }
}

fn suggestions(ours: &Ours<'_>, index: &Index) -> Vec<Candidate> {
    let names: Vec<&str> = [Some(ours.key), ours.also].into_iter().flatten().collect();
    match ours.inside {
        Inside::Everywhere => index.suggest(None, &names),
        Inside::Customer(customer) => index.suggest(Some(customer), &names),
        Inside::Nowhere => Vec::new(),
    }
}

/// What a person may take in place of a record that is gone.
fn closest(ours: &Ours<'_>, index: &Index, at: Time) -> Vec<Candidate> {
    let found = by_rule(ours, index, at).for_a_person().candidates;
    if found.is_empty() { suggestions(ours, index) } else { found }
}

fn free(ours: &Ours<'_>, index: &Index, walk: Walk, at: Time) -> Settled {
    let customer = match ours.inside {
        Inside::Nowhere => return Settled::Same,
        Inside::Everywhere => None,
        Inside::Customer(customer) => Some(customer),
    };
    match walk {
        Walk::Changes if index.alike(customer, ours.key).is_empty() => Settled::Same,
        Walk::Changes => Settled::LookUp,
        Walk::Whole | Walk::Blind => {
            let mut link = by_rule(ours, index, at);
            if link.state == LinkState::Unlinked {
                link.candidates = suggestions(ours, index);
            }
            anew(ours.link, link)
        }
    }
}

/// Whether there is anything to write: a link that was never looked for is written for its time alone.
fn anew(before: &Link, after: Link) -> Settled {
    if before.at.is_some() && told(before) == told(&after) { Settled::Same } else { Settled::Anew(after) }
}

/// All of a link but its time.
const fn told(link: &Link) -> (LinkState, &Option<String>, &Option<String>, Option<How>, &Vec<Candidate>) {
    (link.state, &link.psa_id, &link.psa_name, link.how, &link.candidates)
}

#[cfg(test)]
mod tests {
    use super::*;

    const THEN: Time = Time(1);
    const NOW: Time = Time(2);

    fn row(id: &str, customer: &str, name: &str) -> Theirs {
        Theirs {
            psa_id: id.to_owned(),
            psa_name: name.to_owned(),
            keys: vec![name.to_owned()],
            customer: Some(customer.to_owned()),
            inactive: false,
        }
    }

    fn linked(id: &str, name: &str, how: How) -> Link {
        Link {
            state: LinkState::Linked,
            psa_id: Some(id.to_owned()),
            psa_name: Some(name.to_owned()),
            how: Some(how),
            at: Some(THEN),
            candidates: Vec::new(),
        }
    }

    fn missing(id: &str, name: &str) -> Link {
        Link { state: LinkState::Missing, ..linked(id, name, How::Auto) }
    }

    fn ours<'a>(key: &'a str, link: &'a Link) -> Ours<'a> {
        Ours { key, also: None, inside: Inside::Customer("201"), link }
    }

    fn after(key: &str, link: &Link, index: &Index, walk: Walk) -> Option<Link> {
        match settle(&ours(key, link), index, walk, NOW) {
            Settled::Anew(link) => Some(link),
            Settled::Same => None,
            Settled::LookUp => panic!("a look is not what was expected"),
        }
    }

    fn index() -> Index {
        [
            row("1", "201", "PC-1 new name"),
            row("2", "201", "PC-2"),
            row("3", "202", "PC-3"),
            Theirs { inactive: true, ..row("4", "201", "PC-4") },
            row("5", "201", "PC-5"),
            row("6", "201", "pc-5"),
        ]
        .into_iter()
        .collect()
    }

    #[test]
    fn a_free_record_is_linked_suggested_or_left_to_a_person() {
        let untried = Link::default();
        let link = after("pc-2", &untried, &index(), Walk::Whole).unwrap();
        assert_eq!((link.state, link.psa_id.as_deref(), link.at), (LinkState::Linked, Some("2"), Some(NOW)));
        assert_eq!(after("Pc-5", &untried, &index(), Walk::Whole).unwrap().state, LinkState::Ambiguous);
        let link = after("PC 2", &untried, &index(), Walk::Whole).unwrap();
        assert_eq!((link.state, link.candidates.len()), (LinkState::Unlinked, 1));
        assert_eq!(after("PC 2", &link, &index(), Walk::Whole), None, "it was said already");
        assert_eq!(after("PC-4", &untried, &index(), Walk::Whole).unwrap().psa_id, None, "out of use");
    }

    #[test]
    fn a_record_of_an_unlinked_company_waits_for_its_company() {
        let link = Link::default();
        let waiting = Ours { inside: Inside::Nowhere, ..ours("PC-2", &link) };
        assert_eq!(settle(&waiting, &index(), Walk::Whole, NOW), Settled::Same);
    }

    #[test]
    fn a_cut_link_stays_cut_and_a_missing_one_is_tied_to_nothing_else() {
        let cut = Link::cut_by_hand(THEN);
        assert_eq!(after("PC-2", &cut, &index(), Walk::Whole), None);
        let link = after("PC-2", &missing("99", "PC-2"), &index(), Walk::Whole).unwrap();
        assert_eq!((link.state, link.psa_id.as_deref()), (LinkState::Missing, Some("99")));
        assert_eq!(link.candidates[0].psa_id, "2");
        assert_eq!(link.at, Some(THEN), "it has been missing since then");
    }

    #[test]
    fn a_rename_is_followed_by_id() {
        for how in [How::Auto, How::Manual] {
            let link = after("PC-1", &linked("1", "PC-1", how), &index(), Walk::Changes).unwrap();
            assert_eq!((link.state, link.how), (LinkState::Linked, Some(how)));
            assert_eq!((link.psa_name.as_deref(), link.at), (Some("PC-1 new name"), Some(THEN)));
            assert_eq!(after("PC-1", &link, &index(), Walk::Whole), None);
        }
    }

    #[test]
    fn what_is_gone_or_out_of_use_is_missing_with_what_is_closest() {
        let link = after("PC-2", &linked("77", "PC-2", How::Manual), &index(), Walk::Whole).unwrap();
        assert_eq!((link.state, link.psa_id.as_deref(), link.how), (LinkState::Missing, Some("77"), Some(How::Manual)));
        assert_eq!((link.candidates[0].psa_id.as_str(), link.at), ("2", Some(NOW)));
        for walk in [Walk::Whole, Walk::Blind, Walk::Changes] {
            let link = after("PC-4", &linked("4", "PC-4", How::Auto), &index(), walk).unwrap();
            assert_eq!(link.state, LinkState::Missing, "{walk:?} was shown that it is out of use");
        }
    }

    #[test]
    fn absence_counts_in_a_whole_walk_alone() {
        for walk in [Walk::Blind, Walk::Changes] {
            assert_eq!(after("PC-9", &linked("77", "PC-9", How::Auto), &index(), walk), None);
            assert_eq!(after("PC-9", &missing("77", "PC-9"), &index(), walk), None);
        }
    }

    #[test]
    fn what_comes_back_is_linked_again_at_once() {
        for walk in [Walk::Whole, Walk::Blind, Walk::Changes] {
            let link = after("PC-2", &missing("2", "PC-2"), &index(), walk).unwrap();
            assert_eq!((link.state, link.at, link.candidates.len()), (LinkState::Linked, Some(NOW), 0));
        }
    }

    #[test]
    fn a_record_in_another_customer_is_tied_anew_by_the_rule_or_missing_and_a_persons_choice_stays() {
        let link = after("PC-2", &linked("3", "PC-3", How::Auto), &index(), Walk::Whole).unwrap();
        assert_eq!((link.state, link.psa_id.as_deref()), (LinkState::Linked, Some("2")));
        let link = after("PC-3", &linked("3", "PC-3", How::Auto), &index(), Walk::Whole).unwrap();
        assert_eq!((link.state, link.psa_id.as_deref()), (LinkState::Missing, Some("3")));
        assert_eq!(after("PC-3", &linked("3", "PC-3", How::Manual), &index(), Walk::Whole), None);
    }

    #[test]
    fn a_changed_record_of_that_name_is_a_reason_to_look_at_all() {
        let untried = Link::default();
        assert_eq!(settle(&ours("PC-2", &untried), &index(), Walk::Changes, NOW), Settled::LookUp);
        assert_eq!(settle(&ours("PC-7", &untried), &index(), Walk::Changes, NOW), Settled::Same);
        assert_eq!(settle(&ours("PC-2", &Link::cut_by_hand(THEN)), &index(), Walk::Changes, NOW), Settled::Same);
    }
}
