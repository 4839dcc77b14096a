//! The programs as processes: found beside this test, on free ports, in folders of their own, and ended with it.

use std::{
    path::{Path, PathBuf},
    process::{Output, Stdio},
};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

use crate::{
    http::Api,
    wait::{until, within},
};

/// A command of one of our programs, with nothing of this test's environment.
pub(crate) fn command(name: &str) -> Command {
    let test = std::env::current_exe().expect("a test knows where it is");
    let path = test.ancestors().nth(2).expect("a test lies in deps/").join(name);
    assert!(path.is_file(), "{} is not there: cargo build --workspace first", path.display());
    let mut command = Command::new(path);
    let path = std::env::var_os("PATH").unwrap_or_default();
    command.env_clear().env("PATH", path).stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// Runs a command to its end.
pub(crate) async fn run(command: &mut Command) -> Ended {
    let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output();
    within("a program ends", output).await.expect("a program runs").into()
}

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Exit code; none when it was killed.
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }
}

/// Waits for a started program to end.
pub(crate) async fn finish(child: Child) -> Ended {
    within("a program ends", child.wait_with_output()).await.expect("a program ends").into()
}

/// Kills it as `kill -9` does, and waits until it is gone.
pub(crate) async fn kill(child: &mut Child) {
    within("a killed program is gone", child.kill()).await.expect("a process can be killed");
}

/// The first line that a program prints; its other output is left to it.
pub(crate) async fn first_line(child: &mut Child) -> String {
    let mut out = BufReader::new(child.stdout.take().expect("standard output is piped"));
    let mut line = String::new();
    within("a program prints its first line", out.read_line(&mut line)).await.expect("a line can be read");
    // Read on, or the program would fail to print.
    tokio::spawn(async move {
        let mut rest = tokio::io::sink();
        tokio::io::copy(&mut out, &mut rest).await.is_ok()
    });
    line
}

/// The HaloPSA stand-in as a process.
pub(crate) struct Sim {
    _child: Child,
    pub(crate) url: String,
    pub(crate) access: Value,
    control: Api,
}

impl Sim {
    pub(crate) async fn start(seed: &str) -> Self {
        Self::with(&["--seed", seed]).await
    }

    /// With these arguments.
    pub(crate) async fn with(args: &[&str]) -> Self {
        let mut command = command("halo-sim");
        let mut child =
            command.args(["--listen", "127.0.0.1:0"]).args(args).stdout(Stdio::piped()).spawn().expect("it starts");
        let access: Value = serde_json::from_str(&first_line(&mut child).await).expect("halo-sim prints JSON");
        let url = access["url"].as_str().expect("its address").to_owned();
        Self { _child: child, control: Api::new(&url), url, access }
    }

    pub(crate) async fn state(&self) -> Value {
        self.control.get("/sim/v1/state").await.ok()
    }

    pub(crate) async fn calls(&self) -> Value {
        self.control.get("/sim/v1/calls").await.ok()
    }

    pub(crate) async fn switch(&self, switches: Value) {
        self.control.patch("/sim/v1/switches", switches).await.ok();
    }

    pub(crate) async fn right(&self, name: &str, word: &str) {
        let agent = self.state().await["login_agent_id"].clone();
        self.control.patch(&format!("/sim/v1/agents/{agent}/rights"), json!({ name: word })).await.ok();
    }

    /// Arms a fault.
    pub(crate) async fn fault(&self, fault: Value) {
        self.control.post("/sim/v1/faults", fault).await.ok();
    }

    /// A person does something in Halo.
    pub(crate) async fn person(&self, method: &str, path: &str, body: Value) {
        let method = method.parse().expect("a method");
        let answer = self.control.call(method, &format!("/sim/v1{path}"), Some(body.to_string())).await;
        assert!((200..300).contains(&answer.status), "{path}: {} {}", answer.status, answer.text);
    }

    /// The status of that name.
    pub(crate) async fn status(&self, name: &str) -> Value {
        let state = self.state().await;
        let rows = match &state["statuses"] {
            Value::Array(rows) => rows.clone(),
            rows => rows.as_object().expect("a table").values().cloned().collect(),
        };
        rows.iter().find(|row| row["name"] == name).expect("a status of that name")["id"].clone()
    }

    /// How often the armed faults were met.
    pub(crate) async fn hits(&self) -> u64 {
        self.faults().await.iter().filter_map(|fault| fault["hits"].as_u64()).sum()
    }

    /// The armed faults.
    pub(crate) async fn faults(&self) -> Vec<Value> {
        self.control.get("/sim/v1/faults").await.ok()["faults"].as_array().expect("a list").clone()
    }

    pub(crate) async fn forget_faults(&self) {
        self.control.delete("/sim/v1/faults").await.ok();
    }

    /// `countersign demo` against this stand-in.
    pub(crate) fn demo(&self, data: &Path) -> Command {
        let mut command = command("countersign");
        let word = |name: &str| self.access[name].as_str().expect("halo-sim tells it").to_owned();
        command
            .args(["demo", "--json", "--listen", "127.0.0.1:0", "--halo", &self.url, "--data-dir"])
            .arg(data)
            .env("COUNTERSIGN_HALO_CLIENT_ID", word("client_id"))
            .env("COUNTERSIGN_HALO_CLIENT_SECRET", word("client_secret"))
            .env("COUNTERSIGN_HALO_TENANT", word("tenant"));
        command
    }

    /// The connection as `/api/v1/ticketing` takes it.
    pub(crate) fn connection(&self) -> Value {
        json!({
            "resource_url": format!("{}/api", self.url), "auth_url": format!("{}/auth", self.url),
            "tenant": self.access["tenant"], "client_id": self.access["client_id"],
            "client_secret": self.access["client_secret"], "settle_s": 10, "budget": { "off": true },
        })
    }

    /// Host and port.
    pub(crate) fn host(&self) -> &str {
        self.url.trim_start_matches("http://")
    }
}

/// A demo that stays up.
pub(crate) struct Demo {
    _child: Child,
    _folder: TempDir,
    pub(crate) document: Value,
}

impl Demo {
    pub(crate) async fn start(sim: &Sim) -> Self {
        let folder = folder();
        let mut child =
            sim.demo(folder.path()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
        let document = serde_json::from_str(&first_line(&mut child).await).expect("the demo prints its document");
        Self { _child: child, _folder: folder, document }
    }
}

/// A folder that is removed in the end.
pub(crate) fn folder() -> TempDir {
    tempfile::Builder::new().prefix("countersign-e2e-").tempdir().expect("a folder can be made")
}

/// `countersign serve` with an administrator whose token may decide.
pub(crate) struct Server {
    child: Child,
    data: TempDir,
    allow: String,
    pub(crate) api: Api,
    token: String,
}

impl Server {
    /// A new server; `allow` is what it may call besides public addresses.
    pub(crate) async fn start(allow: &str) -> Self {
        let data = folder();
        let mut create = on(data.path(), &["admin", "create", "--email", "admin@example.com", "--name", "Sam Okoro"]);
        let created = run(&mut create).await;
        assert_eq!(created.code, Some(0), "{created:?}");
        let mut token =
            on(data.path(), &["token", "create", "--technician", "admin@example.com", "--name", "e2e", "--decide"]);
        let made = run(&mut token).await;
        assert_eq!(made.code, Some(0), "{made:?}");
        let token = made.out.trim().to_owned();
        let (child, url) = serve(data.path(), allow).await;
        let api = Api::new(&url).with(&token);
        Self { child, data, allow: allow.to_owned(), api, token }
    }

    /// Kills it as `kill -9` does, and starts it again on the same data.
    pub(crate) async fn kill_and_start_again(&mut self) {
        kill(&mut self.child).await;
        let (child, url) = serve(self.data.path(), &self.allow).await;
        self.child = child;
        self.api = Api::new(&url).with(&self.token);
    }

    /// Kills it, for a program that needs its database.
    pub(crate) async fn kill(&mut self) {
        kill(&mut self.child).await;
    }

    /// Kills it as `kill -9` does, and restores a backup into a new folder, with the old key file; starts there.
    pub(crate) async fn kill_and_restore(&mut self, backup: &Path) -> Ended {
        kill(&mut self.child).await;
        let data = folder();
        std::fs::copy(self.data.path().join("countersign.key"), data.path().join("countersign.key")).expect("a key");
        let file = backup.to_str().expect("a plain path");
        let restored = run(&mut on(data.path(), &["restore", file, "--halo-allow-hosts", &self.allow])).await;
        let (child, url) = serve(data.path(), &self.allow).await;
        self.child = child;
        self.data = data;
        self.api = Api::new(&url).with(&self.token);
        restored
    }

    pub(crate) fn data(&self) -> &Path {
        self.data.path()
    }

    /// Connects it to a stand-in, with the ticket type that fits most.
    pub(crate) async fn connect(&self, sim: &Sim) {
        self.api.patch("/api/v1/ticketing", sim.connection()).await.ok();
        // Some tests ask for more than a computer may.
        self.api.patch("/api/v1/caps", json!({ "per_computer": null, "per_company": null })).await.ok();
        let choices = self.api.get("/api/v1/ticketing/choices").await.ok();
        self.api.patch("/api/v1/ticketing", json!({ "ticket_type": choices["suggested"]["ticket_type"] })).await.ok();
    }

    /// A key that enrols computers of any company.
    pub(crate) async fn enrollment_key(&self) -> String {
        let wish = json!({ "name": "e2e", "any_company": true });
        let key = self.api.post("/api/v1/enrollment-keys", wish).await.ok();
        key["enrollment_key"].as_str().expect("a key is told once").to_owned()
    }
}

async fn serve(data: &Path, allow: &str) -> (Child, String) {
    let mut command = on(data, &["serve", "--listen", "127.0.0.1:0", "--log-level", "error"]);
    if !allow.is_empty() {
        command.args(["--halo-allow-hosts", allow]);
    }
    let mut child = command.stdout(Stdio::piped()).spawn().expect("the server starts");
    let line = first_line(&mut child).await;
    let url = line.trim().rsplit_once("people reach it at ").unwrap_or_else(|| panic!("it says {line:?}")).1;
    let api = Api::new(url);
    until("the server is ready", || async { (api.get("/readyz").await.status == 200).then_some(()) }).await;
    (child, url.to_owned())
}

/// A command of the server's program on a data folder.
pub(crate) fn on(data: &Path, args: &[&str]) -> Command {
    let mut command = command("countersign");
    command.args(args).arg("--data-dir").arg(data).current_dir(data);
    command
}

/// Where the agent of a played computer keeps its things; for this account alone.
pub(crate) fn state_folder() -> (TempDir, PathBuf) {
    let folder = folder();
    let path = folder.path().join("state");
    (folder, path)
}
