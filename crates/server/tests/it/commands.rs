//! Commands of one breath.

use crate::program::Place;

#[test]
fn the_first_administrator_gets_a_link_that_works_once() {
    let place = Place::new();
    let create = ["admin", "create", "--email", "sam@example.com", "--name", "Sam Okoro"];
    let made = place.command(&create).args(["--public-url", "https://desk.example.com/"]).output().unwrap();
    let out = String::from_utf8(made.stdout).unwrap();
    let secret = out.trim().strip_prefix("https://desk.example.com/sign-in/").expect("a link alone on its line");
    assert_eq!(secret.len(), 43);

    // The way back in: the same administrator gets another link, with another secret.
    let again = place.run(&create).well();
    assert!(again.contains("/sign-in/") && !again.contains(secret), "{again}");

    let token =
        place.run(&["token", "create", "--technician", "sam@example.com", "--name", "script", "--decide"]).well();
    let server = place.serve(&[]);
    let me = server.call("GET", "/api/v1/me", &[&format!("authorization: Bearer {}", token.trim())], b"");
    assert_eq!((me.status, me.json()["name"].clone()), (200, "Sam Okoro".into()), "{}", me.text());

    let meanwhile = place.run(&["admin", "create", "--email", "maria@example.com", "--name", "Maria Ruiz"]);
    assert_eq!(meanwhile.code, 1);
    assert!(meanwhile.err.contains("stop it, run this again and start it, or make the administrator in the portal"));
    assert_eq!(server.end().code, 0);
    assert!(place.run(&["audit", "verify"]).well().contains("Nothing was edited, removed or reordered."));
}

#[test]
fn the_document_describes_both_apis() {
    let place = Place::new();
    let document: serde_json::Value = serde_json::from_str(&place.run(&["openapi"]).well()).unwrap();
    assert_eq!(document["info"]["title"], "Countersign");
    assert_eq!(document["info"]["license"]["identifier"], "Apache-2.0");
    assert!(document["paths"]["/agent/v1/requests/{id}"]["put"].is_object());
    assert!(document["paths"]["/api/v1/me"]["get"].is_object());
    assert!(document["components"]["securitySchemes"]["technician"].is_object());
    assert!(!place.data().exists());
}

#[test]
fn help_tells_every_option() {
    let place = Place::new();
    let help = place.run(&["serve", "--help"]).well();
    for option in
        ["--listen", "--database", "--data-dir", "--public-url", "--tls-cert", "--trusted-proxies", "--no-worker"]
    {
        assert!(help.contains(option), "{option}");
    }
}
