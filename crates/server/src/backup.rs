//! The commands `backup` and `restore`: the database as one file, and back.
//!
//! Called by the command line. The decision a reader would undo: neither goes through the use cases. A backup is taken
//! beside a server that runs, and a restore must not write a row of its own into the database it finds empty.

use std::{
    fs::File,
    io::{BufReader, BufWriter, ErrorKind, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, anyhow, bail};
use countersign_app::{
    clock::{Clock as _, System},
    timers::BEAT,
};
use countersign_store::{
    Place,
    backup::{self, Over, TableCount},
};

use crate::{config::Config, doctor, key_file, serve};

/// Takes a backup into a new file, for this account alone.
pub(crate) async fn take(config: &Config, path: &Path) -> anyhow::Result<()> {
    if path.exists() {
        bail!("{} exists already. Name a new file", path.display());
    }
    let part = part_of(path);
    let file = private(&part).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => anyhow!(
            "{} is there: another backup is being taken, or one was not finished. Remove it, or name another file",
            part.display()
        ),
        _ => anyhow!(error).context(format!("{} cannot be made", part.display())),
    })?;
    let taken = write(config, file).await;
    let counts = match taken {
        Ok(counts) => counts,
        Err(error) => {
            remove(&part);
            return Err(error);
        }
    };
    // A rename would replace what was put there meanwhile.
    std::fs::hard_link(&part, path)
        .with_context(|| format!("The backup is whole, but stays in {}: {}", part.display(), path.display()))?;
    remove(&part);
    tell(&counts);
    println!("The backup is in {}.", path.display());
    println!("Its secrets are sealed: keep a copy of the key file in another place, they cannot be opened without it.");
    Ok(())
}

async fn write(config: &Config, file: File) -> anyhow::Result<Vec<TableCount>> {
    let mut out = BufWriter::new(file);
    let counts = backup::backup(&config.database, &mut out, System.now(), env!("CARGO_PKG_VERSION"))
        .await
        .context("No backup was taken")?;
    out.flush().context("The backup cannot be written")?;
    out.get_ref().sync_all().context("The backup cannot be written")?;
    Ok(counts)
}

fn remove(part: &Path) {
    if let Err(left) = std::fs::remove_file(part) {
        tracing::warn!(file = %part.display(), %left, "the file it was written to could not be removed");
    }
}

fn part_of(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".part");
    path.with_file_name(name)
}

/// A new file for this account alone: not one that was there, which keeps its mode, and not where a link leads.
fn private(path: &Path) -> std::io::Result<File> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Restores a backup, and says what is left to do.
pub(crate) async fn put_back(config: &Config, path: &Path, over: Over) -> anyhow::Result<()> {
    let open = || File::open(path).map(BufReader::new).with_context(|| format!("{} cannot be read", path.display()));
    // All of it is read before anything is touched.
    backup::inspect(open()?).with_context(|| format!("{} is not restored", path.display()))?;
    serve::make_folder(&config.data_dir)?;
    let running = backup::running_nodes(&config.database, async || {
        println!("Looking whether a server runs on this database. This takes ten seconds.");
        System.sleep(2 * BEAT).await;
    })
    .await
    .with_context(|| format!("{} is not restored", path.display()))?;
    if !running.is_empty() {
        bail!(
            "{} is not restored: servers run on the database ({}). Stop them first",
            path.display(),
            running.join(", ")
        );
    }
    let restored = backup::restore(&config.database, open()?, over, System.now()).await;
    let (header, counts) = match &config.database {
        Place::Sqlite(file) if restored.is_err() && doctor::is_open_elsewhere(file) => {
            bail!("{} is not restored: a running server has {} open. Stop it first", path.display(), file.display())
        }
        _ => restored.with_context(|| format!("{} is not restored", path.display())),
    }?;
    tell(&counts);
    println!("Restored what Countersign {} held at {}.", header.version, header.taken_at);
    if key_file::find(config)?.is_none() {
        println!(
            "There is no key file yet. Put the one that belongs to this backup in its place before the server starts."
        );
    } else {
        // The use cases open every secret they need.
        serve::open(config, &serve::public_url(config, config.listen))
            .await
            .context("The database is restored, but a server would not start on it")?;
        println!("The key file opens its secrets.");
    }
    println!(
        "What was not told to HaloPSA yet is looked for there before it is sent. If HaloPSA holds newer tickets of this \
         server, new ones wait until an administrator lets them go in the portal."
    );
    Ok(())
}

fn tell(counts: &[TableCount]) {
    for count in counts.iter().filter(|count| count.rows > 0) {
        println!("{:>12} {}", count.rows, count.table);
    }
    let rows: u64 = counts.iter().map(|count| count.rows).sum();
    println!("{rows:>12} rows in all.");
}
