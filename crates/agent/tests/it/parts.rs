//! Facts of real files, and the spool.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use countersign_agent::ask::Ending;
use countersign_agent::facts::{self, NotFound};
use countersign_agent::platform;
use countersign_agent::show::{Known, Output, Screen};
use countersign_agent::spool::{Mark, Spool, Spooled, Withdrawn};
use countersign_wire::{Text, Time, read};
use serde_json::json;

fn argv(words: &[&str]) -> Vec<OsString> {
    words.iter().map(OsString::from).collect()
}

fn look(words: &[&str], search: &Path, folder: &Path) -> Result<facts::Command, NotFound> {
    facts::look(&argv(words), Some(search.as_os_str()), folder)
}

#[test]
fn facts_of_a_real_file() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let file = root.join("setup");
    std::fs::write(&file, "abc").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    symlink("setup", root.join("link")).unwrap();
    let command = look(&["link", "a b"], &root, Path::new("/")).unwrap();
    assert_eq!(command.program.path.as_str(), file.to_str().unwrap(), "links are resolved");
    // FIPS 180-2, appendix B.1.
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(command.program.sha256.as_str(), abc);
    assert_eq!(command.program.size, Some(3));
    assert_eq!(command.program.owner.as_ref().unwrap().as_str(), platform::invoker().unwrap().account);
    assert_eq!(command.line.as_str(), "link 'a b'");
    let same = look(&["./link", "a b"], Path::new("/nowhere"), &root).unwrap();
    assert_eq!(same.arguments, command.arguments, "how the path was typed does not matter");
    let other = look(&["setup", "a b"], &root, Path::new("/")).unwrap();
    assert_eq!(other.program.sha256, command.program.sha256);
    assert_ne!(other.arguments, command.arguments, "the name it is called by does: some programs are many");
    assert!(
        matches!(look(&["setup"], Path::new("."), &root), Err(NotFound::NotInPath(_))),
        "a relative PATH is not used"
    );
    assert!(matches!(look(&[], &root, &root), Err(NotFound::Nothing)));
    assert!(matches!(look(&["/"], &root, &root), Err(NotFound::Unusable { .. })));
}

#[test]
fn a_program_of_the_system_names_its_package() {
    if !Path::new("/var/lib/dpkg/status").exists() {
        return;
    }
    let env = look(&["env"], Path::new("/usr/bin"), Path::new("/")).unwrap().program;
    let package = env.package.unwrap();
    assert!(package.name.as_str().contains("coreutils"), "{package:?}");
    assert!(package.version.is_some());
}

#[test]
fn a_command_line_shows_everything() {
    assert_eq!(facts::line(&argv(&["apt-get", "install", "nmap"])), "apt-get install nmap");
    assert_eq!(facts::line(&argv(&["sh", "-c", "rm -rf /"])), "sh -c 'rm -rf /'");
    assert_eq!(facts::line(&argv(&["x", "", "it's", "é"])), r"x '' 'it'\''s' 'é'");
    assert_eq!(facts::line(&argv(&["x", "a\nb\t'\\"])), r"x $'a\nb\t\'\\'");
    let odd = vec![OsString::from("x"), OsString::from_vec(vec![0xff, b'a', 0x1b])];
    assert_eq!(facts::line(&odd), r"x $'\xffa\u001b'");
}

fn spooled(id: &str) -> Spooled {
    let body = json!({"end_user": {"account": "d.lee"}, "program": {"path": "/x", "sha256": "a".repeat(64)},
        "requested_at": "2026-11-24T09:00:00Z"});
    Spooled {
        id: id.try_into().unwrap(),
        body: read(body.to_string().as_bytes()).unwrap(),
        asked: platform::now().unwrap(),
        use_id: Text::clipped("use_1"),
        withdrawn: Withdrawn::No,
        grant: None,
    }
}

#[test]
fn the_spool_survives_what_a_crash_leaves() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(folder.path(), platform::wall_clock()).unwrap();
    let request = spooled("req_1");
    spool.keep(&request).unwrap();
    let inside = folder.path().join("spool");
    std::fs::write(inside.join("req_2.json"), r#"{"id":"req_2","#).unwrap();
    std::fs::write(inside.join("req_3.json.123.new"), "half").unwrap();
    assert_eq!(spool.requests().unwrap(), std::slice::from_ref(&request));
    assert_eq!(spool.mark_used(&request.id).unwrap(), Mark::Made);
    assert_eq!(spool.mark_used(&request.id).unwrap(), Mark::WasThere);
    assert_eq!(spool.requests().unwrap(), [], "marked before it was removed: over");
    assert!(!inside.join("req_1.json").exists());
    assert!(inside.join("req_1.used").exists(), "the mark outlives the request");
    let month_later = platform::wall_clock() + 31 * 24 * 3600 * 1_000_000;
    Spool::open(folder.path(), month_later).unwrap();
    assert!(!inside.join("req_1.used").exists());
    assert!(!inside.join("req_3.json.123.new").exists());
}

#[test]
fn the_same_wish_is_found_again() {
    let request = spooled("req_1");
    assert!(request.is_for(&request.body));
    let mut other = request.body.clone();
    other.reason = Some(Text::clipped("another reason"));
    assert!(request.is_for(&other), "a reason makes no other request");
    other.end_user.account = "p.nair".try_into().unwrap();
    assert!(!request.is_for(&other));
    let mut other = request.body.clone();
    other.command_line = Some(Text::clipped("x y"));
    assert!(!request.is_for(&other));
    assert!(!Spooled { withdrawn: Withdrawn::Unsent, ..request.clone() }.is_for(&request.body));
}

#[derive(Clone, Default)]
struct Paper(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_terminal_of_80_columns_without_colour() {
    let paper = Paper::default();
    let mut screen = Screen::new(Output::Plain, Box::new(paper.clone()));
    let answer = json!({"verdict": "deny", "by": "Sam Okoro", "reason":
        "Auditing stays on. Call me if it blocks you, and have the name of the program that complains ready."});
    let known = Known {
        reference: "CS-6PJ3WT0C".to_owned(),
        ticket: Some(read(br#"{"id":"48217"}"#).unwrap()),
        decision: Some(read(answer.to_string().as_bytes()).unwrap()),
        ..Known::default()
    };
    screen.asks(Some("Sample MSP"), &known.reference);
    screen.waiting(std::time::Duration::from_secs(283), &known);
    screen.ended(Ending::Denied, &known, std::time::Duration::from_secs(9), Time::from_micros(0).unwrap());
    let text = String::from_utf8(paper.0.lock().unwrap().clone()).unwrap();
    let expected = "Countersign: Sample MSP must approve this. Request CS-6PJ3WT0C\n\
        \r  Waiting    4:43 left, ticket #48217   Ctrl-C withdraws\x1b[K\r\x1b[K  \
        Waited     9 s, ticket #48217\n  \
        Denied     by Sam Okoro: “Auditing stays on. Call me if it blocks you, and\n             \
        have the name of the program that complains ready.”\n";
    assert_eq!(text, expected);
    assert!(text.split(['\n', '\r']).all(|line| line.chars().count() <= 80));
}

#[test]
fn the_state_folder_that_nobody_named() {
    use countersign_agent::config::{StateDir, StateError};
    let default = |uid, state: Option<&str>, home: Option<&str>| {
        StateDir::default_path(uid, state.map(OsString::from), home.map(OsString::from))
    };
    let path = |text: &str| Path::new(text).to_owned();
    assert_eq!(default(0, Some("/x"), Some("/root")).unwrap(), path("/var/lib/countersign"));
    assert_eq!(default(1000, Some("/x"), Some("/home/sam")).unwrap(), path("/x/countersign"));
    assert_eq!(default(1000, Some("x"), Some("/home/sam")).unwrap(), path("/home/sam/.local/state/countersign"));
    assert!(matches!(default(1000, None, None), Err(StateError::NoHome)));
}
