//! Every page, rendered from the samples and held to the rules that no browser is needed for.
//!
//! With `COUNTERSIGN_GALLERY` set to a folder the pages are also written there, to look at.

use std::collections::BTreeSet;

use askama::Template;

use super::frame::Tone;
use super::problem::Problem;
use super::samples;
use super::sign_in::Link;

fn pages() -> Vec<(&'static str, String)> {
    let page = |name, view: &dyn Fn() -> askama::Result<String>| (name, view().expect("the page renders"));
    vec![
        page("approvals", &|| samples::approvals::approvals().render()),
        page("approvals-asking", &|| samples::approvals::approvals_asking().render()),
        page("approvals-high", &|| samples::approvals::approvals_high().render()),
        page("approvals-decided", &|| samples::approvals::approvals_decided().render()),
        page("approvals-empty", &|| samples::approvals::approvals_empty().render()),
        page("first-run", &|| samples::approvals::first_run().render()),
        page("request", &|| samples::request::request().render()),
        page("request-waiting", &|| samples::request::request_waiting().render()),
        page("requests", &|| samples::request::requests().render()),
        page("requests-none", &|| samples::request::requests_none().render()),
        page("companies", &|| samples::directory::companies().render()),
        page("computers", &|| samples::directory::computers().render()),
        page("company", &|| samples::directory::company().render()),
        page("user", &|| samples::directory::user().render()),
        page("contact", &|| samples::directory::contact().render()),
        page("import", &|| samples::directory::import().render()),
        page("ticketing", &|| samples::ticketing::ticketing().render()),
        page("ticketing-new", &|| samples::ticketing::ticketing_new().render()),
        page("tickets", &|| samples::ticket_settings::house().render()),
        page("tickets-company", &|| samples::ticket_settings::company().render()),
        page("steps", &|| samples::steps::steps().render()),
        page("steps-none", &|| samples::steps::steps_none().render()),
        page("alerts", &|| samples::alerts::alerts().render()),
        page("sign-in", &|| {
            samples::sign_in(Link::Given { secret: "sample".into(), name: "Maria Ruiz".into() }).render()
        }),
        page("sign-in-refused", &|| samples::sign_in(Link::Refused).render()),
        page("sign-in-none", &|| samples::sign_in(Link::None).render()),
        page("not-found", &|| samples::problem(Problem::NotFound).render()),
        page("forbidden", &|| samples::problem(Problem::Forbidden).render()),
        page("internal", &|| samples::problem(Problem::Internal).render()),
    ]
}

/// Ids that more than one element has: a label would belong to the first of them.
pub(in crate::portal) fn twice(html: &str) -> Vec<&str> {
    let mut seen = BTreeSet::new();
    let ids = html.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next());
    ids.filter(|id| !seen.insert(*id)).collect()
}

#[test]
fn pages_keep_to_the_content_security_policy_and_to_one_heading() {
    let folder = std::env::var_os("COUNTERSIGN_GALLERY").map(std::path::PathBuf::from);
    for (name, html) in pages() {
        assert!(!html.contains(" style="), "{name}: a style attribute");
        assert!(!html.contains(" onclick=") && !html.contains("hx-on"), "{name}: an inline handler");
        assert!(!html.contains("<script>") && !html.contains("<style"), "{name}: an inline script or style");
        assert!(!html.contains("src=\"http") && !html.contains("href=\"//"), "{name}: something from elsewhere");
        assert_eq!(html.matches("<h1").count(), 1, "{name}: headings of the first level");
        assert_eq!(html.matches("<main").count(), 1, "{name}: main");
        assert_eq!(twice(&html), Vec::<&str>::new(), "{name}: ids that stand twice");
        if let Some(folder) = &folder {
            std::fs::write(folder.join(format!("{name}.html")), html).expect("the folder is there");
        }
    }
}

#[test]
fn endpoint_text_is_escaped() {
    let mut page = samples::approvals::approvals();
    let hostile = "<img src=x onerror=alert(1)>\"'";
    for row in &mut page.queue.rows {
        row.program = hostile.into();
        row.account = hostile.into();
        row.why = Some(hostile.into());
    }
    let html = page.render().expect("the page renders");
    assert!(!html.contains("<img"), "an element came through");
    assert!(!html.contains("x onerror=alert(1)>\""), "a quote came through");
}

/// Page and API show one list; each of its variables is explained.
#[test]
fn every_variable_of_the_ticket_texts_is_explained() {
    for variable in countersign_domain::variables::VARIABLES {
        assert_ne!(crate::portal::meaning(variable), format!("variable-{}", variable.name));
    }
}

fn files_below(folder: &str, ending: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("the folder is there") {
            let path = entry.expect("the entry can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == ending) {
                let text = std::fs::read_to_string(&path).expect("the file can be read");
                found.push((path.display().to_string(), text));
            }
        }
    }
    found
}

#[test]
fn every_text_key_that_is_asked_for_exists() {
    let known: BTreeSet<String> = files_below("locales/en-US", "ftl")
        .into_iter()
        .flat_map(|(_, text)| text.lines().map(str::to_owned).collect::<Vec<_>>())
        .filter(|line| line.starts_with(|first: char| first.is_ascii_lowercase()))
        .filter_map(|line| line.split_once(" =").map(|(key, _)| key.to_owned()))
        .collect();
    let mut files = files_below("templates", "html");
    files.extend(files_below("src/portal", "rs"));
    let mut unknown = BTreeSet::new();
    for (file, text) in files {
        for call in [".t(\"", ".count(\"", ".arg(\"", ".arg2(\"", ".count_arg(\""] {
            for after in text.split(call).skip(1) {
                let key = after.split('"').next().unwrap_or_default();
                if !known.contains(key) && key != "key" {
                    unknown.insert(format!("{file}: {key}"));
                }
            }
        }
        for after in text.split("kind.key(\"").skip(1) {
            let rest = after.split('"').next().unwrap_or_default();
            // Computers and contacts come by themselves; their lists are not read in.
            let all = ["companies", "locations", "users", "computers", "contacts"];
            for kind in if rest.starts_with("import") { &all[..3] } else { &all[..] } {
                if !known.contains(&format!("{kind}-{rest}")) {
                    unknown.insert(format!("{file}: {kind}-{rest}"));
                }
            }
        }
    }
    assert!(unknown.is_empty(), "no text for {unknown:#?}");
}

#[test]
fn the_theme_sheet_stays_small_and_its_files_exist() {
    let css = crate::portal::assets::Files::get("countersign.css").expect("the sheet is there");
    assert!(css.data.len() < 40 * 1024, "{} bytes", css.data.len());
    let setup = crate::portal::assets::Files::get("setup.css").expect("the set-up's sheet is there");
    assert!(setup.data.len() < 10 * 1024, "{} bytes", setup.data.len());
    let text = String::from_utf8(css.data.to_vec()).expect("the sheet is text");
    for after in text.split("url(").skip(1) {
        let name = after.split(')').next().unwrap_or_default();
        assert!(crate::portal::assets::Files::get(name).is_some(), "{name} is missing");
    }
}

#[test]
fn a_check_that_reads_does_not_deny_what_was_refused_in_use() {
    let mut check = samples::ticketing::ticketing().check.expect("the sample has one");
    check.told.lines.retain(|line| !matches!(line.tone, Tone::Bad | Tone::Warn));
    let shown = check.render().expect("it renders");
    assert!(shown.contains("Everything that can be seen without writing is there"), "{shown}");
    check.told.trouble = Some("HaloPSA does not allow a new ticket".to_owned());
    let shown = check.render().expect("it renders");
    assert!(shown.contains("does not allow a new ticket") && !shown.contains("Everything"), "{shown}");
    check.told.trouble = None;
    check.told.lines.retain(|line| line.tone != Tone::Quiet);
    assert!(check.render().expect("it renders").contains("Everything that is needed is there"));
}
