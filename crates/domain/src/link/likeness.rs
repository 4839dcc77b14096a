//! How alike two names are, for suggestions.
//!
//! Names are compared without case, marks and legal forms (Ltd, Inc). Each name meets its neighbours in two sorted
//! lists alone, by how names begin and by how they end, so that a suggestion costs the same among a hundred records and
//! among a hundred thousand. Numbers tell records apart: PC-014 is never suggested for PC-015.

use std::collections::{BTreeMap, BTreeSet};

use unicode_normalization::UnicodeNormalization as _;

use super::Theirs;

/// Suggestions for one record at the most.
const MOST: usize = 3;
/// Below it, two names have some letters in common and nothing more.
const FLOOR: f64 = 0.88;
/// A suggestion that differs in marks, case or legal form alone.
const ALL_BUT_THE_SAME: f64 = 0.99;
/// Neighbours looked at on either side, in each list.
const NEAR: usize = 16;

/// Words that say what kind of company it is, and nothing about which.
const LEGAL_FORMS: [&str; 33] = [
    "ab",
    "ag",
    "aps",
    "as",
    "bv",
    "co",
    "company",
    "corp",
    "corporation",
    "gmbh",
    "inc",
    "incorporated",
    "kft",
    "kg",
    "limited",
    "llc",
    "llp",
    "lp",
    "ltd",
    "mbh",
    "nv",
    "oy",
    "plc",
    "pte",
    "pty",
    "sa",
    "sarl",
    "sas",
    "sl",
    "spa",
    "srl",
    "sro",
    "ug",
];

/// A name as it is compared: words in lower case, legal forms at its end left out.
fn plain(name: &str) -> String {
    let lower = name.nfkc().collect::<String>().to_lowercase();
    // "S.A." and "G.m.b.H." are one word.
    let joined: String = lower.chars().filter(|c| !matches!(c, '.' | '\'' | '’')).collect();
    let mut words: Vec<&str> = joined.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    while words.len() > 1 && words.last().is_some_and(|word| LEGAL_FORMS.contains(word) || *word == "and") {
        words.pop();
    }
    words.join(" ")
}

fn digits(name: &str) -> impl Iterator<Item = char> {
    name.chars().filter(char::is_ascii_digit)
}

/// How alike two plain names are, from 0 to below 1.
fn score(one: &str, other: &str) -> f64 {
    if !digits(one).eq(digits(other)) {
        return 0.0;
    }
    let without = |name: &str| name.replace(' ', "");
    if without(one) == without(other) {
        return ALL_BUT_THE_SAME;
    }
    let score = strsim::jaro_winkler(one, other).min(ALL_BUT_THE_SAME - 0.01);
    // Two places, so that a score reads the same after it was written down.
    (score * 100.0).round() / 100.0
}

fn backwards(name: &str) -> String {
    name.chars().rev().collect()
}

/// The names of one customer's records, ready to be compared.
#[derive(Debug, Default)]
pub(super) struct Likeness {
    forwards: Vec<(String, usize)>,
    backwards: Vec<(String, usize)>,
}

impl Likeness {
    /// Of records with their places.
    pub(super) fn of<'r>(rows: impl Iterator<Item = (usize, &'r Theirs)>) -> Self {
        let mut names = BTreeSet::new();
        for (place, row) in rows {
            for name in row.keys.iter().chain([&row.psa_name]).map(|name| plain(name)).filter(|name| !name.is_empty()) {
                names.insert((name, place));
            }
        }
        let mut backwards: Vec<(String, usize)> = names.iter().map(|(name, place)| (backwards(name), *place)).collect();
        backwards.sort_unstable();
        Self { forwards: names.into_iter().collect(), backwards }
    }

    /// The places of the likest records with their scores, the likest first.
    pub(super) fn likest(&self, ours: &[&str]) -> Vec<(usize, f64)> {
        let mut best: BTreeMap<usize, f64> = BTreeMap::new();
        for name in ours.iter().map(|name| plain(name)).filter(|name| !name.is_empty()) {
            let turned = backwards(&name);
            let ahead = near(&self.forwards, &name).map(|(other, place)| (score(&name, other), *place));
            let behind = near(&self.backwards, &turned).map(|(other, place)| (score(&name, &backwards(other)), *place));
            for (score, place) in ahead.chain(behind).filter(|(score, _)| *score >= FLOOR) {
                let held = best.entry(place).or_default();
                *held = held.max(score);
            }
        }
        let mut likest: Vec<(usize, f64)> = best.into_iter().collect();
        likest.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        likest.truncate(MOST);
        likest
    }
}

/// What stands next to a name in a sorted list.
fn near<'l>(list: &'l [(String, usize)], name: &str) -> impl Iterator<Item = &'l (String, usize)> {
    let middle = list.partition_point(|(other, _)| other.as_str() < name);
    list.iter().skip(middle.saturating_sub(NEAR)).take(2 * NEAR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn legal_forms_and_marks_do_not_count() {
        for name in [
            "Sample Dental Group",
            "SAMPLE DENTAL GROUP LTD.",
            "Sample-Dental Group, Inc.",
            "Sample Dental Group G.m.b.H. & Co. KG",
        ] {
            assert_eq!(plain(name), "sample dental group", "{name}");
        }
        assert_eq!(plain("Ltd"), "ltd", "a name is never nothing");
        assert_eq!(plain("Ｄemo  Freight"), "demo freight");
    }

    #[test]
    fn scores_stay_below_one_and_unlike_names_below_the_floor() {
        for (one, other, suggested) in [
            ("sample dental group", "sample dental group", true),
            ("sample dental group", "sample dental", true),
            ("smaple dental", "sample dental", true),
            ("sample bakery", "sample dental group", false),
            ("demo freight lines", "specimen credit union", false),
            ("pc 014", "pc014", true),
            ("pc 014", "pc 015", false),
            ("area 51", "area", false),
        ] {
            let score = score(one, other);
            assert!(score < 1.0);
            assert_eq!(score >= FLOOR, suggested, "{one} / {other}: {score}");
        }
    }
}
