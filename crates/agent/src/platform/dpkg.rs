//! Which Debian package a file belongs to.
//!
//! For: the fact "installed by the system", shown with a request. Not for: proof; the package's own file may have been
//! changed since, which is why rules and grants go by content.
//! Called by `platform::package_of`. Reads dpkg's database (`/var/lib/dpkg/info/*.list`, `/var/lib/dpkg/status`) and
//! starts no program: `dpkg -S` reads the same files, slower, and trusts PATH.

use std::fs;
use std::io::{self, BufRead as _, BufReader};
use std::path::Path;

use countersign_policy::{Name, Package, Text};

/// Folders that merged-usr systems keep below `/usr`, while packages may still list them at the root.
const MERGED: &[&str] = &["/bin/", "/sbin/", "/lib/", "/lib32/", "/lib64/", "/libx32/"];

/// The package that lists the path, in the dpkg database at `dpkg` (usually `/var/lib/dpkg`).
///
/// # Errors
/// When the database is there but cannot be read.
pub(super) fn package_of(dpkg: &Path, path: &Path) -> io::Result<Option<Package>> {
    let Some(path) = path.to_str() else { return Ok(None) };
    let spellings = spellings(path);
    let lists = match fs::read_dir(dpkg.join("info")) {
        Ok(lists) => lists,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    for entry in lists {
        let list = entry?.path();
        if list.extension().is_none_or(|extension| extension != "list") {
            continue;
        }
        let content = fs::read(&list)?;
        if !content.split(|byte| *byte == b'\n').any(|line| spellings.iter().any(|path| path.as_bytes() == line)) {
            continue;
        }
        // `name.list`, or `name:architecture.list` for packages of several architectures.
        let Some(stem) = list.file_stem().and_then(|stem| stem.to_str()) else { continue };
        let name = stem.split_once(':').map_or(stem, |(name, _)| name);
        let version = version_of(dpkg, name)?.map(|version| Text::clipped(&version));
        return Ok(Name::new(name).ok().map(|name| Package { name, version, source: Some(Text::clipped("dpkg")) }));
    }
    Ok(None)
}

/// A path as a package may list it: as it is, and on the other side of the merged-usr links.
fn spellings(path: &str) -> Vec<String> {
    let mut all = vec![path.to_owned()];
    if let Some(root) = path.strip_prefix("/usr")
        && MERGED.iter().any(|folder| root.starts_with(folder))
    {
        all.push(root.to_owned());
    }
    if MERGED.iter().any(|folder| path.starts_with(folder)) {
        all.push(format!("/usr{path}"));
    }
    all
}

/// The installed version of a package, from dpkg's status file.
fn version_of(dpkg: &Path, package: &str) -> io::Result<Option<String>> {
    let status = match fs::File::open(dpkg.join("status")) {
        Ok(status) => BufReader::new(status),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut ours = false;
    for line in status.split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        if let Some(name) = line.strip_prefix("Package: ") {
            ours = name == package;
        } else if ours && let Some(version) = line.strip_prefix("Version: ") {
            return Ok(Some(version.to_owned()));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_found_on_either_side_of_the_merged_folders() {
        let dpkg = tempfile::tempdir().unwrap();
        fs::create_dir(dpkg.path().join("info")).unwrap();
        fs::write(dpkg.path().join("info/sample:amd64.list"), "/.\n/bin\n/bin/sample\n/usr/lib/sample/x\n").unwrap();
        fs::write(dpkg.path().join("info/other.list"), "/.\n/usr/bin/sample-2\n").unwrap();
        fs::write(
            dpkg.path().join("status"),
            "Package: other\nVersion: 9\n\nPackage: sample\nStatus: install ok installed\nVersion: 1:2.3-4\n",
        )
        .unwrap();
        let find = |path: &str| package_of(dpkg.path(), Path::new(path)).unwrap();
        let package = find("/usr/bin/sample").unwrap();
        assert_eq!((package.name.as_str(), package.version.unwrap().as_str()), ("sample", "1:2.3-4"));
        assert_eq!(find("/lib/sample/x").unwrap().name.as_str(), "sample");
        assert_eq!(find("/usr/bin/sample-2").unwrap().name.as_str(), "other");
        assert_eq!(find("/usr/local/bin/sample"), None);
        assert_eq!(package_of(Path::new("/nonexistent"), Path::new("/bin/sample")).unwrap(), None);
    }
}
