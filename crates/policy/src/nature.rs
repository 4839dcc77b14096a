//! What a path alone says about a program.
//!
//! For: showing risk, and knowing where an approval must name the exact command line.
//! Not for: security by itself. Names can be chosen freely; a program that is *not* found here is not thereby safe.
//! Called by `domain` for risk and rules. Paths of Windows and of Unix are both understood, since a server sees both.

/// A program that does whatever its arguments or its user say, so that approving it approves much more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Starts any other program: `bash`, `cmd`, `sudo`.
    Shell,
    /// Runs any script: `python3.11`, `node`, `wscript`.
    Interpreter,
    /// Installs programs, and runs their scripts: `apt-get`, `msiexec`.
    PackageManager,
    /// Changes any file and starts a shell on a key stroke: `vim`, `less`.
    Editor,
}

/// A place where files land without an administrator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// A folder for downloads.
    Downloads,
    /// A folder for temporary files.
    Temp,
    /// Anywhere else in somebody's home or in a folder open to all.
    Home,
}

const SHELLS: &[&str] = &[
    "ash",
    "bash",
    "busybox",
    "chroot",
    "cmd",
    "csh",
    "dash",
    "doas",
    "env",
    "fish",
    "ksh",
    "mksh",
    "nsenter",
    "nu",
    "pkexec",
    "powershell",
    "pwsh",
    "rbash",
    "screen",
    "sh",
    "su",
    "sudo",
    "tcsh",
    "tmux",
    "toybox",
    "wsl",
    "xargs",
    "zsh",
];
const INTERPRETERS: &[&str] = &[
    "awk",
    "bun",
    "cscript",
    "deno",
    "dotnet",
    "expect",
    "gawk",
    "guile",
    "java",
    "javaw",
    "lua",
    "luajit",
    "mawk",
    "mshta",
    "node",
    "nodejs",
    "osascript",
    "perl",
    "php",
    "pypy",
    "python",
    "pythonw",
    "rscript",
    "ruby",
    "rundll",
    "tclsh",
    "wish",
    "wscript",
];
const PACKAGE_MANAGERS: &[&str] = &[
    "apk", "apt", "apt-get", "aptitude", "brew", "cargo", "choco", "dnf", "dpkg", "emerge", "flatpak", "gem",
    "msiexec", "nix", "nix-env", "npm", "npx", "pacman", "pip", "pipx", "pnpm", "port", "rpm", "scoop", "snap",
    "winget", "yarn", "yum", "zypper",
];
const EDITORS: &[&str] = &[
    "ed",
    "ex",
    "emacs",
    "joe",
    "kate",
    "less",
    "man",
    "mcedit",
    "more",
    "most",
    "nano",
    "notepad",
    "nvim",
    "pico",
    "rview",
    "rvim",
    "vi",
    "view",
    "vim",
    "vim.basic",
    "vim.tiny",
    "vimdiff",
    "vipw",
    "visudo",
];

/// The last part of a path of either system.
#[must_use]
pub fn file_name(path: &str) -> &str {
    path.trim_end_matches(['/', '\\']).rsplit(['/', '\\']).next().unwrap_or(path)
}

/// What kind of open-ended program a path names, by its file name without `.exe` and version numbers.
///
/// On Unix a file may be called `CMD`; case is ignored all the same, since a false alarm costs less than a miss.
#[must_use]
pub fn kind(path: &str) -> Option<Kind> {
    let name = file_name(path).to_ascii_lowercase();
    let name = [".exe", ".com", ".cmd", ".bat"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name);
    let unversioned = name.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '_'));
    [
        (Kind::Shell, SHELLS),
        (Kind::Interpreter, INTERPRETERS),
        (Kind::PackageManager, PACKAGE_MANAGERS),
        (Kind::Editor, EDITORS),
    ]
    .into_iter()
    .find(|(_, names)| names.contains(&name) || names.contains(&unversioned))
    .map(|(kind, _)| kind)
}

/// The place of a path, if people without administrator rights can usually write there.
#[must_use]
pub fn place(path: &str) -> Option<Place> {
    let unix = path.starts_with('/');
    let lower = path.to_lowercase().replace('\\', "/");
    let mut folders: Vec<&str> = lower.split('/').filter(|part| !part.is_empty()).collect();
    folders.pop();
    let starts = |start: &[&str]| folders.starts_with(start);
    let home = if unix {
        starts(&["home"]) || starts(&["users"]) || starts(&["run", "user"])
    } else {
        // The first part is the drive.
        folders.get(1) == Some(&"users") || starts(&["users"])
    };
    let temp = if unix {
        starts(&["tmp"]) || starts(&["var", "tmp"]) || starts(&["dev", "shm"]) || starts(&["private", "tmp"])
    } else {
        matches!(folders.get(1), Some(&"temp" | &"tmp")) || folders.get(1..3) == Some(&["windows", "temp"])
    };
    if folders.contains(&"downloads") {
        Some(Place::Downloads)
    } else if temp || home && folders.iter().any(|folder| matches!(*folder, "temp" | "tmp")) {
        Some(Place::Temp)
    } else if home || !unix && folders.get(1) == Some(&"programdata") {
        Some(Place::Home)
    } else {
        None
    }
}
