//! A database for each test, on either engine, and what stands in it.

use std::{
    collections::BTreeSet,
    io::Write as _,
    path::PathBuf,
    sync::{
        Once,
        atomic::{AtomicU64, Ordering},
    },
};

use countersign_domain::{
    audit::{Actor, Entry},
    caps::Caps,
    decision::{Author, Decision, Scope, Verdict},
    directory::{Company, Computer, Contact, Location, Technician},
    effect::StepKind,
    id::{CompanyId, RequestId, StepId},
    request::{Asked, Event, Request, State},
    role::{Access, Role},
    time::Time,
};
use countersign_store::{
    Accepted, Attempt, AttemptResult, Claimed, Completed, NewRequest, Next, Options, Place, Refused, Store, TicketRow,
    Transition,
};
use serde_json::json;
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _, postgres::PgConnectOptions,
    sqlite::SqliteConnectOptions,
};
use uuid::Uuid;

/// Runs each story on SQLite and on PostgreSQL.
macro_rules! both {
    ($($(#[doc = $doc:literal])* async fn $name:ident($home:ident) $body:block)*) => {$(
        mod $name {
            use super::*;

            async fn story($home: crate::support::Home) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                story(crate::support::Home::sqlite()).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                if let Some(home) = crate::support::Home::postgres().await {
                    story(home).await;
                }
            }
        }
    )*};
}
pub(crate) use both;

/// The time at which the stories begin.
pub(crate) const NOW: Time = Time(1_795_000_000_000_000);

/// A number that no other call gets.
pub(crate) fn number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A UUID that no other call gets; later ones are greater.
pub(crate) fn uuid() -> Uuid {
    Uuid::from_u128(0x0197_c9a0_7d6e_7c3a_8f00_0000_0000_0000 + u128::from(number()))
}

/// Where a test's database is.
pub(crate) enum Home {
    Sqlite(tempfile::TempDir),
    Postgres { url: String, schema: String },
}

impl Home {
    pub(crate) fn sqlite() -> Self {
        Self::Sqlite(tempfile::tempdir().unwrap())
    }

    /// A new schema on the server that the environment names; none where it names none.
    pub(crate) async fn postgres() -> Option<Self> {
        static TOLD: Once = Once::new();
        let Ok(url) = std::env::var("COUNTERSIGN_TEST_POSTGRES") else {
            TOLD.call_once(|| {
                let words = "skipped on PostgreSQL: COUNTERSIGN_TEST_POSTGRES is not set (ci/postgres.sh start)\n";
                // Past the test harness, which would swallow it.
                std::io::stderr().write_all(words.as_bytes()).unwrap();
            });
            return None;
        };
        let home = Self::Postgres { url, schema: format!("test_{}_{}", std::process::id(), number()) };
        if let Self::Postgres { url, schema } = &home {
            let mut conn = url.parse::<PgConnectOptions>().unwrap().connect().await.unwrap();
            let drop = format!("DROP SCHEMA IF EXISTS {schema} CASCADE");
            sqlx::query(AssertSqlSafe(drop)).execute(&mut conn).await.unwrap();
            conn.close().await.unwrap();
        }
        Some(home)
    }

    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self, Self::Postgres { .. })
    }

    pub(crate) fn file(&self) -> PathBuf {
        match self {
            Self::Sqlite(folder) => folder.path().join("countersign.db"),
            Self::Postgres { .. } => panic!("no file"),
        }
    }

    pub(crate) fn options(&self) -> Options {
        let place = match self {
            Self::Sqlite(_) => Place::Sqlite(self.file()),
            Self::Postgres { url, schema } => {
                Place::Postgres { url: format!("{url}?application_name={schema}"), schema: Some(schema.clone()) }
            }
        };
        Options { place, instance: format!("node-{:06}", number()) }
    }

    pub(crate) async fn open(&self) -> Store {
        Store::open(self.options(), NOW).await.unwrap()
    }

    /// Runs statements past the store.
    pub(crate) async fn sql(&self, text: &str) {
        match self {
            Self::Sqlite(_) => {
                let mut conn = SqliteConnectOptions::new().filename(self.file()).connect().await.unwrap();
                sqlx::raw_sql(AssertSqlSafe(text.to_owned())).execute(&mut conn).await.unwrap();
                conn.close().await.unwrap();
            }
            Self::Postgres { url, schema } => {
                let options = url.parse::<PgConnectOptions>().unwrap().options([("search_path", schema.as_str())]);
                let mut conn = options.connect().await.unwrap();
                sqlx::raw_sql(AssertSqlSafe(text.to_owned())).execute(&mut conn).await.unwrap();
                conn.close().await.unwrap();
            }
        }
    }

    /// A connection of its own to the schema, on PostgreSQL.
    pub(crate) async fn connection(&self) -> sqlx::PgConnection {
        let Self::Postgres { url, schema } = self else { panic!("PostgreSQL alone") };
        let options = url.parse::<PgConnectOptions>().unwrap().options([("search_path", schema.as_str())]);
        options.connect().await.unwrap()
    }

    /// The first column of every row, as text, read past the store.
    pub(crate) async fn column(&self, text: &str) -> Vec<String> {
        match self {
            Self::Sqlite(_) => {
                let mut conn = SqliteConnectOptions::new().filename(self.file()).connect().await.unwrap();
                let text = format!("WITH x (v) AS ({text}) SELECT CAST(v AS TEXT) FROM x");
                let rows = sqlx::query(AssertSqlSafe(text)).fetch_all(&mut conn).await.unwrap();
                rows.iter().map(|row| row.get::<Option<String>, _>(0).unwrap_or_default()).collect()
            }
            Self::Postgres { url, schema } => {
                let options = url.parse::<PgConnectOptions>().unwrap().options([("search_path", schema.as_str())]);
                let mut conn = options.connect().await.unwrap();
                let text = format!("WITH x (v) AS ({text}) SELECT CAST(v AS TEXT) FROM x");
                let rows = sqlx::query(AssertSqlSafe(text)).fetch_all(&mut conn).await.unwrap();
                rows.iter().map(|row| row.get::<Option<String>, _>(0).unwrap_or_default()).collect()
            }
        }
    }

    pub(crate) async fn count(&self, text: &str) -> i64 {
        self.column(text).await[0].parse().unwrap()
    }
}

/// A company with one location and one computer, and a technician.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) company: Company,
    pub(crate) location: Location,
    pub(crate) computer: Computer,
    pub(crate) technician: Technician,
}

impl Desk {
    /// Makes one in a database; `name` tells it from others.
    pub(crate) async fn set_up(store: &Store, name: &str) -> Self {
        let company = company(name);
        let location = Location {
            id: format!("location_{}", uuid()).parse().unwrap(),
            company_id: company.id.clone(),
            name: format!("{name} head office"),
            created_at: NOW,
        };
        let computer = computer(&company, &location, &format!("{name}-PC"));
        let technician = technician("Sam Okoro", &format!("sam.{}@example.com", number()));
        let desk = Self { company, location, computer, technician };
        let made = desk.clone();
        store
            .write(move |tx| {
                let made = made.clone();
                Box::pin(async move {
                    tx.insert_company(&made.company).await?;
                    tx.insert_location(&made.location).await?;
                    tx.insert_computer(&made.computer, &format!("hash of {}", made.computer.id)).await?;
                    tx.insert_technician(&made.technician).await
                })
            })
            .await
            .unwrap();
        desk
    }

    pub(crate) fn access(&self) -> Access {
        Access::Only(BTreeSet::from([self.company.id.clone()]))
    }

    /// A request of this desk's computer; two with the same content are the same.
    pub(crate) fn new_request(&self, content: &str) -> NewRequest {
        self.new_request_at(content, NOW)
    }

    pub(crate) fn new_request_at(&self, content: &str, at: Time) -> NewRequest {
        let asked: Asked = serde_json::from_value(json!({
            "end_user": {"account": "SAMPLE\\maria", "email": "Maria.Ruiz@example.org"},
            "program": {"path": format!("C:\\Tools\\{content}.exe"), "sha256": "ab".repeat(32)},
            "command_line": content,
            "requested_at": at.0,
        }))
        .unwrap();
        let request = Request {
            id: RequestId::from_uuid(uuid()),
            company_id: self.company.id.clone(),
            location_id: self.location.id.clone(),
            computer_id: self.computer.id.clone(),
            joined_to: None,
            again_of: None,
            received_at: at,
            expires_at: at.plus_seconds(3600),
            version: 1,
            state: State::Pending,
            decision: None,
            grant: None,
            revoked: None,
            outcome: None,
            ticket_on: countersign_domain::request::TicketOn::default(),
            asked,
        };
        NewRequest {
            same_as: request.asked.same_as_key(&self.company.id, &self.computer.id),
            search: format!("{content} maria {}", self.computer.name).to_lowercase(),
            open_step: step_id(),
            audit: entry("request.received", request.id.as_str(), Some(&self.company.id), at),
            caps: Caps::OFF,
            request,
        }
    }

    pub(crate) async fn accept(&self, store: &Store, content: &str) -> Request {
        accepted(store.accept(self.new_request(content)).await.unwrap())
    }

    pub(crate) fn decision(&self, verdict: Verdict, at: Time) -> Decision {
        Decision {
            verdict,
            scope: Scope::Once,
            reason: Some("as agreed".to_owned()),
            minutes: 60,
            by: Author { id: self.technician.id.clone(), name: self.technician.name.clone() },
            at,
            work_seconds: Some(300),
        }
    }

    /// The change that a verdict brings to a request and those that joined it.
    pub(crate) fn decided(&self, requests: &[Request], verdict: Verdict) -> Transition {
        let mut change = Transition::default();
        for request in requests {
            let decision = self.decision(verdict, NOW.plus_seconds(60));
            let (after, told) = request.clone().apply(Event::Decided(decision)).unwrap();
            change.steps.extend(told.into_iter().map(|kind: StepKind| (step_id(), after.clone(), kind)));
            change.audit.push(entry(
                "request.decided",
                after.id.as_str(),
                Some(&after.company_id),
                NOW.plus_seconds(60),
            ));
            change.requests.push(after);
        }
        change
    }
}

pub(crate) fn accepted(accepted: Accepted) -> Request {
    match accepted {
        Accepted::New(request) | Accepted::Repeat(request) => *request,
        Accepted::TooMany(met) => panic!("too many: {met:?}"),
    }
}

pub(crate) fn company(name: &str) -> Company {
    Company { id: CompanyId::from_uuid(uuid()), name: name.to_owned(), former_names: Vec::new(), created_at: NOW }
}

pub(crate) fn computer(company: &Company, location: &Location, name: &str) -> Computer {
    Computer {
        id: format!("computer_{}", uuid()).parse().unwrap(),
        company_id: company.id.clone(),
        location_id: location.id.clone(),
        name: name.to_owned(),
        os: "windows".to_owned(),
        os_version: "11".to_owned(),
        machine_id: format!("machine of {name}"),
        agent_version: "0.1.0".to_owned(),
        held: false,
        created_at: NOW,
    }
}

pub(crate) fn technician(name: &str, email: &str) -> Technician {
    Technician {
        id: format!("tech_{}", uuid()).parse().unwrap(),
        email: email.to_owned(),
        name: name.to_owned(),
        role: Role::Administrator,
        access: Access::All,
        accounts: vec!["SAMPLE\\sam".to_owned()],
        disabled: false,
        created_at: NOW,
    }
}

pub(crate) fn contact(company: &Company, name: &str, email: &str) -> Contact {
    Contact {
        id: format!("contact_{}", uuid()).parse().unwrap(),
        company_id: company.id.clone(),
        name: name.to_owned(),
        email: email.to_owned(),
        created_at: NOW,
    }
}

pub(crate) fn step_id() -> StepId {
    StepId::from_uuid(uuid())
}

pub(crate) fn entry(action: &str, object: &str, company: Option<&CompanyId>, at: Time) -> Entry {
    Entry {
        at,
        actor: Actor::Server,
        action: action.to_owned(),
        object: object.to_owned(),
        company: company.cloned(),
        body: json!({"note": "a body with \"quotes\", ünïcödé and \u{0}"}),
    }
}

/// The access of somebody who may see another company alone.
pub(crate) fn stranger() -> Access {
    Access::Only(BTreeSet::from([CompanyId::from_uuid(uuid())]))
}

/// The access of somebody who may see nothing.
pub(crate) fn nobody() -> Access {
    Access::Only(BTreeSet::new())
}

pub(crate) fn ticket(lane: &str, psa_id: &str) -> TicketRow {
    TicketRow {
        lane: lane.to_owned(),
        psa_id: psa_id.to_owned(),
        url: format!("https://desk.example.com/{psa_id}"),
        now: "{}".to_owned(),
        booked: None,
        opened_at: NOW,
        seen_at: NOW,
        doubt_at: None,
        gone_at: None,
        closed_by_hand_at: None,
        sent: None,
    }
}

/// The end of an attempt of a claimed step.
pub(crate) fn ended(step: &Claimed, result: AttemptResult, next: Next) -> Completed {
    Completed {
        step: step.clone(),
        attempt: Attempt {
            started_at: NOW,
            ended_at: NOW.plus_seconds(1),
            ms: 12,
            result,
            status: Some(201),
            words: "as the other side says".to_owned(),
            cause: None,
        },
        next,
        ticket: None,
        expected: None,
        audit: None,
    }
}

/// Claims the one step that is due.
pub(crate) async fn claim_one(store: &Store, now: Time) -> Claimed {
    let mut claimed = store.claim(now, 10, Some("41".to_owned())).await.unwrap();
    assert_eq!(claimed.len(), 1, "{claimed:?}");
    claimed.remove(0)
}

/// The whole log is sound.
pub(crate) async fn assert_sound(store: &Store) -> u64 {
    let found = store.verify_audit(|_| true).await.unwrap();
    assert_eq!(found.faults, Vec::<String>::new());
    found.rows
}

/// Steps that were refused go again; how many.
pub(crate) async fn retry_refused(store: &Store, since: Time, which: Refused) -> u64 {
    store.write(move |tx| Box::pin(async move { tx.retry_refused(since, NOW, which).await })).await.unwrap()
}
