//! The program: its one line, its end, its refusals.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

fn start(options: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_halo-sim"));
    command.args(options).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[tokio::test]
async fn it_says_where_it_is_and_ends_when_told() {
    for signal in ["-TERM", "-INT"] {
        let mut child = start(&["--listen", "127.0.0.1:0", "--seed", "other", "--rate-limit", "300/300"]);
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let line: Value = serde_json::from_str(&line).unwrap();
        let url = line["url"].as_str().unwrap();
        assert!(!url.ends_with("/api") && line["client_id"].is_string() && line["client_secret"].is_string());
        let info: Value =
            crate::client::http().get(format!("{url}/api/authinfo")).send().await.unwrap().json().await.unwrap();
        assert_eq!(info["tenant_id"], line["tenant"]);
        assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
        assert!(child.wait().unwrap().success(), "{signal}");
    }
}

#[test]
fn refusals_are_sentences() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for (options, code, sentence) in [
        (["--listen", address.as_str()], 1, "choose another address with --listen"),
        (["--seed", "/no/such/file.json"], 1, "name an existing file"),
        (["--rate-limit", "fast"], 2, "for example 300/300"),
    ] {
        let output = start(&options).wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code));
        assert!(String::from_utf8(output.stderr).unwrap().contains(sentence), "{sentence}");
    }
}
