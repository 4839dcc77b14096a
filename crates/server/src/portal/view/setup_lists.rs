//! The guided set-up's steps with lists: customers, the test ticket, and what is left to do.

use askama::Template;

use super::frame::Frame;
use super::setup::{Lines, ROOT, Steps};
use super::ticketing::Switch;
use crate::portal::text::Text;

/// A customer of Halo's.
#[derive(Debug, Clone)]
pub(crate) struct Customer {
    pub(crate) id: String,
    pub(crate) name: String,
    /// A company is linked to it.
    pub(crate) linked: Switch,
}

/// Customers to choose from: also the fragment that answers a search.
#[derive(Debug, Clone, Template)]
#[template(path = "setup/customer_list.html")]
pub(crate) struct CustomerList {
    pub(crate) text: Text,
    pub(crate) query: String,
    pub(crate) rows: Vec<Customer>,
    /// How many fit the search.
    pub(crate) found: u64,
    /// How many there are.
    pub(crate) all: u64,
    /// How many of them are no company here yet.
    pub(crate) left: u64,
    /// The number of the page shown, from 1.
    pub(crate) page: usize,
    pub(crate) pages: usize,
    /// Why there is none to choose from.
    pub(crate) error: Option<String>,
}

impl CustomerList {
    pub(crate) fn root() -> &'static str {
        ROOT
    }

    pub(crate) fn before(&self) -> Option<usize> {
        self.page.checked_sub(1).filter(|page| *page > 0)
    }

    pub(crate) fn after(&self) -> Option<usize> {
        Some(self.page + 1).filter(|page| *page <= self.pages)
    }
}

/// A company of ours that is not linked.
#[derive(Debug, Clone)]
pub(crate) struct Loose {
    pub(crate) id: String,
    pub(crate) name: String,
    /// The customer that it is most like: its id and its name.
    pub(crate) like: Option<(String, String)>,
}

/// A work that goes on in the background: also the fragment that asks for itself again.
#[derive(Debug, Clone, Template)]
#[template(path = "setup/working.html")]
pub(crate) struct Working {
    pub(crate) text: Text,
    pub(crate) running: Switch,
    /// Whether an import runs: the page is loaded anew when it is over.
    pub(crate) importing: Switch,
    /// What is done, one sentence for each work.
    pub(crate) works: Vec<Work>,
    /// What failed: name, and why.
    pub(crate) failures: Vec<(String, String)>,
    /// Why the reading of the directory gets no further.
    pub(crate) trouble: Option<String>,
}

impl Working {
    pub(crate) fn root() -> &'static str {
        ROOT
    }
}

/// One work.
#[derive(Debug, Clone)]
pub(crate) struct Work {
    pub(crate) sentence: String,
    pub(crate) running: Switch,
    /// How much is done, and of how much; without the second nobody knows.
    pub(crate) done: u64,
    pub(crate) of: Option<u64>,
}

/// Step 6: customers and companies.
#[derive(Debug, Clone, Template)]
#[template(path = "setup/customers.html")]
pub(crate) struct CustomersPage {
    pub(crate) text: Text,
    pub(crate) frame: Frame,
    pub(crate) steps: Steps,
    pub(crate) list: CustomerList,
    /// Companies of ours without a link: the first of them.
    pub(crate) loose: Vec<Loose>,
    pub(crate) loose_all: u64,
    pub(crate) working: Working,
}

/// Customers to make the test ticket for: also the fragment that answers a search.
#[derive(Debug, Clone, Template)]
#[template(path = "setup/test_customers.html")]
pub(crate) struct TestCustomers {
    pub(crate) text: Text,
    pub(crate) query: String,
    pub(crate) rows: Vec<Customer>,
    pub(crate) found: u64,
    pub(crate) chosen: String,
    pub(crate) error: Option<String>,
}

impl TestCustomers {
    pub(crate) fn shown(&self) -> u64 {
        u64::try_from(self.rows.len()).unwrap_or(u64::MAX)
    }
}

/// Step 7: the test ticket.
#[derive(Debug, Clone, Template)]
#[template(path = "setup/test.html")]
pub(crate) struct TestPage {
    pub(crate) text: Text,
    pub(crate) frame: Frame,
    pub(crate) steps: Steps,
    pub(crate) customers: TestCustomers,
    /// Why the test was not begun.
    pub(crate) error: Option<String>,
    /// The run, once there is one that writes.
    pub(crate) lines: Option<Lines>,
}

/// One thing that is left to do.
#[derive(Debug, Clone)]
pub(crate) struct Left {
    pub(crate) href: &'static str,
    pub(crate) sentence: String,
    /// Needed for tickets, not just useful.
    pub(crate) needed: Switch,
}

/// Step 8: done.
#[derive(Debug, Clone, Template)]
#[template(path = "setup/done.html")]
pub(crate) struct DonePage {
    pub(crate) text: Text,
    pub(crate) frame: Frame,
    pub(crate) steps: Steps,
    pub(crate) left: Vec<Left>,
    /// How many computers are enrolled.
    pub(crate) computers: u64,
    /// The command that enrols a computer, once a key was made.
    pub(crate) enroll_command: Option<String>,
}
