//! `countersign doctor`: tries out what a server stands on, one line per thing, with what to do about it.
//!
//! It changes nothing: what is not there yet is said to be so, and made by the first start.

use std::{fs::File, path::Path};

use countersign_app::{
    clock::{Clock as _, System},
    psa::{Check, CheckStatus},
};
use countersign_store::Place;

use crate::{
    cli::End,
    config::{Config, Options},
    key_file, serve, telemetry,
};

/// How the result is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// No clock that is right is before this program: 2026-01-01, in microseconds.
const EARLIEST: i64 = 1_767_225_600_000_000;
/// So much younger than now may a file be, in seconds: its disk may have a clock of its own.
const AHEAD: i64 = 120;

/// Runs all checks and prints them.
///
/// # Errors
/// When the result cannot be printed.
pub(crate) async fn run(options: Options, form: Form, customer: Option<&str>) -> anyhow::Result<End> {
    let checks = checks(options, customer).await;
    let failed = checks.iter().any(|check| check.status == CheckStatus::Fail);
    match form {
        Form::Json => println!("{}", serde_json::json!({ "checks": checks })),
        Form::Table => checks.iter().for_each(print),
    }
    Ok(if failed { End::Found } else { End::Well })
}

async fn checks(options: Options, customer: Option<&str>) -> Vec<Check> {
    let config = match Config::read(options).and_then(|config| telemetry::start_log(&config).map(|()| config)) {
        Ok(config) => config,
        Err(error) => return vec![line("configuration", "Configuration", CheckStatus::Fail, format!("{error:#}"))],
    };
    let mut checks = vec![configuration(&config), folder(&config.data_dir), key(&config), clock(&config)];
    checks.extend(database_and_halo(&config, customer).await);
    checks
}

fn line(id: &str, title: &str, status: CheckStatus, seen: impl Into<String>) -> Check {
    Check { id: id.to_owned(), title: title.to_owned(), status, seen: seen.into(), fix: None, r#where: None }
}

fn with_fix(mut check: Check, fix: impl Into<String>) -> Check {
    check.fix = Some(fix.into());
    check
}

fn configuration(config: &Config) -> Check {
    let file = config.file.as_ref().map_or_else(|| "no file".to_owned(), |file| file.display().to_string());
    match config.check_plain_http() {
        Ok(()) => {
            line("configuration", "Configuration", CheckStatus::Ok, format!("{file}; listens on {}", config.listen))
        }
        Err(error) => line("configuration", "Configuration", CheckStatus::Fail, error.to_string()),
    }
}

fn folder(folder: &Path) -> Check {
    let (id, title, shown) = ("data_dir", "Data folder", folder.display());
    if !folder.exists() {
        return line(id, title, CheckStatus::Info, format!("{shown} is not there yet; the first start makes it"));
    }
    // A file without a name: nothing is left of it.
    match tempfile::tempfile_in(folder) {
        Ok(_) => line(id, title, CheckStatus::Ok, shown.to_string()),
        Err(error) => with_fix(
            line(id, title, CheckStatus::Fail, format!("{shown} cannot be written: {error}")),
            "Give the server's account the right to write there, or name another folder with --data-dir.",
        ),
    }
}

fn key(config: &Config) -> Check {
    let (id, title) = ("key_file", "Key file");
    match key_file::find(config) {
        Ok(Some(key)) => line(id, title, CheckStatus::Ok, format!("{}, readable by this account alone", key.from)),
        Ok(None) => match &config.database {
            Place::Sqlite(path) if path.exists() => with_fix(
                line(
                    id,
                    title,
                    CheckStatus::Fail,
                    format!("{} is gone, the database is there", config.key_file.display()),
                ),
                "Put the key file back from your backup: the database's secrets open with it alone.",
            ),
            _ => {
                let seen = format!("{} is not there yet; the first start makes it", config.key_file.display());
                line(id, title, CheckStatus::Info, seen)
            }
        },
        Err(error) => line(id, title, CheckStatus::Fail, format!("{error:#}")),
    }
}

fn clock(config: &Config) -> Check {
    let (id, title, now) = ("clock", "Clock", System.now());
    let newest = newest_write(config);
    if now.0 < EARLIEST || newest.is_some_and(|written| written - now.0 / 1_000_000 > AHEAD) {
        let seen = format!("{}, before the last time that something was written here", now.for_people());
        return with_fix(line(id, title, CheckStatus::Fail, seen), "Set the clock; let the system keep it (NTP).");
    }
    line(id, title, CheckStatus::Ok, now.for_people())
}

/// When the database's file was last written, in seconds.
fn newest_write(config: &Config) -> Option<i64> {
    let Place::Sqlite(path) = &config.database else { return None };
    let written = std::fs::metadata(path).ok()?.modified().ok()?;
    let since = written.duration_since(std::time::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_secs()).ok()
}

/// True if another process has the SQLite database open.
pub(crate) fn is_open_elsewhere(database: &Path) -> bool {
    let lock = File::options().write(true).open(database.with_extension("lock"));
    lock.is_ok_and(|lock| matches!(lock.try_lock(), Err(std::fs::TryLockError::WouldBlock)))
}

async fn database_and_halo(config: &Config, customer: Option<&str>) -> Vec<Check> {
    let (id, title) = ("database", "Database");
    let halo_unknown = |fix: &str| {
        with_fix(line("halo", "HaloPSA", CheckStatus::Unknown, "not looked at: the database is not open here"), fix)
    };
    let shown = match &config.database {
        Place::Sqlite(path) => path.display().to_string(),
        Place::Postgres { .. } => "PostgreSQL".to_owned(),
    };
    if let Place::Sqlite(path) = &config.database {
        if !path.exists() {
            let seen = format!("{shown} is not there yet; the first start makes it");
            return vec![
                line(id, title, CheckStatus::Info, seen),
                halo_unknown("Start the server, then set HaloPSA up in the portal."),
            ];
        }
        if is_open_elsewhere(path) {
            let seen = format!("{shown} is open in a running server, whose /readyz says how it does");
            return vec![
                line(id, title, CheckStatus::Info, seen),
                halo_unknown(
                    "Run the live check under Settings › Ticketing System in the portal, or stop the server and run this again.",
                ),
            ];
        }
    }
    match key_file::find(config) {
        Ok(Some(_)) => {}
        _ => return vec![line(id, title, CheckStatus::Unknown, format!("{shown} is not opened without its key"))],
    }
    let opened = match serve::open(config, &serve::public_url(config, config.listen)).await {
        Ok(opened) => opened,
        Err(error) => {
            return vec![
                line(id, title, CheckStatus::Fail, format!("{error:#}")),
                halo_unknown("Mend the database first."),
            ];
        }
    };
    let mut checks = match opened.app.ready().await {
        Ok(()) => vec![line(id, title, CheckStatus::Ok, format!("{shown} answers"))],
        Err(error) => vec![line(id, title, CheckStatus::Fail, format!("{shown}: {error}"))],
    };
    match opened.app.check_as_operator(customer).await {
        Ok(run) => {
            checks.extend(run.told().into_iter().map(|check| Check { id: format!("halo.{}", check.id), ..check }));
        }
        Err(error) => checks.push(line("halo", "HaloPSA", CheckStatus::Fail, error.to_string())),
    }
    checks
}

fn print(check: &Check) {
    let status = match check.status {
        CheckStatus::Ok => "ok",
        CheckStatus::Info => "info",
        CheckStatus::Warn => "warn",
        CheckStatus::Fail => "FAIL",
        CheckStatus::Unknown => "?",
    };
    println!("{status:<5} {:<24} {}", check.title, check.seen);
    if let Some(fix) = &check.fix {
        println!("{:<30} -> {fix}", "");
    }
    if let Some(place) = &check.r#where {
        println!("{:<30}    {place}", "");
    }
}
