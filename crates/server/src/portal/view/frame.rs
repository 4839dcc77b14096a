//! What surrounds every page: navigation, counts, the person, the state of the connection.

use crate::portal::text::Text;

/// The navigation's place of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Screen {
    Approvals,
    Requests,
    Companies,
    Locations,
    Computers,
    Users,
    Contacts,
    Steps,
    Ticketing,
    Alerts,
    Caps,
}

/// Whether `HaloPSA` can be reached, as the foot of the side bar says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Connection {
    NotSet,
    Connected,
    /// The last call failed or was refused; tickets wait.
    Failing,
}

impl Connection {
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::NotSet => "halo-not-set",
            Self::Connected => "halo-connected",
            Self::Failing => "halo-failing",
        }
    }

    pub(crate) fn tone(self) -> Tone {
        match self {
            Self::NotSet => Tone::Quiet,
            Self::Connected => Tone::Ok,
            Self::Failing => Tone::Bad,
        }
    }
}

/// What a word or marker says by its colour. Never the only sign: each stands beside a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Quiet,
    Info,
    Accent,
    Ok,
    Warn,
    Bad,
}

impl Tone {
    /// The class of the theme sheet.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Quiet => "quiet",
            Self::Info => "info",
            Self::Accent => "accent",
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Bad => "bad",
        }
    }

    /// The icon beside a reason or a state of this tone.
    pub(crate) fn icon(self) -> &'static str {
        match self {
            Self::Quiet => "help-circle",
            Self::Info => "info-circle",
            Self::Accent => "clock",
            Self::Ok => "circle-check",
            Self::Warn => "alert-circle",
            Self::Bad => "alert-triangle",
        }
    }
}

/// A moment: the exact one for the page's script, and its UTC form for readers without it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct When {
    /// RFC 3339, UTC.
    pub(crate) iso: String,
    /// What stands there until the script has written the reader's own zone.
    pub(crate) text: String,
}

/// The technician who is signed in.
#[derive(Debug, Clone, Default)]
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) initials: String,
    pub(crate) role: String,
}

/// One sentence over the content.
#[derive(Debug, Clone)]
pub(crate) struct Banner {
    pub(crate) tone: Tone,
    pub(crate) text: String,
}

/// Whether a person may read the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Settings {
    Shown,
    Hidden,
}

/// How many records of each kind have no link, for the side bar. Zero shows nothing.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Unlinked {
    pub(crate) companies: u64,
    pub(crate) locations: u64,
    pub(crate) computers: u64,
    pub(crate) users: u64,
}

/// All that surrounds a page.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) screen: Screen,
    /// The page's name, for the browser's tab and the phone's top bar.
    pub(crate) title: String,
    pub(crate) person: Person,
    pub(crate) connection: Connection,
    pub(crate) waiting: u64,
    pub(crate) unlinked: Unlinked,
    /// Whether the settings are in the navigation.
    pub(crate) settings: Settings,
    /// Ticket steps that wait for a person.
    pub(crate) attention: u64,
    pub(crate) banner: Option<Banner>,
    /// The session's token for unsafe methods; goes into every form.
    pub(crate) form_token: String,
    /// What the search field holds.
    pub(crate) search: String,
}

/// A place of the navigation.
pub(crate) struct Place {
    pub(crate) href: &'static str,
    pub(crate) icon: &'static str,
    pub(crate) key: &'static str,
    pub(crate) current: bool,
    pub(crate) count: u64,
    pub(crate) count_kind: CountKind,
}

/// What the number beside a place counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CountKind {
    Waiting,
    Unlinked,
    Attention,
    None,
}

impl Frame {
    pub(crate) fn shows_settings(&self) -> bool {
        self.settings == Settings::Shown
    }

    fn place(&self, screen: Screen) -> Place {
        use CountKind as Kind;
        let unlinked = self.unlinked;
        let (href, icon, key, count, count_kind) = match screen {
            Screen::Approvals => ("/portal/approvals", "inbox", "nav-approvals", self.waiting, Kind::Waiting),
            Screen::Requests => ("/portal/requests", "history", "nav-requests", 0, Kind::None),
            Screen::Companies => ("/portal/companies", "building", "nav-companies", unlinked.companies, Kind::Unlinked),
            Screen::Locations => ("/portal/locations", "map-pin", "nav-locations", unlinked.locations, Kind::Unlinked),
            Screen::Computers => {
                ("/portal/computers", "device-desktop", "nav-computers", unlinked.computers, Kind::Unlinked)
            }
            Screen::Users => ("/portal/users", "users", "nav-users", unlinked.users, Kind::Unlinked),
            Screen::Contacts => ("/portal/contacts", "user", "nav-contacts", 0, Kind::None),
            Screen::Steps => ("/portal/steps", "ticket", "nav-steps", self.attention, Kind::Attention),
            Screen::Ticketing => ("/portal/settings/ticketing", "plug", "nav-ticketing", 0, Kind::None),
            Screen::Alerts => ("/portal/settings/alerts", "message-2", "nav-alerts", 0, Kind::None),
            Screen::Caps => ("/portal/settings/caps", "hand-stop", "nav-caps", 0, Kind::None),
        };
        Place { href, icon, key, current: self.screen == screen, count, count_kind }
    }

    pub(crate) fn work(&self) -> [Place; 2] {
        [self.place(Screen::Approvals), self.place(Screen::Requests)]
    }

    pub(crate) fn directory(&self) -> [Place; 5] {
        [
            self.place(Screen::Companies),
            self.place(Screen::Locations),
            self.place(Screen::Computers),
            self.place(Screen::Users),
            self.place(Screen::Contacts),
        ]
    }

    pub(crate) fn control(&self) -> [Place; 1] {
        [self.place(Screen::Steps)]
    }

    /// None for who may not read them.
    pub(crate) fn settings(&self) -> Vec<Place> {
        match self.settings {
            Settings::Shown => {
                Vec::from([Screen::Ticketing, Screen::Alerts, Screen::Caps].map(|screen| self.place(screen)))
            }
            Settings::Hidden => Vec::new(),
        }
    }

    /// The four places of the phone's tab bar; the fifth opens the rest.
    pub(crate) fn tabs(&self) -> [Place; 4] {
        [
            self.place(Screen::Approvals),
            self.place(Screen::Requests),
            self.place(Screen::Companies),
            self.place(Screen::Steps),
        ]
    }

    /// What the phone's "More" opens.
    pub(crate) fn rest(&self) -> Vec<Place> {
        let directory = [Screen::Locations, Screen::Computers, Screen::Users, Screen::Contacts];
        directory.into_iter().map(|screen| self.place(screen)).chain(self.settings()).collect()
    }

    pub(crate) fn rest_is_current(&self) -> bool {
        self.rest().iter().any(|place| place.current)
    }
}

/// One tab over a list: its state's name in the address, its label, how many, and whether it is chosen.
#[derive(Debug, Clone)]
pub(crate) struct Tab {
    pub(crate) state: &'static str,
    pub(crate) label: String,
    pub(crate) count: Option<u64>,
    pub(crate) current: bool,
}

/// What a page needs to say when there is nothing in its list.
#[derive(Debug, Clone)]
pub(crate) struct Empty {
    pub(crate) title: String,
    pub(crate) text: String,
    /// Where the next step is, with its label.
    pub(crate) link: Option<(String, String)>,
}

impl Empty {
    /// Nothing fits the filter; the way out is to clear it.
    pub(crate) fn filtered(text: Text, sentence: String, clear: &str) -> Self {
        Self { title: sentence, text: String::new(), link: Some((clear.to_owned(), text.t("filter-clear"))) }
    }
}
