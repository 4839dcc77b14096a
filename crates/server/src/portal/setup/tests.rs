//! The set-up's pages as forms without the script, against the simulator.

use axum::http::{Method, StatusCode, header};
use countersign_domain::role::Role;
use countersign_egress::EgressConfig;
use halo_sim::{Config, Sim};

use super::agent::LIST;
use crate::portal::tests::{Desk, body, person};
use crate::portal::text::Text;
use crate::portal::view::setup::ROOT;
use crate::portal::view::tests::twice;

struct House {
    desk: Desk,
    sim: Sim,
    cookie: String,
    token: String,
}

struct Answer {
    status: StatusCode,
    /// Where it leads, without where the set-up begins.
    leads: Option<String>,
    html: String,
}

impl House {
    async fn new() -> Self {
        Self::with(Config::default(), &["127.0.0.1"]).await
    }

    async fn with(config: Config, allow: &[&str]) -> Self {
        let allow_hosts = allow.iter().map(|host| (*host).to_owned()).collect();
        let desk = Desk::with(EgressConfig { allow_hosts, ..EgressConfig::default() }).await;
        let sim = Sim::start(config).await.expect("the simulator starts");
        let (cookie, token) = desk.session(&desk.administrator).await;
        Self { desk, sim, cookie, token }
    }

    async fn call(&self, method: Method, path: &str, form: &str) -> Answer {
        let form = format!("form_token={}&{form}", self.token);
        let response = self.desk.call(method, &format!("{ROOT}{path}"), Some(&self.cookie), &form).await;
        let leads = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
        let leads = leads.map(|leads| leads.trim_start_matches(ROOT).to_owned());
        Answer { status: response.status(), leads, html: body(response).await }
    }

    async fn get(&self, path: &str) -> String {
        let answer = self.call(Method::GET, path, "").await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {:?}", answer.leads);
        answer.html
    }

    async fn post(&self, path: &str, form: &str) -> Answer {
        self.call(Method::POST, path, form).await
    }

    /// A form that leads to another page.
    async fn leads(&self, path: &str, form: &str, to: &str) {
        let answer = self.post(path, form).await;
        assert_eq!((answer.status, answer.leads.as_deref()), (StatusCode::SEE_OTHER, Some(to)), "{path}");
    }

    /// What is typed in step 3.
    fn connection(&self) -> String {
        let (url, tenant, id) = (self.sim.url(), self.sim.tenant(), self.sim.client_id());
        let secret = self.sim.client_secret();
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("resource_url", &format!("{url}/api")).append_pair("auth_url", &format!("{url}/auth"));
        form.append_pair("tenant", tenant).append_pair("client_id", id).append_pair("client_secret", secret).finish()
    }

    async fn connected(&self) {
        self.leads("/connection", &self.connection(), "/check").await;
    }
}

fn value_of(html: &str, name: &str) -> String {
    let field = html.split(&format!("name=\"{name}\" value=\"")).nth(1).expect("the field is there");
    field.split('"').next().unwrap_or_default().to_owned()
}

#[test]
fn everything_in_the_list_has_its_words() {
    let text = Text::default();
    for (group, items) in LIST {
        let mut keys: Vec<String> =
            ["", "-place", "-text"].iter().map(|end| format!("agent-group-{group}{end}")).collect();
        for item in items {
            keys.extend(["", "-value", "-help"].map(|end| format!("agent-{item}{end}")));
        }
        for key in keys {
            assert_ne!(text.t(&key), key, "no text for {key}");
        }
    }
    for step in countersign_app::setup::Step::ALL {
        for end in ["", "-title", "-text"] {
            let key = format!("setup-{}{end}", step.as_str());
            assert_ne!(text.t(&key), key, "no text for {key}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_goes_on_where_it_was_left_and_begins_anew_when_it_is_over() {
    let house = House::new().await;
    let enter = house.call(Method::GET, "", "").await;
    assert_eq!(enter.leads.as_deref(), Some("/agent"));
    let answer = house.post("/agent/ticks", "tick=add-tickets&tick=made-up").await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert_eq!(house.get("/agent").await.matches(" checked").count(), 1);
    house.leads("/agent", "tick=add-tickets&tick=membership", "/application").await;
    house.leads("/application", "", "/connection").await;
    assert_eq!(house.call(Method::GET, "", "").await.leads.as_deref(), Some("/connection"));
    assert_eq!(house.get("/agent").await.matches(" checked").count(), 2);
    house.connected().await;
    for step in ["/check/pass", "/tickets", "/customers/pass", "/test/pass", "/done"] {
        house.post(step, "ticket_type=31&time=off&minutes=5").await;
    }
    let settings = house.desk.call(Method::GET, "/portal/settings/ticketing", Some(&house.cookie), "").await;
    let html = body(settings).await;
    let over = house.desk.shared.app.setup_progress().await.expect("read").is_over();
    assert!(over && html.contains("Go through Setup again"), "over: {over}");
    assert_eq!(house.call(Method::GET, "", "").await.leads.as_deref(), Some("/agent"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_fills_in_the_others_and_a_refused_one_names_the_line_to_add() {
    let house = House::new().await;
    let found = house.post("/connection/find", &format!("address={}/auth&client_id=kept", house.sim.url())).await;
    assert_eq!(found.status, StatusCode::OK);
    assert_eq!(value_of(&found.html, "resource_url"), format!("{}/api", house.sim.url()));
    assert_eq!(value_of(&found.html, "tenant"), house.sim.tenant());
    assert_eq!(value_of(&found.html, "client_id"), "kept");

    let barred = House::with(Config::default(), &[]).await;
    let refused = barred.post("/connection/find", &format!("address={}", barred.sim.url())).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let host = barred.sim.url().trim_start_matches("http://").to_owned();
    let line = format!("<pre>halo.allow_hosts = [&#34;{host}&#34;]</pre>");
    assert!(refused.html.contains(&line), "{line}");
    let tried = barred.post("/connection", &barred.connection()).await;
    assert!(tried.status == StatusCode::UNPROCESSABLE_ENTITY && tried.html.contains(&line));
    // What was typed is there, but for the secret, which is kept and never shown.
    assert_eq!(value_of(&tried.html, "client_id"), barred.sim.client_id());
    assert!(!tried.html.contains(barred.sim.client_secret()));
    assert!(tried.html.contains("is kept for the next try"));
    let empty = house.post("/connection/find", "address=").await;
    assert!(empty.html.contains("id=\"address-error\""));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_script_the_connection_is_waited_for_and_the_check_begins() {
    let house = House::new().await;
    house.connected().await;
    let html = house.get("/check").await;
    assert!(html.contains("id=\"lines\""), "the check was begun");
    assert!(!html.contains(house.sim.client_secret()));
    let again = house.get("/connection").await;
    assert!(again.contains("A secret is kept") && again.contains("changes no link"));
    // With the one that is kept nothing needs to be typed again.
    let same = house.connection().replace(&format!("client_secret={}", house.sim.client_secret()), "client_secret=");
    house.leads("/connection", &same, "/check").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tickets_begin_with_what_fits_and_a_refused_form_keeps_what_was_chosen() {
    let house = House::new().await;
    assert!(house.get("/tickets").await.contains("The lists come once the connection works"));
    house.connected().await;
    let html = house.get("/tickets").await;
    assert_eq!(html.matches(" selected>Closed<").count(), 4, "approved, denied, expired, withdrawn");
    assert!(html.contains(" selected>Incident<"));
    let missing = house.post("/tickets", "ticket_type=&time=fixed&minutes=5").await;
    assert!(missing.status == StatusCode::UNPROCESSABLE_ENTITY && missing.html.contains("id=\"ticket_type-error\""));
    let chosen =
        html.split("id=\"ticket_type\"").nth(1).expect("the select").split("</select>").next().expect("its end");
    let incident = chosen.split(" selected").next().expect("before").rsplit("value=\"").next().expect("the id");
    let incident = incident.trim_end_matches('"');
    let wrong = house.post("/tickets", &format!("ticket_type={incident}&time=measured&minutes=9999")).await;
    assert!(wrong.html.contains("value=\"9999\"") && wrong.html.contains("id=\"minutes-error\""));
    house
        .leads(
            "/tickets",
            &format!("ticket_type={incident}&time=measured&minutes=7&team=1st Line Support"),
            "/customers",
        )
        .await;
    let settings = house.desk.shared.app.ticketing_settings();
    assert_eq!(settings.ticket_type.as_deref(), Some(incident));
    assert_eq!(
        settings.connection.clone().map(|connection| connection.client_id).as_deref(),
        Some(house.sim.client_id())
    );
    assert_eq!(settings.team.as_deref(), Some("1st Line Support"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn six_hundred_customers_are_paged_searched_and_imported() {
    let house = House::with(Config { clients: Some(600), ..Config::default() }, &["127.0.0.1"]).await;
    house.connected().await;
    let html = house.get("/customers").await;
    assert_eq!(html.matches("name=\"ids\"").count() + html.matches("customer-done").count(), 25);
    assert!(html.contains("Page 1 of 24"));
    let last = house.get("/customers?page=24").await;
    assert!(last.contains("Page 24 of 24") && !last.contains("Next page"));
    let found = house.get("/customers?q=customer%2000580").await;
    assert!(found.contains("1 of 5") && found.contains("Sample Customer 00580"));
    house.leads("/customers/import", "which=chosen", "/customers?said=none").await;
    house.leads("/customers/import", "which=chosen&ids=202&ids=203", "/customers").await;
    let until = || async {
        while house.desk.shared.app.import().is_none_or(|import| !import.is_over()) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), until()).await.expect("the import ends");
    let linked = house.desk.shared.app.linked_customers(&house.desk.administrator).await.expect("read");
    assert!(linked.contains("202") && linked.contains("203"));
    assert!(house.get("/customers?q=202").await.contains("is a company here"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_test_ticket_needs_a_customer_and_consent() {
    let house = House::new().await;
    house.connected().await;
    for (form, error) in [("consent=yes", "Choose a customer"), ("customer=201", "Tick the box")] {
        let answer = house.post("/test", form).await;
        assert!(answer.status == StatusCode::UNPROCESSABLE_ENTITY && answer.html.contains(error), "{form}");
    }
    let run = house.desk.shared.app.check_run(&house.desk.administrator).expect("the connection's own");
    assert_eq!(run.customer, None, "nothing that writes was begun");
    let kept = house.post("/test", "customer=204").await;
    assert!(kept.html.contains("value=\"204\" checked"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_step_counts_what_is_left_and_makes_a_key() {
    let house = House::new().await;
    let html = house.get("/done").await;
    assert!(html.contains("1 company is not linked") && html.contains("href=\"/portal/companies?state=unlinked\""));
    let made = house.post("/done/key", "").await;
    assert!(made.html.contains("countersign-agent enroll"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_reads_the_settings_is_told_who_may_change_them() {
    let house = House::new().await;
    let reader = person(&house.desk.shared.app, "reader", Role::L3, None).await;
    let (cookie, token) = house.desk.session(&reader).await;
    let house = House { cookie, token, ..house };
    for step in ["/agent", "/connection", "/tickets", "/customers", "/test", "/done"] {
        let html = house.get(step).await;
        assert!(html.contains("<li><bdi>admin</bdi></li>"), "{step}");
        assert!(!html.contains("<form class=\"setup-foot\"") && !html.contains("Save and"), "{step}");
    }
    let answer = house.post("/connection", "").await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let nobody = person(&house.desk.shared.app, "first", Role::L1, None).await;
    let (cookie, token) = house.desk.session(&nobody).await;
    let house = House { cookie, token, ..house };
    assert_eq!(house.call(Method::GET, "/agent", "").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_step_keeps_to_the_content_security_policy_and_to_one_heading() {
    let house = House::new().await;
    house.connected().await;
    for step in countersign_app::setup::Step::ALL {
        let html = house.get(&format!("/{}", step.as_str())).await;
        assert!(!html.contains(" style=") && !html.contains("<style"), "{step:?}: a style");
        assert!(
            !html.contains("<script>") && !html.contains(" onclick=") && !html.contains("hx-on"),
            "{step:?}: a script"
        );
        assert_eq!(html.matches("<h1").count(), 1, "{step:?}");
        assert_eq!(twice(&html), Vec::<&str>::new(), "{step:?}: ids that stand twice");
        assert_eq!(html.matches("aria-current=\"step\"").count(), 1, "{step:?}");
    }
}
