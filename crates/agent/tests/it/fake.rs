//! A server for one computer that follows the contract, except where a test tells it not to.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign_wire::grant::{self, Grant, Uses};
use countersign_wire::keys::{self, Key, KeySet, Role};
use countersign_wire::request::RequestBody;
use countersign_wire::{Time, read};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::sync::watch;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

pub(crate) const ROOT: [u8; 32] = [1; 32];
pub(crate) const SIGNING: [u8; 32] = [2; 32];
pub(crate) const COMPUTER: &str = "computer_0197c9a0-0000-7000-8000-000000000001";

/// What the server does with one call in place of the usual.
pub(crate) enum Misdeed {
    /// Answers a status, with a problem or without, and does nothing.
    Status(u16, &'static str),
    /// Does the work, then answers 502.
    Lost,
    /// Answers 200 with this.
    Garbage(&'static str),
    /// Answers 429 with `Retry-After`.
    Flood(u64),
    /// Does the work, and answers after this time.
    Late(Duration),
}

/// What a technician has decided.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decided {
    Not,
    Approved,
    ApprovedWithoutGrant,
    Denied,
}

pub(crate) struct Desk {
    pub(crate) decided: Decided,
    pub(crate) requests: Vec<(String, RequestBody)>,
    pub(crate) redeemed: Vec<(String, String)>,
    pub(crate) withdrawn: Vec<String>,
    pub(crate) enrolled: Vec<(Value, Option<String>)>,
    /// Calls as `METHOD last-part-of-path`, in order.
    pub(crate) calls: Vec<String>,
    pub(crate) misdeeds: VecDeque<(&'static str, Misdeed)>,
    pub(crate) change_grant: fn(&mut Grant),
    pub(crate) grant_seed: [u8; 32],
    pub(crate) change_keys: fn(&mut KeySet),
    pub(crate) keys_seed: [u8; 32],
}

#[derive(Clone)]
struct Responder {
    desk: Arc<Mutex<Desk>>,
    count: Arc<watch::Sender<usize>>,
}

impl Respond for Responder {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut desk = self.desk.lock().unwrap();
        let path = request.url.path().to_owned();
        let last = path.rsplit('/').next().unwrap();
        let call = match (request.method.as_str(), last) {
            ("PUT", "outcome") => "redeem",
            ("PUT", _) => "put",
            ("GET", "keys") => "keys",
            ("GET", _) => "get",
            ("DELETE", _) => "delete",
            _ => "enroll",
        };
        desk.calls.push(call.to_owned());
        self.count.send_modify(|count| *count += 1);
        let due = desk.misdeeds.front().is_some_and(|(when, _)| *when == call);
        let misdeed = if due { desk.misdeeds.pop_front().map(|(_, misdeed)| misdeed) } else { None };
        match misdeed {
            Some(Misdeed::Status(status, code)) => problem(status, code, "The server says so."),
            Some(Misdeed::Garbage(text)) => ResponseTemplate::new(200).set_body_raw(text, "text/html"),
            Some(Misdeed::Flood(seconds)) => {
                problem(429, "too_many_requests", "30 requests in 10 minutes are the limit.")
                    .insert_header("Retry-After", seconds.to_string().as_str())
            }
            Some(Misdeed::Lost) => {
                desk.answer(call, &path, request);
                ResponseTemplate::new(502)
            }
            Some(Misdeed::Late(time)) => desk.answer(call, &path, request).set_delay(time),
            None => desk.answer(call, &path, request),
        }
    }
}

fn problem(status: u16, code: &str, detail: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(json!({"type": "about:blank", "code": code, "detail": detail}))
}

impl Desk {
    fn answer(&mut self, call: &str, path: &str, request: &Request) -> ResponseTemplate {
        let id = path.split('/').nth(4).unwrap_or_default().to_owned();
        match call {
            "enroll" => {
                let bearer = request.headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
                self.enrolled.push((serde_json::from_slice(&request.body).unwrap(), bearer));
                ResponseTemplate::new(201)
                    .set_body_json(json!({"computer_id": COMPUTER, "credential": "sample-credential",
                    "root_key": keys::public_of(&ROOT), "provider": "Sample MSP"}))
            }
            _ if request.headers.get("authorization").is_none_or(|value| value != "Bearer sample-credential") => {
                problem(401, "unauthenticated", "")
            }
            "keys" => {
                let mut set = KeySet {
                    server: "server_1".try_into().unwrap(),
                    serial: 5,
                    keys: vec![Key {
                        id: "key_1".try_into().unwrap(),
                        role: Role::Grant,
                        public_key: keys::public_of(&SIGNING),
                        not_after: Time::parse("2100-01-01T00:00:00Z").unwrap(),
                    }],
                };
                (self.change_keys)(&mut set);
                ResponseTemplate::new(200).set_body_json(keys::sign_set(&set, &self.keys_seed).unwrap())
            }
            "put" => {
                let body: RequestBody = read(&request.body).unwrap();
                if let Some((_, known)) = self.requests.iter().find(|(known, _)| *known == id) {
                    assert_eq!(*known, body, "a repeat is the same to the letter");
                    return ResponseTemplate::new(200).set_body_json(json!({"id": id, "state": "pending"}));
                }
                self.requests.push((id.clone(), body));
                ResponseTemplate::new(201).set_body_json(json!({"id": id, "state": "pending", "new_field": 1}))
            }
            "redeem" => {
                let body: Value = serde_json::from_slice(&request.body).unwrap();
                assert_eq!(body["outcome"], "started");
                let use_id = body["use_id"].as_str().unwrap().to_owned();
                match self.redeemed.iter().find(|(known, _)| *known == id) {
                    Some((_, first)) if *first != use_id => problem(409, "already_used", "It was used."),
                    Some(_) => ResponseTemplate::new(200),
                    None => {
                        self.redeemed.push((id, use_id));
                        ResponseTemplate::new(200)
                    }
                }
            }
            "delete" => {
                self.withdrawn.push(id);
                ResponseTemplate::new(204)
            }
            _ => self.decision(&id, request),
        }
    }

    fn decision(&mut self, id: &str, request: &Request) -> ResponseTemplate {
        let Some((_, body)) = self.requests.iter().find(|(known, _)| known == id) else {
            return problem(404, "not_found", "");
        };
        let decision = |verdict: &str, reason: &str| json!({"verdict": verdict, "reason": reason, "by": "Maria Ruiz"});
        let ticket = json!({"id": "48216", "url": "https://psa.example.com/tickets?id=48216"});
        match self.decided {
            Decided::Not => {
                let wait = request.url.query_pairs().find(|(key, _)| key == "wait").unwrap().1.parse().unwrap();
                ResponseTemplate::new(200)
                    .set_body_json(json!({"id": id, "state": "pending", "ticket": ticket}))
                    .set_delay(Duration::from_secs(wait))
            }
            Decided::Denied => ResponseTemplate::new(200).set_body_json(json!({"id": id, "state": "denied",
                "decision": decision("deny", "Auditing stays on.\u{1b}[2J"), "ticket": ticket})),
            Decided::ApprovedWithoutGrant => ResponseTemplate::new(200)
                .set_body_json(json!({"id": id, "state": "approved", "decision": decision("approve", "Fine")})),
            Decided::Approved => {
                let mut grant = Grant {
                    server: "server_1".try_into().unwrap(),
                    key: "key_1".try_into().unwrap(),
                    computer: COMPUTER.try_into().unwrap(),
                    request: id.try_into().unwrap(),
                    account: body.end_user.account.clone(),
                    user_id: body.end_user.user_id.clone(),
                    run_as: body.run_as.clone(),
                    program_sha256: body.program.sha256.clone(),
                    arguments: body.arguments(),
                    script_sha256: None,
                    uses: Uses::Once,
                    seconds: 3600,
                    issued_at: Time::parse("2026-11-24T09:00:00Z").unwrap(),
                };
                (self.change_grant)(&mut grant);
                let used = self.redeemed.iter().any(|(known, _)| known == id);
                let signed = grant::sign(&grant, &self.grant_seed).unwrap();
                let mut answer = json!({"id": id, "state": "approved", "ticket": ticket,
                    "decision": decision("approve", "Fine, remove it after the test.")});
                if !used {
                    answer["grant"] = serde_json::to_value(signed).unwrap();
                }
                ResponseTemplate::new(200).set_body_json(answer)
            }
        }
    }
}

/// A server, and a state folder that is (or is to be) enrolled with it.
pub(crate) struct Fake {
    pub(crate) server: MockServer,
    pub(crate) folder: TempDir,
    desk: Arc<Mutex<Desk>>,
    count: watch::Receiver<usize>,
}

/// How a run of the program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Fake {
    pub(crate) async fn new() -> Self {
        let desk = Arc::new(Mutex::new(Desk {
            decided: Decided::Not,
            requests: Vec::new(),
            redeemed: Vec::new(),
            withdrawn: Vec::new(),
            enrolled: Vec::new(),
            calls: Vec::new(),
            misdeeds: VecDeque::new(),
            change_grant: |_| {},
            grant_seed: SIGNING,
            change_keys: |_| {},
            keys_seed: ROOT,
        }));
        let (count, receiver) = watch::channel(0);
        let server = MockServer::start().await;
        let responder = Responder { desk: Arc::clone(&desk), count: Arc::new(count) };
        Mock::given(any()).respond_with(responder).mount(&server).await;
        Self { server, folder: tempfile::tempdir().unwrap(), desk, count: receiver }
    }

    /// A server with this computer enrolled.
    pub(crate) async fn enrolled() -> Self {
        let fake = Self::new().await;
        let ended = fake.run(&fake.enroll_arguments(&Self::key())).await;
        assert_eq!(ended.code, 0, "{ended:?}");
        fake.desk(|desk| desk.calls.clear());
        fake
    }

    pub(crate) fn key() -> String {
        countersign_wire::enroll::EnrollmentKey::new(7, keys::fingerprint(&keys::public_of(&ROOT))).to_string()
    }

    pub(crate) fn enroll_arguments(&self, key: &str) -> Vec<String> {
        [
            "enroll",
            "--server",
            &self.server.uri(),
            "--key",
            key,
            "--company",
            "Sample Dental Group",
            "--location",
            "Main",
        ]
        .map(str::to_owned)
        .to_vec()
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    pub(crate) fn desk<T>(&self, f: impl FnOnce(&mut Desk) -> T) -> T {
        f(&mut self.desk.lock().unwrap())
    }

    fn command<S: AsRef<std::ffi::OsStr>>(&self, arguments: &[S]) -> Command {
        program(&self.state(), arguments)
    }

    pub(crate) async fn run<S: AsRef<std::ffi::OsStr>>(&self, arguments: &[S]) -> Ended {
        finish(self.command(arguments).spawn().unwrap()).await
    }

    pub(crate) async fn request(&self, wait: u64) -> Ended {
        self.run(&["request", "--wait", &wait.to_string(), "--", "env", "true"]).await
    }

    /// Starts the program and leaves it running.
    pub(crate) fn start(&self) -> Child {
        self.command(&["request", "--wait", "30", "--", "env", "true"]).spawn().unwrap()
    }

    /// Waits until the server has had a call of a kind.
    pub(crate) async fn had(&mut self, call: &str) {
        let had = async {
            loop {
                // Not in the channel's own predicate: the responder holds the desk while it counts.
                self.count.borrow_and_update();
                if self.desk(|desk| desk.calls.iter().any(|had| had == call)) {
                    break;
                }
                self.count.changed().await.unwrap();
            }
        };
        tokio::time::timeout(Duration::from_mins(2), had).await.expect("the call comes");
    }
}

pub(crate) fn program<S: AsRef<std::ffi::OsStr>>(state: &Path, arguments: &[S]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign-agent"));
    command
        .arg("--state-dir")
        .arg(state)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

pub(crate) async fn finish(child: Child) -> Ended {
    let output =
        tokio::time::timeout(Duration::from_mins(2), child.wait_with_output()).await.expect("it ends").unwrap();
    Ended {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}
