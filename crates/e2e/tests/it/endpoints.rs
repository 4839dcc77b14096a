//! Computers that are played by this test, through `/agent/v1`.

use serde_json::{Value, json};

use crate::http::{Api, Reply, text};

/// An enrolled computer.
pub(crate) struct Computer {
    pub(crate) id: String,
    pub(crate) api: Api,
}

pub(crate) fn enrolment(key: &str, company: &str, name: &str) -> Value {
    json!({
        "enrollment_key": key, "company": company, "location": "Main Street",
        "computer": { "name": name, "os": "Debian", "os_version": "13", "machine_id": format!("machine of {name}") },
        "agent_version": "0.1.0",
    })
}

impl Computer {
    pub(crate) async fn enroll(server: &Api, key: &str, company: &str, name: &str) -> Self {
        let enrolled = server.post("/agent/v1/enroll", enrolment(key, company, name)).await.ok();
        Self { id: text(&enrolled, "computer_id").to_owned(), api: server.with(text(&enrolled, "credential")) }
    }

    /// Asks for a program; each number is another program.
    pub(crate) async fn ask(&self, id: &str, number: u64) -> Reply {
        self.api.put(&format!("/agent/v1/requests/{id}"), wish(number)).await
    }
}

/// What a computer asks for; each number is another program.
pub(crate) fn wish(number: u64) -> Value {
    json!({
        "end_user": { "account": "priya", "user_id": "1001", "display_name": "Priya Nair" },
        "program": { "path": format!("/opt/sample/tool-{number}"), "sha256": format!("{number:064x}"), "size": 1024 },
        "command_line": "tool --all", "run_as": "root", "reason": "Needed for the move.",
        "requested_at": "2026-11-24T08:00:00Z",
    })
}
