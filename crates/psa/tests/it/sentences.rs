//! Every fault of an address, a secret or a HaloPSA is told as a person can use it: what happened, to which thing, and
//! what to do now. The first table holds what the calls of a step and the discovery of addresses say, word for word; the
//! second, what the live check shows for the same faults.

use std::sync::Arc;
use std::time::Duration;

use countersign_domain::link::Kind;
use countersign_psa::halo::HaloConnect;
use countersign_psa::{CheckStatus, Connect, Connection, Fault, Psa};
use serde_json::{Value, json};

use crate::desk::{Desk, Spent, check, connection, egress, new_action, new_ticket};
use crate::stub::{Stub, closed_port};

/// A connection to addresses that are allowed, with a short patience.
fn connect(connection: &Connection) -> Arc<dyn Psa> {
    let connect = HaloConnect::new(egress(&["127.0.0.1", "halo.invalid"])).deadline(Duration::from_millis(400));
    connect.connect(connection, Arc::new(Spent::default())).unwrap()
}

fn at(root: &str) -> Connection {
    Connection {
        resource_url: format!("{root}/api"),
        auth_url: format!("{root}/auth"),
        tenant: Some("sample".into()),
        client_id: "sample-id".into(),
        client_secret: "sample-secret".into(),
        ticket_url: None,
    }
}

/// The sentence with the port that the machine happened to give taken out.
fn sentence(fault: &Fault) -> String {
    let text = fault.to_string();
    let mut parts = text.split("127.0.0.1:");
    let mut clean = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
        clean.push_str(if rest == part { "127.0.0.1:" } else { "127.0.0.1:PORT" });
        clean.push_str(rest);
    }
    clean
}

/// What a step that opens a ticket says.
async fn opening(psa: &dyn Psa) -> String {
    sentence(&psa.open_ticket(&new_ticket(1)).await.expect_err("no ticket"))
}

/// No line of a check and no sentence may be what a library says to a programmer.
fn is_for_people(text: &str) {
    assert!(text.len() > 20, "{text:?}");
    for bare in ["error sending request", "client error", "os error 111)", "hyper", "reqwest"] {
        assert!(!text.contains(bare), "{bare} in {text:?}");
    }
}

/// The check fails in `line`, shows `words` there, and says what to change.
async fn check_tells(psa: &dyn Psa, line: &str, words: &str) {
    let checks = check(psa).await;
    let found = checks.iter().find(|check| check.id == line).unwrap_or_else(|| panic!("no line {line}: {checks:?}"));
    assert_eq!(found.status, CheckStatus::Fail, "{found:?}");
    assert!(found.seen.contains(words), "{words:?} in {found:?}");
    assert!(found.fix.as_ref().is_some_and(|fix| fix.len() > 10), "{found:?}");
    is_for_people(&found.seen);
}

#[tokio::test]
async fn an_address_that_does_not_answer_is_told_by_what_is_wrong_with_it() {
    let (tls, plain) = (Stub::tls(), Stub::http(|_, _| (200, "", "{}".into())));
    let place = "under Settings, Ticketing System";
    for (root, line_words, told) in [
        (
            format!("https://halo.invalid:{}", 4443),
            "no host halo.invalid",
            format!(
                "There is no host halo.invalid:4443, as far as this server can tell (failed to lookup address \
                 information: Name or service not known). Check the spelling of the address {place}, and the name \
                 server of this machine."
            ),
        ),
        (
            format!("http://127.0.0.1:{}", closed_port()),
            "refused",
            format!(
                "Nobody answers at 127.0.0.1:PORT: the connection is refused. Check host and port of the address \
                 {place}, and that HaloPSA runs there."
            ),
        ),
        (
            format!("https://127.0.0.1:{}", tls.port),
            "certificate of 127.0.0.1",
            "The certificate of 127.0.0.1:PORT is not trusted (invalid peer certificate: UnknownIssuer). Use the host \
             name that the certificate is made out for; if it comes from an authority of your own, add that to the \
             trusted certificates of this machine and start Countersign again."
                .to_owned(),
        ),
        (
            format!("https://127.0.0.1:{}", plain.port),
            "does not speak https",
            format!(
                "What answers at 127.0.0.1:PORT does not speak https (received corrupt message of type \
                 InvalidContentType). Check host and port of the address {place}."
            ),
        ),
    ] {
        let psa = connect(&at(&root));
        // A host that does not resolve, does so in a machine's own words.
        let said = opening(&*psa).await.replace("Temporary failure in name resolution", "Name or service not known");
        assert_eq!(said, told);
        is_for_people(&said);
        check_tells(&*psa, "reach", line_words).await;
        let connect = HaloConnect::new(egress(&["127.0.0.1", "halo.invalid"]));
        let said = connect.discover(&root).await.expect_err("nothing there").to_string();
        assert!(said.contains(line_words) && said.ends_with('.'), "{said}");
    }
}

#[tokio::test]
async fn a_wrong_secret_tenant_or_permission_is_told_with_where_the_right_one_stands() {
    let desk = Desk::open().await;
    let secret = Connection { client_secret: "not it".into(), ..connection(&desk.sim) };
    let tenant = Connection { tenant: Some("elsewhere".into()), ..connection(&desk.sim) };
    for (wrong, switches, told) in [
        (
            &secret,
            json!({}),
            "HaloPSA does not know our application by this id and secret: The specified client credentials are invalid. \
             Copy client id and secret anew from the application's Details tab in HaloPSA and enter them under Settings, \
             Ticketing System; a secret is shown only once.",
        ),
        (
            &tenant,
            json!({"wrong_tenant": "error"}),
            "HaloPSA refuses the sign-in: The specified tenant is not valid. Check tenant, client id and secret under \
             Settings, Ticketing System: they are on HaloPSA's page \"HaloPSA API\".",
        ),
        (
            &tenant,
            json!({"wrong_tenant": "html"}),
            "The authorisation server 127.0.0.1:PORT gave no token: a web page titled \"Tenant not found\". Copy \
             authorisation server and tenant from HaloPSA's page \"HaloPSA API\" and enter them under Settings, Ticketing \
             System.",
        ),
        (
            &connection(&desk.sim),
            json!({"application_login": "agent", "ungranted_scope": "error"}),
            "HaloPSA refuses a permission that we ask for: This client application is not allowed to use the specified \
             scope. Select read:tickets, edit:tickets, read:customers and read:assets on the application's Permissions tab \
             in HaloPSA.",
        ),
    ] {
        if switches["ungranted_scope"] == "error" {
            let few = Some(vec!["edit:tickets".to_owned()]);
            let desk = Desk::with(halo_sim::Config { application_scopes: few, ..halo_sim::Config::default() }).await;
            desk.control("PATCH", "/switches", switches).await;
            let psa = connect(&connection(&desk.sim));
            assert_eq!(opening(&*psa).await, told);
            check_tells(&*psa, "scopes", "missing: read:tickets, read:customers, read:assets").await;
            continue;
        }
        desk.control("PATCH", "/switches", switches).await;
        let psa = connect(wrong);
        assert_eq!(opening(&*psa).await, told);
        let (_, words) = told.split_once(": ").unwrap();
        check_tells(&*psa, "sign_in", words.split('.').next().unwrap()).await;
    }
}

#[tokio::test]
async fn a_web_page_in_place_of_data_is_told_by_its_title_wherever_it_comes() {
    let desk = Desk::open().await;
    let page = "a web page titled \"Maintenance\"";
    let resource = "If HaloPSA works in a browser, check the resource server under Settings, Ticketing System: it is on \
                    HaloPSA's page \"HaloPSA API\" and ends with /api.";
    let auth = "Copy authorisation server and tenant from HaloPSA's page \"HaloPSA API\" and enter them under Settings, \
                Ticketing System.";
    for (path, line, told) in [
        ("/auth/token", "sign_in", format!("The authorisation server 127.0.0.1:PORT gave no token: {page}. {auth}")),
        (
            "/Tickets",
            "tickets",
            format!("HaloPSA's answer to the ticket is not what was asked for: {page}. {resource}"),
        ),
    ] {
        desk.control("POST", "/faults", json!({"path": path, "kind": "garbage", "form": "html"})).await;
        let psa = connect(&connection(&desk.sim));
        assert_eq!(opening(&*psa).await, told, "{path}");
        let checks = check(&*psa).await;
        let shown = checks.iter().find(|check| check.id == line).unwrap();
        assert_ne!(shown.status, CheckStatus::Ok, "{shown:?}");
        assert!(shown.seen.contains(page) && shown.fix.is_some(), "{shown:?}");
        desk.control("DELETE", "/faults", json!({})).await;
    }
    desk.control("POST", "/faults", json!({"path": "/authinfo", "kind": "garbage", "form": "html"})).await;
    let found = HaloConnect::new(egress(&["127.0.0.1"])).discover(&desk.sim.url()).await.expect_err("a page");
    assert_eq!(
        sentence(&found),
        format!(
            "HaloPSA's answer to the question for its authorisation server is not what was asked for: {page}. {resource}"
        )
    );
    check_tells(&*connect(&connection(&desk.sim)), "reach", page).await;
    desk.control("DELETE", "/faults", json!({})).await;

    desk.control("POST", "/faults", json!({"path": "/Client", "kind": "garbage", "form": "html"})).await;
    let fault = desk.psa.look_up(Kind::Company, None, "Sample Bakery").await.expect_err("a page");
    assert_eq!(
        sentence(&fault),
        format!("HaloPSA's answer to the list of customers is not what was asked for: {page}. {resource}")
    );
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_told_with_its_target() {
    let stub = Stub::http(|_, path| match path.split('?').next() {
        Some("/auth/token") => (200, "", json!({"access_token": "t", "expires_in": 3600}).to_string()),
        _ => (302, "location: https://elsewhere.example.com/login\r\n", String::new()),
    });
    let psa = connect(&at(&format!("http://127.0.0.1:{}", stub.port)));
    assert_eq!(
        opening(&*psa).await,
        "127.0.0.1:PORT answered the ticket with a redirect: redirected to https://elsewhere.example.com/login, which is \
         not followed. If HaloPSA works in a browser, check the resource server under Settings, Ticketing System: it is \
         on HaloPSA's page \"HaloPSA API\" and ends with /api."
    );
    check_tells(&*psa, "reach", "https://elsewhere.example.com/login").await;
}

#[tokio::test]
async fn a_slow_or_failing_halo_is_told_with_what_it_was_slow_or_failing_at() {
    let slow = "If this goes on, look whether HaloPSA is slow for people too, and at the network between.";
    let theirs = "This is on HaloPSA's side; if it goes on, look at its status page or ask its support.";
    for (path, fault, told) in [
        (
            "/Tickets",
            json!({"kind": "delay", "ms": 5000}),
            format!("HaloPSA was too slow with the ticket: no answer within 400ms. {slow}"),
        ),
        (
            "/auth/token",
            json!({"kind": "delay", "ms": 5000}),
            format!("HaloPSA could not sign us in: no answer within 400ms. {theirs}"),
        ),
        (
            "/Tickets",
            json!({"kind": "status", "code": 503}),
            format!("HaloPSA failed at the ticket: a web page titled \"Service Unavailable\". {theirs}"),
        ),
        (
            "/Tickets",
            json!({"kind": "status", "code": 500, "body": ""}),
            format!("HaloPSA failed at the ticket (HTTP 500). {theirs}"),
        ),
        (
            "/Tickets",
            json!({"kind": "status", "code": 429, "body": "API calls quota exceeded!"}),
            "HaloPSA asks for fewer calls: API calls quota exceeded! It goes on by itself after a while; if this comes \
             often, lower the allowance of calls under Settings, Ticketing System."
                .to_owned(),
        ),
        (
            "/Tickets",
            json!({"kind": "status", "code": 403, "body": ""}),
            "HaloPSA does not allow the ticket (HTTP 403). Give the application the permission edit:tickets, and its agent \
             Tickets Access Level: Read and Modify, and Can add new Tickets: Yes."
                .to_owned(),
        ),
        (
            "/Tickets",
            json!({"kind": "status", "code": 400, "body": {"Message": "Please select a category."}}),
            "HaloPSA refuses the ticket: Please select a category. Change what it names, in HaloPSA or under Settings, \
             Ticketing System, and try again."
                .to_owned(),
        ),
    ] {
        let desk = Desk::open().await;
        let mut fault = fault;
        fault["path"] = json!(path);
        desk.control("POST", "/faults", fault).await;
        let said = opening(&*connect(&connection(&desk.sim))).await;
        assert_eq!(said, told, "{path}");
        is_for_people(&said);
    }
    let desk = Desk::open().await;
    let opened = desk.psa.open_ticket(&new_ticket(1)).await.unwrap();
    desk.fault("/Actions", "cut_before", json!({})).await;
    let said = desk.psa.write_action(&new_action(&opened.id, 1)).await.expect_err("cut").to_string();
    assert!(said.starts_with("The connection to HaloPSA broke off at the note on the ticket: "), "{said}");
    assert!(said.ends_with(slow), "{said}");
}

/// Customers as a bad list has them: the rows of the asked page, and what is counted.
fn customers(path: &str, rows: impl Fn(usize) -> std::ops::Range<usize>, counted: usize) -> Value {
    let page = path.split(['?', '&']).find_map(|part| part.strip_prefix("page_no=")?.parse().ok()).unwrap_or(1);
    let rows: Vec<Value> = rows(page).map(|n| json!({"id": n + 1, "name": format!("Sample Customer {n}")})).collect();
    json!({"page_no": page, "record_count": counted, "clients": rows})
}

#[tokio::test]
async fn a_list_that_contradicts_itself_is_read_to_its_true_end_or_told_to_have_holes() {
    type Rows = fn(usize) -> std::ops::Range<usize>;
    let whole: Rows = |page| ((page - 1) * 100).min(230)..(page * 100).min(230);
    let repeats: Rows = |_| 0..100;
    let shrinks: Rows = |page| ((page - 1) * 60).min(230)..(page * 60).min(230);
    for (rows, counted, found) in [
        (whole, 230, true),
        // It counts too few, or more than there are: what comes is believed, not the count.
        (whole, 40, true),
        (whole, 999, true),
        (shrinks, 230, true),
        (repeats, 230, false),
    ] {
        let stub = Stub::http(move |_, path| match path.split('?').next() {
            Some("/auth/token") => (200, "", json!({"access_token": "t", "expires_in": 3600}).to_string()),
            _ => (200, "", customers(path, rows, counted).to_string()),
        });
        let psa = connect(&at(&format!("http://127.0.0.1:{}", stub.port)));
        match psa.look_up(Kind::Company, None, "sample customer 229").await {
            Ok(theirs) => assert!(found && theirs.len() == 1, "{counted}: {theirs:?}"),
            Err(fault) => {
                assert!(!found, "{counted}: {fault}");
                assert_eq!(
                    fault.to_string(),
                    "HaloPSA counts more customers than it gives, so the list has holes, and nothing is concluded from \
                     it. Link by hand meanwhile; if this goes on, tell HaloPSA's support."
                );
            }
        }
    }
}

#[tokio::test]
async fn an_address_that_is_not_allowed_is_told_with_the_line_that_allows_it() {
    let desk = Desk::open().await;
    let connect = HaloConnect::new(egress(&[]));
    let fault = connect.connect(&connection(&desk.sim), Arc::new(Spent::default())).err().expect("refused");
    assert_eq!(
        sentence(&fault),
        "127.0.0.1: plain http is refused, use https. If this server is meant to reach it, add to its configuration: \
         halo.allow_hosts = [\"127.0.0.1:PORT\"]"
    );
    for (url, told) in [
        (
            "https://name:secret@halo.example.com/api",
            "halo.example.com: the address must not carry a user name or password.",
        ),
        ("ftp://halo.example.com/api", "halo.example.com: only https addresses are called."),
        ("halo", "\"halo\" is not an address such as https://example.halopsa.com/api."),
    ] {
        let wrong = Connection { resource_url: url.into(), ..connection(&desk.sim) };
        let fault = connect.connect(&wrong, Arc::new(Spent::default())).err().expect(url);
        assert_eq!(fault.to_string(), told);
    }
}
