//! The floors of the workspace: which crate may use which, and where a library's types end.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand};

/// What each crate may import of ours. The optional edge of the server to the stand-in is its `demo` feature.
const FLOORS: &[(&str, &[&str])] = &[
    ("countersign-policy", &[]),
    ("countersign-domain", &["countersign-policy"]),
    ("countersign-wire", &["countersign-policy"]),
    ("countersign-egress", &[]),
    ("halopsa", &[]),
    ("countersign-psa", &["countersign-domain", "halopsa", "countersign-egress"]),
    ("countersign-notify", &["countersign-domain", "countersign-egress"]),
    ("countersign-store", &["countersign-domain"]),
    ("countersign-app", &["countersign-domain", "countersign-store", "countersign-psa", "countersign-notify"]),
    (
        "countersign",
        &[
            "countersign-app",
            "countersign-wire",
            "countersign-domain",
            "countersign-store",
            "countersign-psa",
            "countersign-egress",
            "halo-sim",
        ],
    ),
    ("countersign-agent", &["countersign-wire", "countersign-policy"]),
    ("halo-sim", &[]),
    ("countersign-e2e", &[]),
];

/// What tests may import beyond that. The stand-in's own tests never go through `halopsa`: it is a second witness.
const TEST_FLOORS: &[(&str, &[&str])] = &[
    ("halopsa", &["halo-sim"]),
    ("countersign-psa", &["halo-sim"]),
    ("countersign-app", &["halo-sim", "countersign-egress"]),
    ("countersign-store", &["countersign-policy"]),
];

/// Libraries that few crates may know.
const KEPT: &[(&str, &[&str])] = &[
    ("sqlx", &["countersign-store"]),
    ("reqwest", &["countersign-egress", "countersign-notify", "halopsa", "countersign-agent", "countersign"]),
    ("lettre", &["countersign-notify"]),
    ("axum", &["countersign", "halo-sim"]),
];

fn allowed(table: &[(&str, &[&str])], name: &str) -> BTreeSet<String> {
    table.iter().filter(|(of, _)| *of == name).flat_map(|(_, may)| may.iter().map(ToString::to_string)).collect()
}

#[test]
fn every_crate_stays_on_its_floor() {
    let metadata = MetadataCommand::new().no_deps().exec().expect("cargo tells the workspace");
    let ours: BTreeSet<String> = metadata.packages.iter().map(|package| package.name.to_string()).collect();
    let listed: BTreeSet<String> = FLOORS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(ours, listed, "a crate is missing in the table of floors, or is gone");
    let mut wrong = Vec::new();
    for package in &metadata.packages {
        let (may, tests_may) = (allowed(FLOORS, &package.name), allowed(TEST_FLOORS, &package.name));
        let mut seen: BTreeMap<bool, BTreeSet<String>> = BTreeMap::new();
        for dependency in &package.dependencies {
            let test = dependency.kind == DependencyKind::Development;
            if ours.contains(&dependency.name) {
                seen.entry(test).or_default().insert(dependency.name.clone());
            }
            for (library, users) in KEPT {
                if dependency.name == *library && !test && !users.contains(&package.name.as_str()) {
                    wrong.push(format!("{} uses {library}, which only {} may", package.name, users.join(", ")));
                }
            }
        }
        for used in seen.remove(&false).unwrap_or_default() {
            if !may.contains(&used) {
                wrong.push(format!("{} imports {used}, which stands on no lower floor of it", package.name));
            }
        }
        for used in seen.remove(&true).unwrap_or_default() {
            if !may.contains(&used) && !tests_may.contains(&used) {
                wrong.push(format!("the tests of {} import {used}, which they may not", package.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_server_knows_the_stand_in_in_demo_and_load_alone() {
    let root = MetadataCommand::new().no_deps().exec().expect("cargo tells the workspace").workspace_root;
    let server = root.join("crates/server/src");
    let mut folders = vec![server.clone().into_std_path_buf()];
    let mut wrong = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("the sources are there") {
            let path = entry.expect("the sources can be read").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            // Tests may know it: development edges stand apart.
            if path.file_name().is_some_and(|name| name == "tests.rs") {
                continue;
            }
            let may = |folder| path.strip_prefix(&server).is_ok_and(|path| path.starts_with(folder));
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            if code.contains("halo_sim") && !may("demo") && !may("load") {
                wrong.push(path.display().to_string());
            }
        }
    }
    assert!(wrong.is_empty(), "these know the stand-in: {}", wrong.join(", "));
}

/// Licences that dependencies may have.
const LICENCES: &[&str] = &[
    "MIT",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MPL-2.0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
    "0BSD",
    "CC0-1.0",
];

#[test]
fn every_dependency_may_be_shipped() {
    let metadata = MetadataCommand::new().exec().expect("cargo tells the packages");
    let mut wrong = Vec::new();
    for package in &metadata.packages {
        if ["openssl-sys", "aws-lc-sys", "native-tls"].contains(&package.name.as_str()) {
            wrong.push(format!("{}: there is one TLS stack, rustls with ring", package.name));
        }
        let licence = package.license.clone().unwrap_or_default().replace('/', " OR ");
        // "A AND (B OR C)": each part that is joined by AND needs one alternative that is allowed.
        let fine = !licence.is_empty()
            && licence
                .split(" AND ")
                .all(|part| part.split(" OR ").any(|one| LICENCES.contains(&one.trim_matches(['(', ')', ' ']))));
        if !fine && package.license_file.is_none() {
            wrong.push(format!("{} {}: licence {licence:?}", package.name, package.version));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
