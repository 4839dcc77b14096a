//! How risky a request looks, from facts that are at hand, each with its reason.
//!
//! It informs a person and decides nothing.

use serde::{Deserialize, Serialize};

use crate::{
    policy::{Kind, Place},
    request::Asked,
};

/// How risky.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Nothing stands out.
    Low,
    /// Something to look at before deciding.
    LookTwice,
    /// Approving it approves more than one program, or nobody can tell what it is.
    High,
}

/// One reason, with what it says on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A shell starts any other program.
    Shell,
    /// An interpreter runs any script.
    Interpreter,
    /// A package manager installs programs and runs their scripts.
    PackageManager,
    /// An editor changes any file.
    Editor,
    /// Nobody signed it and no package of the system holds it.
    UnknownOrigin,
    /// A publisher is named, but the signature does not verify.
    SignatureNotVerified,
    /// It lies where people without administrator rights can write.
    OpenFolder,
    /// A verified publisher signed it.
    Signed,
    /// A package of the system holds it.
    Packaged,
}

impl Reason {
    /// What the reason weighs on its own.
    #[must_use]
    pub const fn level(self) -> Level {
        match self {
            Self::Shell | Self::Interpreter | Self::Editor | Self::SignatureNotVerified => Level::High,
            Self::PackageManager | Self::UnknownOrigin | Self::OpenFolder => Level::LookTwice,
            Self::Signed | Self::Packaged => Level::Low,
        }
    }

    /// The word used on the wire and as text key.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Shell => "shell",
            Self::Interpreter => "interpreter",
            Self::PackageManager => "package_manager",
            Self::Editor => "editor",
            Self::UnknownOrigin => "unknown_origin",
            Self::SignatureNotVerified => "signature_not_verified",
            Self::OpenFolder => "open_folder",
            Self::Signed => "signed",
            Self::Packaged => "packaged",
        }
    }
}

/// The whole view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Risk {
    /// The heaviest reason's level; high too where something unknown lies in an open folder.
    pub level: Level,
    /// The reasons, heaviest first.
    pub reasons: Vec<Reason>,
}

/// Looks at what a request asks for.
#[must_use]
pub fn assess(asked: &Asked) -> Risk {
    let program = &asked.program;
    let mut reasons = Vec::new();
    reasons.extend(program.kind().map(|kind| match kind {
        Kind::Shell => Reason::Shell,
        Kind::Interpreter => Reason::Interpreter,
        Kind::PackageManager => Reason::PackageManager,
        Kind::Editor => Reason::Editor,
    }));
    match (&program.publisher, &program.package) {
        (Some(publisher), _) if publisher.verified => reasons.push(Reason::Signed),
        (Some(_), _) => reasons.push(Reason::SignatureNotVerified),
        (None, Some(_)) => reasons.push(Reason::Packaged),
        (None, None) => reasons.push(Reason::UnknownOrigin),
    }
    let open = matches!(program.place(), Some(Place::Downloads | Place::Temp | Place::Home));
    if open {
        reasons.push(Reason::OpenFolder);
    }
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.level()));
    let heaviest = reasons.iter().map(|reason| reason.level()).max().unwrap_or(Level::Low);
    let level = if open && reasons.contains(&Reason::UnknownOrigin) { Level::High } else { heaviest };
    Risk { level, reasons }
}
