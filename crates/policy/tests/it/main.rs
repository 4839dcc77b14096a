//! Facts are parsed once, bounded and clean; what a path says is a table.

use countersign_policy::nature::{file_name, kind, place};
use countersign_policy::reference::short;
use countersign_policy::text::BadText;
use countersign_policy::{Kind, Name, Place, ProgramFacts, Sha256, Text};

const DIGEST: &str = "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855";

#[test]
fn a_text_names_its_limit_and_what_was_sent() {
    let error = Text::<5>::new("sixsix").unwrap_err();
    assert_eq!(error, BadText::TooLong { limit: 5, sent: 6 });
    assert_eq!(error.to_string(), "at most 5 characters are allowed, 6 were sent");
    assert!(Text::<5>::new("äöüßé").is_ok(), "characters are counted, not bytes");
    assert_eq!(Name::<5>::new(" \t ").unwrap_err(), BadText::Empty);
    assert_eq!(Text::<5>::new("").unwrap().as_str(), "");
}

#[test]
fn a_text_shows_what_tried_to_hide() {
    let clean = |text: &str| Text::<50>::new(text).unwrap().to_string();
    assert_eq!(clean("a\nb\tc\r\u{2028}"), "a b c  ");
    assert_eq!(clean("\u{1b}[31mred\u{7}\0\u{9b}"), "\u{fffd}[31mred\u{fffd}\u{fffd}\u{fffd}");
    assert_eq!(clean("invoice\u{202e}fdp.exe"), "invoice\u{fffd}fdp.exe");
    assert_eq!(clean("a\u{200b}b\u{feff}\u{2066}\u{e0041}"), "a\u{fffd}b\u{fffd}\u{fffd}\u{fffd}");
    assert_eq!(clean("Zoë 日本 👩\u{200d}💻"), "Zoë 日本 👩\u{200d}💻");
}

#[test]
fn clipping_says_that_something_is_missing() {
    assert_eq!(Text::<5>::clipped("abcdefgh").as_str(), "abcd…");
    assert_eq!(Text::<5>::clipped("abcde").as_str(), "abcde");
    assert_eq!(Text::<0>::clipped("abc").as_str(), "");
}

#[test]
fn a_digest_is_64_digits_in_lower_case() {
    assert_eq!(Sha256::parse(DIGEST).unwrap().as_str(), DIGEST.to_lowercase());
    assert_eq!(Sha256::from_digest(&[0xab; 32]).as_str(), "ab".repeat(32));
    assert!(Sha256::parse(&"g".repeat(64)).unwrap_err().to_string().contains("not all of them"));
    assert!(Sha256::parse("abc").unwrap_err().to_string().contains("3 characters were sent"));
    assert!(Sha256::parse(&"é".repeat(32)).is_err());
}

#[test]
fn facts_ignore_what_they_do_not_know_and_keep_what_they_do() {
    let json = serde_json::json!({
        "path": "/usr/bin/apt-get", "sha256": DIGEST, "colour": "blue",
        "package": {"name": "apt", "version": "2.6.1"},
        "publisher": {"subject": "CN=Example Manufacturing"},
    });
    let facts: ProgramFacts = serde_json::from_value(json).unwrap();
    assert_eq!(facts.file_name(), "apt-get");
    assert_eq!(facts.kind(), Some(Kind::PackageManager));
    assert_eq!(facts.place(), None);
    assert!(!facts.publisher.as_ref().unwrap().verified, "nothing is verified unless it is said");
    let again: ProgramFacts = serde_json::from_str(&serde_json::to_string(&facts).unwrap()).unwrap();
    assert_eq!(again, facts);
    let too_long = serde_json::json!({"path": "a".repeat(4097), "sha256": DIGEST});
    let error = serde_json::from_value::<ProgramFacts>(too_long).unwrap_err().to_string();
    assert!(error.contains("at most 4096 characters are allowed, 4097 were sent"), "{error}");
}

#[test]
fn the_short_form_is_the_one_that_tickets_carry() {
    // The first 40 bits of SHA-256("req_0197c9a0-7d6e-7c3a-8f00-aabbccddeeff"), worked out apart from this code.
    assert_eq!(short("req_0197c9a0-7d6e-7c3a-8f00-aabbccddeeff"), "CS-RWDXW051");
}

#[test]
fn kinds_by_file_name() {
    for (path, expected) in [
        ("/bin/bash", Some(Kind::Shell)),
        (r"C:\Windows\System32\CMD.EXE", Some(Kind::Shell)),
        ("/usr/bin/python3.11", Some(Kind::Interpreter)),
        ("/usr/bin/perl5.36.0", Some(Kind::Interpreter)),
        (r"C:\Windows\System32\rundll32.exe", Some(Kind::Interpreter)),
        ("/usr/bin/pip3", Some(Kind::PackageManager)),
        (r"C:\Windows\System32\msiexec.exe", Some(Kind::PackageManager)),
        ("/usr/bin/vim.basic", Some(Kind::Editor)),
        ("/usr/sbin/visudo", Some(Kind::Editor)),
        ("/usr/bin/id", None),
        ("/usr/bin/shred", None),
        ("/", None),
        ("", None),
    ] {
        assert_eq!(kind(path), expected, "{path}");
    }
    assert_eq!(file_name(r"C:\Program Files\Example\setup.exe"), "setup.exe");
}

#[test]
fn places_by_folder() {
    for (path, expected) in [
        ("/home/sam/Downloads/setup.run", Some(Place::Downloads)),
        (r"C:\Users\sam\Downloads\setup.exe", Some(Place::Downloads)),
        ("/tmp/x", Some(Place::Temp)),
        ("/var/tmp/x", Some(Place::Temp)),
        (r"C:\Users\sam\AppData\Local\Temp\x.exe", Some(Place::Temp)),
        (r"c:\windows\temp\x.exe", Some(Place::Temp)),
        ("/home/sam/bin/x", Some(Place::Home)),
        (r"C:\Users\sam\Desktop\x.exe", Some(Place::Home)),
        (r"C:\ProgramData\x\y.exe", Some(Place::Home)),
        ("/usr/bin/tmp", None),
        ("/opt/home/x", None),
        (r"C:\Program Files\Temp Tools\x.exe", None),
        ("", None),
    ] {
        assert_eq!(place(path), expected, "{path}");
    }
}
