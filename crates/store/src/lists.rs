//! What a list of records shows, in which order, and how many there are.
//!
//! Called by `directory` and `people`, whose rows are listed, and by `app` for counts. The decision a reader would undo:
//! filters that are not set are left out of the text, and both orders are an index's, so that a page of a hundred thousand
//! records costs what a page of ten does.

use std::collections::HashMap;

use countersign_domain::{
    id::CompanyId,
    link::{Kind, LinkState},
    role::Access,
    text::name_key,
};

use crate::{
    Result, Store,
    directory::{COMPANIES, COMPUTERS, CONTACTS, LOCATIONS},
    people::TECHNICIANS,
    query::Query,
    requests::{like, only},
};

/// Which records to list.
#[derive(Debug, Clone, Default)]
pub struct DirectoryQuery {
    /// Bearing this text in their name.
    pub search: Option<String>,
    /// Standing so to the other side.
    pub link: Option<LinkState>,
    /// Of this company.
    pub company: Option<CompanyId>,
    /// Those in use, or those that are archived.
    pub shelf: Shelf,
    /// These alone; empty is no limit.
    pub ids: Vec<String>,
    /// This one alone, archived or not.
    pub id: Option<String>,
    /// In which order.
    pub order: Order,
    /// After this one: what it is ordered by (its name in normal form; its creation in microseconds), and its id.
    pub after: Option<(String, String)>,
    /// How many at the most.
    pub limit: usize,
}

/// Which of the two halves of a list: an archived record is in no list, count or choice but its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Shelf {
    /// What is in use; for technicians, who may sign in.
    #[default]
    InUse,
    /// What is archived; for technicians, who are disabled.
    Archived,
    /// Both.
    Both,
}

/// The order of a list. Both go by an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// By name.
    #[default]
    Name,
    /// By creation, the newest first.
    Newest,
}

/// How many records stand in each state of a link, and how many are archived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LinkCounts {
    /// Tied to nothing.
    pub unlinked: u64,
    /// Tied by id.
    pub linked: u64,
    /// More than one fits.
    pub ambiguous: u64,
    /// Tied to a record that is gone.
    pub missing: u64,
    /// Archived; the others are in use.
    pub archived: u64,
}

impl LinkCounts {
    /// All that are in use.
    #[must_use]
    pub const fn in_use(self) -> u64 {
        self.unlinked + self.linked + self.ambiguous + self.missing
    }
}

/// How many records of each kind are not linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UnlinkedCounts {
    /// Companies.
    pub companies: u64,
    /// Locations.
    pub locations: u64,
    /// Computers.
    pub computers: u64,
    /// Technicians.
    pub technicians: u64,
}

/// A table of records, as far as lists and counts tell them apart.
pub(crate) struct Table {
    kind: Kind,
    name: &'static str,
    select: &'static str,
    /// The column of the company; none where everybody sees all.
    company: Option<&'static str>,
    in_use: &'static str,
    archived: &'static str,
}

impl Table {
    /// What of a kind is listed.
    pub(crate) const fn of(kind: Kind) -> Self {
        let (name, select, company) = match kind {
            Kind::Company => ("companies", COMPANIES, Some("d.id")),
            Kind::Location => ("locations", LOCATIONS, Some("d.company_id")),
            Kind::Computer => ("computers", COMPUTERS, Some("d.company_id")),
            Kind::Contact => ("contacts", CONTACTS, Some("d.company_id")),
            Kind::Technician => ("technicians", TECHNICIANS, None),
        };
        let (in_use, archived) = match kind {
            Kind::Technician => (" AND d.disabled = 0", " AND d.disabled <> 0"),
            _ => (" AND d.archived_at IS NULL", " AND d.archived_at IS NOT NULL"),
        };
        Self { kind, name, select, company, in_use, archived }
    }

    /// Its name.
    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    /// The condition of what is in use, of the rows `d`.
    pub(crate) const fn in_use(&self) -> &'static str {
        self.in_use
    }

    /// The rows that `wanted` asks for, in order.
    pub(crate) fn rows(&self, access: &Access, wanted: &DirectoryQuery) -> Query {
        let mut query = Query::build(self.select);
        self.narrow(&mut query, access, wanted);
        match wanted.link {
            Some(LinkState::Unlinked) => {
                query.push(" AND COALESCE(k.state, 'unlinked') = 'unlinked'");
            }
            Some(state) => {
                query.push(" AND k.state = ").arg(state.as_str());
            }
            None => {}
        }
        match (&wanted.after, wanted.order) {
            (Some((name, id)), Order::Name) => {
                query.push(" AND (d.name_key, d.id) > (").arg(name).push(", ").arg(id).push(")");
            }
            (Some((at, id)), Order::Newest) => {
                let at = at.parse().unwrap_or(i64::MAX);
                query.push(" AND (d.created_at, d.id) < (").arg(at).push(", ").arg(id).push(")");
            }
            (None, _) => {}
        }
        query.push(match wanted.order {
            Order::Name => " ORDER BY d.name_key, d.id LIMIT ",
            Order::Newest => " ORDER BY d.created_at DESC, d.id DESC LIMIT ",
        });
        query.arg(i64::try_from(wanted.limit.max(1)).unwrap_or(i64::MAX));
        query
    }

    /// How many of them stand in each state of a link.
    fn counts(&self, access: &Access, wanted: &DirectoryQuery) -> Query {
        let mut query = Query::build(&format!(
            "SELECT COALESCE(k.state, 'unlinked') AS state, COUNT(*) FROM {} d
             LEFT JOIN links k ON k.kind = '{}' AND k.id = d.id WHERE 1 = 1",
            self.name,
            self.kind.as_str()
        ));
        self.narrow(&mut query, access, wanted);
        query.push(" GROUP BY COALESCE(k.state, 'unlinked')");
        query
    }

    fn narrow(&self, query: &mut Query, access: &Access, wanted: &DirectoryQuery) {
        if let Some(column) = self.company {
            only(query, column, access);
            if let Some(company) = &wanted.company {
                query.push(" AND ").push(column).push(" = ").arg(company.as_str());
            }
        }
        match (&wanted.id, wanted.shelf) {
            (Some(id), _) => {
                query.push(" AND d.id = ").arg(id);
            }
            (None, Shelf::InUse) => {
                query.push(self.in_use);
            }
            (None, Shelf::Archived) => {
                query.push(self.archived);
            }
            (None, Shelf::Both) => {}
        }
        if !wanted.ids.is_empty() {
            query.push(" AND d.id IN ").list(wanted.ids.iter().map(String::as_str));
        }
        if let Some(search) = wanted.search.as_deref().filter(|text| !text.trim().is_empty()) {
            query.push(" AND d.name_key LIKE ").arg(like(&name_key(search))).push(" ESCAPE '!'");
        }
    }
}

fn count(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}

impl Store {
    /// How many records of a kind stand in each state of a link, among what the caller may see and `wanted` asks for;
    /// what `wanted` says of link, order and page does not matter.
    ///
    /// # Errors
    /// [`Error::Database`] where they cannot be counted.
    pub async fn link_counts(&self, kind: Kind, access: &Access, wanted: &DirectoryQuery) -> Result<LinkCounts> {
        let mut conn = self.read().await?;
        let table = Table::of(kind);
        let mut counts = LinkCounts::default();
        for shelf in [Shelf::InUse, Shelf::Archived] {
            let query = table.counts(access, &DirectoryQuery { shelf, ..wanted.clone() });
            for (state, n) in conn.all::<(String, i64)>(&query).await? {
                match (shelf, LinkState::parse(&state)) {
                    (Shelf::Archived, _) => counts.archived += count(n),
                    (_, Some(LinkState::Linked)) => counts.linked += count(n),
                    (_, Some(LinkState::Ambiguous)) => counts.ambiguous += count(n),
                    (_, Some(LinkState::Missing)) => counts.missing += count(n),
                    (_, Some(LinkState::Unlinked) | None) => counts.unlinked += count(n),
                }
            }
        }
        Ok(counts)
    }

    /// How many records of each kind are in use and not linked, among what the caller may see.
    ///
    /// # Errors
    /// [`Error::Database`] where they cannot be counted.
    pub async fn unlinked(&self, access: &Access) -> Result<UnlinkedCounts> {
        let mut conn = self.read().await?;
        let mut counts = UnlinkedCounts::default();
        for (kind, found) in [
            (Kind::Company, &mut counts.companies),
            (Kind::Location, &mut counts.locations),
            (Kind::Computer, &mut counts.computers),
            (Kind::Technician, &mut counts.technicians),
        ] {
            let table = Table::of(kind);
            let mut query = Query::build(&format!(
                "SELECT COUNT(*) FROM {} d LEFT JOIN links k ON k.kind = '{}' AND k.id = d.id
                 WHERE COALESCE(k.state, 'unlinked') <> 'linked'",
                table.name,
                kind.as_str()
            ));
            table.narrow(&mut query, access, &DirectoryQuery::default());
            *found = conn.one::<(i64,)>(&query).await?.map_or(0, |(n,)| count(n));
        }
        Ok(counts)
    }

    /// How many locations and computers in use each of these companies has; a company without any is left out.
    ///
    /// # Errors
    /// [`Error::Database`] where they cannot be counted.
    pub async fn company_sizes(&self, companies: &[CompanyId]) -> Result<HashMap<String, (u64, u64)>> {
        let mut sizes: HashMap<String, (u64, u64)> = HashMap::new();
        if companies.is_empty() {
            return Ok(sizes);
        }
        let mut conn = self.read().await?;
        for kind in [Kind::Location, Kind::Computer] {
            let mut query = Query::build(&format!(
                "SELECT company_id, COUNT(*) FROM {} WHERE company_id IN ",
                Table::of(kind).name
            ));
            query.list(companies.iter().map(CompanyId::as_str));
            query.push(" AND archived_at IS NULL GROUP BY company_id");
            for (company, n) in conn.all::<(String, i64)>(&query).await? {
                let size = sizes.entry(company).or_default();
                *(if kind == Kind::Location { &mut size.0 } else { &mut size.1 }) = count(n);
            }
        }
        Ok(sizes)
    }
}
