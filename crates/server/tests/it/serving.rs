//! What every answer of a running server carries, and what it refuses.

use crate::program::Place;

#[test]
fn every_answer_is_guarded_and_every_failure_of_the_apis_is_a_problem() {
    let place = Place::new();
    let server = place.serve(&[]);
    for (path, status) in
        [("/healthz", 200), ("/readyz", 200), ("/api/v1/me", 401), ("/nowhere", 404), ("/sign-in", 200)]
    {
        let answer = server.get(path);
        assert_eq!(answer.status, status, "{path}");
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'self';") && !policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("x-frame-options"), Some("DENY"), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        assert!(answer.header("referrer-policy").is_some() && answer.header("cross-origin-opener-policy").is_some());
        assert_eq!(answer.header("strict-transport-security"), None, "plain http on loopback");
    }
    let table: [(&str, &str, &[u8], u16, &str); 6] = [
        ("GET", "/api/v1/nothing", b"", 404, "no_such_route"),
        ("GET", "/api", b"", 404, "no_such_route"),
        ("GET", "/agent/v1/nothing", b"", 404, "no_such_route"),
        ("PATCH", "/api/v1/me", b"", 405, "method_not_allowed"),
        ("GET", "/api/v1/requests", b"", 401, "unauthenticated"),
        ("POST", "/agent/v1/enroll", &vec![b' '; 256 * 1024 + 1], 413, "too_large"),
    ];
    for (method, path, body, status, code) in table {
        let answer = server.call(method, path, &[], body);
        assert_eq!((answer.status, answer.problem().as_str()), (status, code), "{method} {path}");
    }
    let fits = server.call("POST", "/agent/v1/enroll", &[], &vec![b' '; 256 * 1024]);
    assert_ne!(fits.status, 413);
    // Lists that are read in may be larger than all other bodies.
    let list = "/api/v1/companies/import-csv";
    assert_eq!(server.call("POST", list, &[], &vec![b' '; 4 * 1024 * 1024]).problem(), "unauthenticated");
    let larger = server.call("POST", list, &[], &vec![b' '; 4 * 1024 * 1024 + 1]);
    assert_eq!((larger.status, larger.problem().as_str()), (413, "too_large"));
    assert!(larger.text().contains("4096 KiB"), "{}", larger.text());
    let form = server.call("POST", "/portal/companies/import", &[], &vec![b' '; 12 * 1024 * 1024 + 64 * 1024 + 1]);
    assert!(form.status == 413 && form.text().contains("12352 KiB"), "{}", form.status);
    assert_eq!(server.call("POST", "/portal/companies/add", &[], &vec![b' '; 256 * 1024 + 1]).status, 413);

    let ended = server.end();
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(ended.err.contains("Nobody can sign in yet"), "{}", ended.err);
}

#[test]
fn the_document_and_the_page_to_try_it_are_served() {
    let place = Place::new();
    let server = place.serve(&[]);
    let document = server.get("/api/openapi.json").json();
    assert!(document["paths"]["/api/v1/me"].is_object());
    let page = server.get("/api/docs/");
    assert_eq!(page.status, 200);
    assert!(page.header("content-security-policy").unwrap().contains("style-src 'self' 'unsafe-inline'"));
    assert!(!page.header("content-security-policy").unwrap().contains("script-src"), "scripts come from here alone");
    assert!(page.text().contains("src=\"./"), "as whoever takes no gzip is answered");
    for script in page.text().split("src=\"./").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert_eq!(server.get(&format!("/api/docs/{script}")).status, 200, "{script}");
    }
    let packed = server.call("GET", "/api/openapi.json", &["accept-encoding: gzip"], b"");
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
}

#[test]
fn the_metrics_name_routes_and_never_what_is_secret() {
    let place = Place::new();
    let server = place.serve(&["--log-level", "debug"]);
    server.get("/sign-in/a-secret-of-a-link?next=a-secret-of-a-query");
    let metrics = server.get("/metrics");
    for name in ["countersign_requests_pending 0", "countersign_steps_attention 0", "process_resident_memory_bytes"] {
        assert!(metrics.text().contains(name), "{name}");
    }
    assert!(metrics.text().contains("route=\"/sign-in/{secret}\""));
    let log = server.end().err;
    assert!(log.contains("/sign-in/{secret}") && !log.contains("a-secret"), "{log}");
}

#[test]
fn wrong_credentials_end_in_a_pause_that_spares_right_ones() {
    let place = Place::new();
    place.run(&["admin", "create", "--email", "sam@example.com", "--name", "Sam Okoro"]).well();
    let token = place.run(&["token", "create", "--technician", "sam@example.com", "--name", "script"]).well();
    let server = place.serve(&[]);
    let me = |token: &str| server.call("GET", "/api/v1/me", &[&format!("authorization: Bearer {token}")], b"");
    let last = (0..200).map(|_| me("wrong")).find(|answer| answer.status != 401).expect("a pause");
    assert_eq!((last.status, last.problem().as_str()), (429, "too_many_tries"));
    assert!(last.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
    assert_eq!(me(token.trim()).status, 200);
    assert_eq!(server.get("/api/v1/me").status, 401, "who claims nothing tries nothing");
}

#[test]
fn a_port_in_use_is_told_before_anything_is_made() {
    let place = Place::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = place.run(&["serve", "--listen", &address]);
    assert_eq!(said.code, 1);
    let sentence = format!(
        "error: Another program listens on {address} already. Stop it, or choose another address with --listen."
    );
    assert!(said.err.contains(&sentence), "{}", said.err);
    assert!(!place.data().exists());
}

#[test]
fn a_database_has_one_server() {
    let place = Place::new();
    let first = place.serve(&[]);
    let second = place.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(second.code, 1);
    assert!(second.err.contains("another Countersign process has it open"), "{}", second.err);
    let backup = place.data().join("taken.backup");
    let backup = backup.to_str().unwrap();
    assert_eq!(place.run(&["backup", backup]).code, 0);
    let restore = place.run(&["restore", backup]);
    let database = place.data().join("countersign.db");
    let sentence = format!("{backup} is not restored: a running server has {} open. Stop it first", database.display());
    assert!(restore.err.contains(&sentence), "{}", restore.err);
    assert_eq!(restore.err.matches("open").count(), 1, "once is enough: {}", restore.err);
    assert_eq!(first.get("/readyz").status, 200);
}

#[test]
fn behind_a_proxy_the_cookies_and_the_headers_are_those_of_https() {
    let place = Place::new();
    let server = place.serve(&["--public-url", "https://desk.example.com", "--trusted-proxies", "127.0.0.1"]);
    assert_eq!(server.get("/healthz").header("strict-transport-security"), Some("max-age=31536000"));
}
