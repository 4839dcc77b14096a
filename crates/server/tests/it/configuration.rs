//! What a wrong configuration is told, whichever layer it came from, and the key file.

use std::os::unix::fs::PermissionsExt as _;

use crate::program::Place;

/// Runs `serve` with one layer set, and gives back what it said when it ended.
fn refused(arguments: &[&str], variables: &[(&str, &str)], file: &str) -> String {
    let place = Place::new();
    if !file.is_empty() {
        std::fs::write(place.path().join("countersign.toml"), file).unwrap();
    }
    let output = place.command(&["serve"]).args(arguments).envs(variables.iter().copied()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(!place.data().exists(), "nothing is made before the configuration stands");
    said
}

/// Arguments, variables, file, and what is said.
type Row = (&'static [&'static str], &'static [(&'static str, &'static str)], &'static str, &'static str);

#[test]
fn a_wrong_value_names_key_value_place_and_what_is_allowed() {
    let table: &[Row] = &[
        (
            &["--listen", "7600"],
            &[],
            "",
            "listen = \"7600\" (from the command line) cannot be used. Allowed: an address and a port, such as",
        ),
        (&[], &[("COUNTERSIGN_LISTEN", "here")], "", "listen = \"here\" (from COUNTERSIGN_LISTEN) cannot be used."),
        (&[], &[], "listen = 7600", "listen = \"7600\" (from countersign.toml) cannot be used."),
        (
            &[],
            &[],
            "no_worker = 'perhaps'",
            "no_worker = \"perhaps\" (from countersign.toml) cannot be used. Allowed: true or false.",
        ),
        (
            &["--public-url", "desk.example.com"],
            &[],
            "",
            "Allowed: an address without a path, such as https://desk.example.com.",
        ),
        (
            &["--public-url", "https://desk.example.com/portal"],
            &[],
            "",
            "public_url = \"https://desk.example.com/portal\"",
        ),
        (&["--trusted-proxies", "10.0.0.0/8, proxy"], &[], "", "trusted_proxies = \"10.0.0.0/8, proxy\""),
        (
            &[],
            &[],
            "[halo]\nallow_hosts = ['http://halo.example.com']",
            "halo.allow_hosts = \"http://halo.example.com\"",
        ),
        (&[], &[("COUNTERSIGN_HALO_ALLOW_HOSTS", "a b")], "", "(from COUNTERSIGN_HALO_ALLOW_HOSTS)"),
        (
            &[],
            &[],
            "[log]\nformat = 'xml'",
            "log.format = \"xml\" (from countersign.toml) cannot be used. Allowed: auto, text or json.",
        ),
        (&["--log-level", "loud"], &[], "", "log.level = \"loud\" (from the command line)"),
        (
            &["--tls-cert", "cert.pem"],
            &[],
            "",
            "tls_cert is set (from the command line), tls_key is not: TLS needs both.",
        ),
        (
            &["--tls-cert", "cert.pem", "--tls-key", "key.pem", "--listen", "127.0.0.1:0"],
            &[],
            "",
            "tls_cert cert.pem and tls_key key.pem cannot be used",
        ),
        (
            &[],
            &[],
            "lisen = '127.0.0.1:1'",
            "countersign.toml cannot be used: line 1: unknown key `lisen`, expected one of `listen`",
        ),
        (&[], &[], "listen = '127.0.0.1:1'\n[halo]\nhosts = []", "line 3: unknown key `hosts`, expected `allow_hosts`"),
        (&[], &[], "[listen", "The configuration countersign.toml cannot be used: line 1:"),
        (&["--config", "other.toml"], &[], "", "The configuration other.toml cannot be read"),
        (&["--listen", "0.0.0.0:0"], &[], "", "--force-plain-http goes on regardless"),
    ];
    for (arguments, variables, file, expected) in table {
        let said = refused(arguments, variables, file);
        assert!(said.starts_with("error: ") && said.contains(expected), "{arguments:?} {variables:?} {file}\n{said}");
    }
}

#[test]
fn a_password_is_never_told() {
    let secret = "hunter2";
    for said in [
        refused(&["--database", &format!("mysql://desk:{secret}@db.example.com/desk")], &[], ""),
        refused(&[], &[("COUNTERSIGN_DATABASE", &format!("postgres:/desk:{secret}@db.example.com"))], ""),
        refused(&["--public-url", &format!("https://desk:{secret}@desk.example.com")], &[], ""),
        refused(&[], &[], &format!("database = 'postgres://desk:{secret}@db.example.com'\ndatabase = 1")),
        refused(&[], &[("COUNTERSIGN_KEY", secret)], "listen = '127.0.0.1:0'").replace(secret, "told"),
    ] {
        assert!(!said.contains(secret) && !said.contains("told"), "{said}");
    }
}

fn doctor(place: &Place, arguments: &[&str], variables: &[(&str, &str)]) -> (i32, serde_json::Value) {
    let output = place.command(&["doctor", "--json"]).args(arguments).envs(variables.iter().copied()).output().unwrap();
    (output.status.code().unwrap(), serde_json::from_slice(&output.stdout).unwrap())
}

fn line<'d>(document: &'d serde_json::Value, id: &str) -> &'d serde_json::Value {
    document["checks"]
        .as_array()
        .unwrap()
        .iter()
        .find(|check| check["id"] == id)
        .unwrap_or_else(|| panic!("{document}"))
}

#[test]
fn the_environment_goes_before_the_file() {
    let place = Place::new();
    std::fs::write(place.path().join("countersign.toml"), "listen = '127.0.0.1:7001'").unwrap();
    let seen = |variables: &[(&str, &str)]| {
        let (code, document) = doctor(&place, &[], variables);
        assert_eq!(code, 0, "{document}");
        line(&document, "configuration")["seen"].as_str().unwrap().to_owned()
    };
    assert_eq!(seen(&[]), "countersign.toml; listens on 127.0.0.1:7001");
    assert_eq!(seen(&[("COUNTERSIGN_LISTEN", "127.0.0.1:7002")]), "countersign.toml; listens on 127.0.0.1:7002");
    assert_eq!(seen(&[("COUNTERSIGN_LISTEN", " ")]), "countersign.toml; listens on 127.0.0.1:7001");
    assert!(!place.data().exists(), "a doctor changes nothing");
}

#[test]
fn the_key_file_is_this_accounts_alone() {
    let place = Place::new();
    place.run(&["migrate"]).well();
    let key = place.data().join("countersign.key");
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&key), mode(&place.data())), (0o600, 0o700));
    let (code, document) = doctor(&place, &[], &[]);
    assert_eq!((code, &line(&document, "database")["status"]), (0, &"ok".into()), "{document}");

    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o640)).unwrap();
    let said = place.run(&["migrate"]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("(mode 0640). Run: chmod 600 "), "{}", said.err);
    assert_eq!(doctor(&place, &[], &[]).0, 1);
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();

    let text = std::fs::read_to_string(&key).unwrap();
    std::fs::write(&key, "short").unwrap();
    let said = place.run(&["migrate"]);
    assert!(said.err.contains("holds no key") && !said.err.contains("short"), "{}", said.err);

    std::fs::remove_file(&key).unwrap();
    let said = place.run(&["migrate"]);
    assert!(said.err.contains("Put the key file back from your backup"), "{}", said.err);
    let (code, document) = doctor(&place, &[], &[]);
    assert_eq!((code, &line(&document, "key_file")["status"]), (1, &"fail".into()), "{document}");

    let output = place.command(&["migrate"]).env("COUNTERSIGN_KEY", text.trim()).output().unwrap();
    assert!(output.status.success());
    let other = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let output = place.command(&["migrate"]).env("COUNTERSIGN_KEY", other).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("cannot be opened with this key file"), "{said}");
}
