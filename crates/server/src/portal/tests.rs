//! Every route of the portal as nobody, without the form's token, as a technician of another company, and as a reader.
//!
//! A route without a row here does not fail by itself: the lists below are kept beside `router` by hand.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use axum::response::Response;
use countersign_app::clock::{Clock, Ids, System};
use countersign_app::enroll::{Enrollment, KeyWish};
use countersign_app::import::{Done, Line, Run};
use countersign_app::notify::Notifier;
use countersign_app::people::NewTechnician;
use countersign_app::seal::Sealer;
use countersign_app::sign_in::hash;
use countersign_app::{App, Parts};
use countersign_domain::audit::Actor;
use countersign_domain::directory::Technician;
use countersign_domain::id::{CompanyId, RequestId};
use countersign_domain::link::Kind;
use countersign_domain::policy::ProgramFacts;
use countersign_domain::request::{Asked, EndUser};
use countersign_domain::role::Role;
use countersign_egress::{Egress, EgressConfig};
use countersign_psa::halo::HaloConnect;
use countersign_store::{Options, Place, Store};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use crate::http::limits::{MAX_LIST, MAX_LIST_FORM, bodies_up_to};
use crate::http::{Setup, Shared};

pub(super) struct Desk {
    pub(super) shared: Shared,
    pub(super) administrator: Technician,
    request: RequestId,
    company: CompanyId,
    computer: String,
    folder: tempfile::TempDir,
}

impl Desk {
    /// A server with one company, one computer, one waiting request, and an administrator.
    pub(super) async fn new() -> Self {
        Self::with(EgressConfig::default()).await
    }

    /// The same with addresses that may be called.
    pub(super) async fn with(allowed: EgressConfig) -> Self {
        // Another test of this process may have been first.
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().expect("a folder");
        let system = Arc::new(System);
        let options = Options { place: Place::Sqlite(folder.path().join("desk.db")), instance: "test".to_owned() };
        let store = Store::open(options, system.now()).await.expect("the store opens");
        let app = App::new(Parts {
            store,
            clock: system.clone(),
            ids: system.clone(),
            notify: Notifier::new(Egress::new(&EgressConfig::default()).expect("a client")),
            connect: Arc::new(HaloConnect::new(Egress::new(&allowed).expect("a client"))),
            sealer: Sealer::new(&[7; 32]),
            public_url: "http://127.0.0.1".to_owned(),
            checkpoints: None,
        })
        .await
        .expect("the app starts");
        let administrator = person(&app, "admin", Role::Administrator, None).await;
        let wish = KeyWish {
            name: "test".to_owned(),
            company: None,
            max_uses: None,
            expires_at: None,
            trusts_known_machines: false,
        };
        let (_, key) = app.make_enrollment_key(&administrator, wish).await.expect("a key");
        let enrolled = app
            .enroll(Enrollment {
                key_hash: hash(&key),
                company: "Sample Dental Group".to_owned(),
                location: "Main Street".to_owned(),
                name: "SDG-FD-01".to_owned(),
                os: "linux".to_owned(),
                os_version: "12".to_owned(),
                machine_id: "machine-1".to_owned(),
                agent_version: "0".to_owned(),
                old_credential_hash: None,
            })
            .await
            .expect("enrolled");
        let from = app.computer_caller(&enrolled.credential).await.expect("read").expect("known");
        let request = RequestId::from_uuid(system.uuid());
        app.submit(&from, request.clone(), asked(app.now())).await.expect("accepted");
        let company = from.computer.company_id.clone();
        let computer = from.computer.id.to_string();
        let shared = Shared { app, setup: Arc::new(Setup::default()) };
        Self { shared, administrator, request, company, computer, folder }
    }

    /// Signs somebody in: his cookie and his form token.
    pub(super) async fn session(&self, who: &Technician) -> (String, String) {
        let app = &self.shared.app;
        let path = app.make_sign_in_link(Actor::Server, &who.id).await.expect("a link");
        let secret = path.rsplit('/').next().expect("a secret");
        let cookie = app.sign_in(secret).await.expect("a session").cookie;
        let token = app.session_caller(&cookie).await.expect("read").and_then(|caller| caller.form_token);
        (format!("countersign={cookie}"), token.expect("a token"))
    }

    pub(super) async fn call(&self, method: Method, path: &str, cookie: Option<&str>, form: &str) -> Response {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(cookie) = cookie {
            request = request.header(header::COOKIE, cookie);
        }
        let request = request.body(Body::from(form.to_owned())).expect("a request");
        let routes = super::router().merge(bodies_up_to(MAX_LIST_FORM, super::lists_in()));
        routes.with_state(self.shared.clone()).oneshot(request).await.expect("an answer")
    }

    /// Transactions that the database has seen, or nearly all that wrote: SQLite counts them at the head of the index of
    /// its log.
    fn transactions(&self) -> u32 {
        let index = std::fs::read(self.folder.path().join("desk.db-shm")).expect("the index of the log");
        u32::from_ne_bytes(index[8..12].try_into().expect("four bytes"))
    }

    /// Every page and fragment that needs a session.
    fn pages(&self) -> Vec<String> {
        let (request, company, computer) = (&self.request, &self.company, &self.computer);
        let mut pages = vec![
            "/portal/approvals".to_owned(),
            "/portal/approvals/queue".to_owned(),
            "/portal/requests".to_owned(),
            "/portal/events".to_owned(),
            "/portal/locations".to_owned(),
            "/portal/users".to_owned(),
            "/portal/steps".to_owned(),
            "/portal/settings/ticketing".to_owned(),
            "/portal/settings/ticketing/webhook".to_owned(),
            "/portal/settings/alerts".to_owned(),
            "/portal/sync?from=companies".to_owned(),
            "/portal/sync?from=settings/ticketing".to_owned(),
            "/portal/steps?state=waiting".to_owned(),
            "/portal/steps?state=done".to_owned(),
            "/portal/settings/ticketing/setup/agent".to_owned(),
            "/portal/settings/ticketing/setup/application".to_owned(),
            "/portal/settings/ticketing/setup/connection".to_owned(),
            "/portal/settings/ticketing/setup/check".to_owned(),
            "/portal/settings/ticketing/setup/tickets".to_owned(),
            "/portal/settings/ticketing/setup/customers".to_owned(),
            "/portal/settings/ticketing/setup/test".to_owned(),
            "/portal/settings/ticketing/setup/done".to_owned(),
            "/portal/settings/tickets".to_owned(),
            "/portal/companies".to_owned(),
            "/portal/companies?state=archived&sort=newest".to_owned(),
            "/portal/computers".to_owned(),
            "/portal/contacts".to_owned(),
            "/portal/companies/import".to_owned(),
            "/portal/locations/import".to_owned(),
            "/portal/users/import".to_owned(),
        ];
        pages.extend(["", "/pane", "/bar"].map(|part| format!("/portal/approvals/{request}{part}")));
        pages.push(format!("/portal/requests/{request}"));
        pages.push(format!("/portal/companies/{company}"));
        pages.push(format!("/portal/companies/{company}/ticketing"));
        pages.push(format!("/portal/computers/{computer}"));
        pages
    }

    /// Every route that changes something.
    fn changes(&self) -> Vec<String> {
        let (request, company, admin) = (&self.request, &self.company, &self.administrator.id);
        let mut changes: Vec<String> = [
            "/portal/sign-out",
            "/portal/enrollment-keys",
            "/portal/settings/ticketing",
            "/portal/settings/ticketing/check",
            "/portal/settings/ticketing/setup/agent",
            "/portal/settings/ticketing/setup/agent/ticks",
            "/portal/settings/ticketing/setup/application",
            "/portal/settings/ticketing/setup/connection",
            "/portal/settings/ticketing/setup/connection/find",
            "/portal/settings/ticketing/setup/check",
            "/portal/settings/ticketing/setup/check/pass",
            "/portal/settings/ticketing/setup/tickets",
            "/portal/settings/ticketing/setup/tickets/fields",
            "/portal/settings/ticketing/setup/customers/import",
            "/portal/settings/ticketing/setup/customers/link",
            "/portal/settings/ticketing/setup/customers/sync",
            "/portal/settings/ticketing/setup/customers/pass",
            "/portal/settings/ticketing/setup/test",
            "/portal/settings/ticketing/setup/test/customers",
            "/portal/settings/ticketing/setup/test/pass",
            "/portal/settings/ticketing/setup/done",
            "/portal/settings/ticketing/setup/done/key",
            "/portal/settings/tickets",
            "/portal/settings/ticketing/webhook",
            "/portal/settings/ticketing/webhook/secret",
            "/portal/settings/ticketing/webhook/revoke",
            "/portal/steps/retry",
            "/portal/settings/alerts",
            "/portal/settings/alerts/test",
            "/portal/sync",
            "/portal/companies/links",
            "/portal/companies/add",
            "/portal/locations/add",
            "/portal/users/add",
            "/portal/companies/import",
            "/portal/locations/import",
            "/portal/users/import",
        ]
        .map(str::to_owned)
        .into();
        changes.extend(["decision", "revoke"].map(|verb| format!("/portal/requests/{request}/{verb}")));
        changes.extend(["", "/inherit"].map(|part| format!("/portal/companies/{company}/ticketing{part}")));
        changes.extend(
            ["", "/link", "/unlink", "/archive", "/restore"].map(|part| format!("/portal/companies/{company}{part}")),
        );
        changes.push(format!("/portal/users/{admin}/sign-in-link"));
        changes.extend(
            ["give-up", "new-ticket"]
                .map(|verb| format!("/portal/steps/step_01a20c45-0000-7000-8000-000000000000/{verb}")),
        );
        changes
    }
}

pub(super) async fn person(app: &App, name: &str, role: Role, companies: Option<Vec<CompanyId>>) -> Technician {
    let new = NewTechnician { email: format!("{name}@example.com"), name: name.to_owned(), role, companies };
    app.add_technician(Actor::Server, new).await.expect("a technician").technician
}

fn asked(at: countersign_domain::time::Time) -> Asked {
    let program: ProgramFacts =
        serde_json::from_value(serde_json::json!({ "path": "/opt/sample/tool", "sha256": "ab".repeat(32) }))
            .expect("facts");
    Asked {
        end_user: EndUser {
            account: "a.novak".to_owned(),
            user_id: None,
            display_name: None,
            email: None,
            phone: None,
        },
        program,
        command_line: Some("tool --now".to_owned()),
        arguments_hash: None,
        run_as: None,
        parent: None,
        working_dir: None,
        reason: Some("A reason".to_owned()),
        requested_at: at,
    }
}

pub(super) async fn body(response: Response) -> String {
    let bytes = response.into_body().collect().await.expect("a body").to_bytes();
    String::from_utf8(bytes.to_vec()).expect("text")
}

#[tokio::test]
async fn nobody_is_led_to_the_sign_in() {
    let desk = Desk::new().await;
    let pages = desk.pages().into_iter().map(|path| (Method::GET, path));
    let changes = desk.changes().into_iter().map(|path| (Method::POST, path));
    for (method, path) in pages.chain(changes) {
        for cookie in [None, Some("countersign=guessed")] {
            let response = desk.call(method.clone(), &path, cookie, "").await;
            assert_eq!(response.status(), StatusCode::SEE_OTHER, "{method} {path}");
            assert_eq!(response.headers()[header::LOCATION], "/sign-in", "{method} {path}");
        }
    }
}

#[tokio::test]
async fn a_form_without_the_sessions_token_changes_nothing() {
    let desk = Desk::new().await;
    let (cookie, _) = desk.session(&desk.administrator).await;
    for path in desk.changes() {
        for form in ["verdict=approve", "verdict=approve&form_token=guessed"] {
            let response = desk.call(Method::POST, &path, Some(&cookie), form).await;
            assert_eq!(response.status(), StatusCode::FORBIDDEN, "{path}");
        }
    }
    let row = desk.shared.app.request(&desk.administrator, &desk.request).await.expect("the request");
    assert_eq!(row.request.decision, None);
}

#[tokio::test]
async fn every_page_answers_the_administrator() {
    let desk = Desk::new().await;
    let (cookie, _) = desk.session(&desk.administrator).await;
    for path in desk.pages() {
        let response = desk.call(Method::GET, &path, Some(&cookie), "").await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn a_technician_of_another_company_sees_and_changes_nothing_of_this_one() {
    let desk = Desk::new().await;
    let other = desk.shared.app.create_company(&desk.administrator, "Placeholder Hotel").await.expect("a company");
    let stranger = person(&desk.shared.app, "stranger", Role::L3, Some(vec![other.company.id])).await;
    let (cookie, token) = desk.session(&stranger).await;
    for path in desk.pages() {
        if path == "/portal/events" {
            continue;
        }
        let response = desk.call(Method::GET, &path, Some(&cookie), "").await;
        let names_it = path.contains(desk.request.as_str())
            || path.contains(desk.company.as_str())
            || path.contains(&desk.computer);
        // Companies and people are made by those who see all of them.
        let whole_house = ["/portal/companies/import", "/portal/users/import"].contains(&path.as_str());
        let wanted = match (names_it, whole_house) {
            (true, _) => StatusCode::NOT_FOUND,
            (false, true) => StatusCode::FORBIDDEN,
            (false, false) => StatusCode::OK,
        };
        assert_eq!(response.status(), wanted, "{path}");
        let html = body(response).await;
        for secret in ["Sample Dental Group", "SDG-FD-01", "a.novak"] {
            assert!(!html.contains(secret), "{path} tells of {secret}");
        }
    }
    let form = format!("form_token={token}&verdict=approve&scope=once&name=Taken");
    for path in desk.changes() {
        if path.contains(desk.request.as_str()) || path.contains(desk.company.as_str()) {
            let response = desk.call(Method::POST, &path, Some(&cookie), &form).await;
            assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        }
    }
}

#[tokio::test]
async fn a_reader_decides_nothing_and_makes_no_links() {
    let desk = Desk::new().await;
    let reader = person(&desk.shared.app, "reader", Role::Auditor, None).await;
    let (cookie, token) = desk.session(&reader).await;
    let form = format!("form_token={token}&verdict=approve&scope=once&name=Taken&email=x@example.com&role=l1");
    for path in desk.changes() {
        if path == "/portal/sign-out" {
            continue;
        }
        let response = desk.call(Method::POST, &path, Some(&cookie), &form).await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN, "{path}");
    }
    let row = desk.shared.app.request(&desk.administrator, &desk.request).await.expect("the request");
    assert_eq!(row.request.decision, None);
}

/// Signs the administrator in and posts a form.
async fn post(desk: &Desk, path: &str, form: &str) -> (StatusCode, String) {
    let (cookie, token) = desk.session(&desk.administrator).await;
    let form = format!("form_token={token}&{form}");
    let response = desk.call(Method::POST, path, Some(&cookie), &form).await;
    (response.status(), body(response).await)
}

#[tokio::test]
async fn a_company_with_computers_is_archived_by_its_name_and_comes_back() {
    let desk = Desk::new().await;
    let ids = format!("ids={}", desk.company);
    let archived = async || {
        desk.shared.app.company(&desk.administrator, &desk.company).await.expect("the company").archived_at.is_some()
    };
    let (status, page) = post(&desk, "/portal/companies/links", &format!("action=archive&{ids}")).await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("Type “Sample Dental Group” to confirm"), "{page}");
    let wrong = format!("action=archive&confirmed=yes&typed=Another&{ids}");
    let (status, page) = post(&desk, "/portal/companies/links", &wrong).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.contains("That is another name"));
    let (status, _) = post(&desk, &format!("/portal/companies/{}/archive", desk.company), "typed=Another").await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(!archived().await);

    let right = format!("action=archive&confirmed=yes&typed=sample+dental+group&{ids}");
    let (status, page) = post(&desk, "/portal/companies/links", &right).await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("1 of 1 archived") && page.contains("value=\"restore\""), "{page}");
    assert!(archived().await);
    let (cookie, _) = desk.session(&desk.administrator).await;
    let list = async |path| body(desk.call(Method::GET, path, Some(&cookie), "").await).await;
    assert!(!list("/portal/companies").await.contains("Sample Dental Group"));
    assert!(!list("/portal/computers").await.contains("SDG-FD-01"));
    assert!(list("/portal/companies?state=archived").await.contains("Sample Dental Group"));

    let (status, page) = post(&desk, "/portal/companies/links", &format!("action=restore&{ids}")).await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("1 of 1 restored"), "{page}");
    assert!(!archived().await);
}

#[tokio::test]
async fn a_list_is_looked_at_before_it_is_done_and_done_as_it_was_looked_at() {
    let desk = Desk::new().await;
    let names = async || {
        let all = countersign_app::DirectoryQuery { limit: 99, ..countersign_app::DirectoryQuery::default() };
        let rows = desk.shared.app.companies(&desk.administrator, &all).await.expect("the companies");
        rows.into_iter().map(|row| row.company.name).collect::<Vec<_>>()
    };
    let csv = "csv=name%0AStand-in+Clinic%0A%3Cimg+src%3Dx%3E%0A%0D%3D1%2B1%0A";
    let (status, page) = post(&desk, "/portal/companies/import", &format!("action=do&{csv}")).await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("Will be created") && !page.contains("<img"), "{page}");
    assert_eq!(names().await, ["Sample Dental Group"], "what was not looked at is not done");
    let digest =
        page.split("name=\"digest\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a digest");
    let changed = format!("action=do&digest={digest}&csv=name%0AOther");
    let (_, page) = post(&desk, "/portal/companies/import", &changed).await;
    assert!(page.contains("Will be created"), "a changed text is looked at again");
    let (_, page) = post(&desk, "/portal/companies/import", &format!("action=do&digest={digest}&{csv}")).await;
    assert!(page.contains("Created") && !page.contains("Will be created"), "{page}");
    assert_eq!(names().await.len(), 4);
    let (status, page) = post(&desk, "/portal/companies/import", "action=preview&csv=company%0AOne").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.contains("must name the columns"), "{page}");

    // What went in as a formula comes out harmless.
    let (status, file) = post(&desk, "/portal/companies/links", "action=export").await;
    assert_eq!(status, StatusCode::OK);
    assert!(file.starts_with("id,name,link,"), "{file}");
    assert!(file.contains(",'=1+1,") && !file.contains(",=1+1,"), "{file}");
    let (_, file) = post(&desk, "/portal/companies/links", &format!("action=export&ids={}", desk.company)).await;
    assert_eq!(file.lines().count(), 2, "the chosen rows alone");
}

#[tokio::test]
async fn a_list_may_be_as_large_as_it_says_and_no_larger() {
    let desk = Desk::new().await;
    let path = "/portal/companies/import";
    // Every byte of it is written as three.
    let list = |bytes: usize| {
        let head = "name,colour\nStand-in Clinic,";
        let csv = format!("{head}{}", "\u{1}".repeat(bytes - head.len()));
        format!("action=preview&csv={}", url::form_urlencoded::byte_serialize(csv.as_bytes()).collect::<String>())
    };
    let (status, page) = post(&desk, path, &list(MAX_LIST)).await;
    assert!(status == StatusCode::OK && page.contains("1 would be created"), "{status}");
    let (status, page) = post(&desk, path, &list(MAX_LIST + 1)).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.contains("The list is larger than 4 MiB. Split it into several."));
    let (status, page) = post(&desk, path, &list(MAX_LIST + 64 * 1024)).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(page.contains("A form may have 12352 KiB here at the most"), "{page}");

    let lines = |count: usize| {
        let rows = (0..count).map(|n| format!("Sample%20{n}")).collect::<Vec<_>>().join("%0A");
        format!("action=preview&csv=name%0A{rows}%0A%20%20%0A%22%20%22%0A")
    };
    let (status, page) = post(&desk, path, &lines(countersign_app::import::MAX_LINES)).await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("10000 would be created") || page.contains("10,000 would be created"));
    assert!(page.contains("9000 more lines without an error are not shown here"), "1000 lines are shown");
    let (status, page) = post(&desk, path, &lines(countersign_app::import::MAX_LINES + 1)).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.contains("The list has 10001 lines; 10000 are allowed at a time."));
}

#[tokio::test]
async fn a_long_list_is_written_in_few_transactions() {
    let desk = Desk::new().await;
    let app = &desk.shared.app;
    app.create_location(&desk.administrator, &desk.company, "Known Place").await.expect("a location");
    let before = desk.transactions();
    app.create_location(&desk.administrator, &desk.company, "Another Place").await.expect("a location");
    assert_eq!(desk.transactions() - before, 1, "the count is of transactions");
    let line =
        |number: u64, name: String| Line { number, name, company: "Sample Dental Group".to_owned(), ..Line::default() };
    let mut lines: Vec<Line> = (0..1998).map(|number| line(number, format!("Place {number}"))).collect();
    lines.push(line(1998, "Known Place".to_owned()));
    lines.push(line(1999, "Place 1997".to_owned()));
    let before = desk.transactions();
    let done = app.import_lines(&desk.administrator, Kind::Location, &lines, Run::Do).await.expect("imported");
    assert!(done.iter().take(1998).all(|one| one.done == Done::Created && one.id.is_some()));
    assert!(done.iter().skip(1998).all(|one| one.done == Done::Exists && one.id.is_some()));
    assert_eq!(done[1999].id, done[1997].id);
    let written = desk.transactions() - before;
    assert!(written <= 8, "{written} transactions for {} lines", lines.len());
}
