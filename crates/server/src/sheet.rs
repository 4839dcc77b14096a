//! Lists as CSV: written in short reads, and read line by line.
//!
//! For the API and the portal alike. Not for: deciding what becomes of a line, which is `app`'s.
//!
//! The decision a reader would undo: a cell that a spreadsheet would take for a formula gets an apostrophe in front, since
//! names come from endpoints (promise P7). Reading takes it away again, so a list that was written can be read.

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use countersign_app::{
    App, DirectoryQuery, Order,
    import::{Done, Line, LineResult},
};
use countersign_domain::{
    directory::Technician,
    link::{Kind, Link, LinkState},
    role::Access,
    text::name_key,
    time::Time,
};
use futures_util::stream;

use crate::http::limits::MAX_LIST;

/// Rows of one read: an export holds no reader for longer.
const READ: usize = 500;

/// The plural under which a kind's list stands in addresses and file names.
pub(crate) const fn list_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Company => "companies",
        Kind::Location => "locations",
        Kind::Computer => "computers",
        Kind::Technician => "technicians",
        Kind::Contact => "contacts",
    }
}

const fn columns(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Company => {
            &["id", "name", "link", "psa_id", "psa_name", "linked_by", "waiting_tickets", "archived", "created_at"]
        }
        Kind::Location => {
            &["id", "name", "company", "link", "psa_id", "psa_name", "linked_by", "archived", "created_at"]
        }
        Kind::Computer => &[
            "id",
            "name",
            "company",
            "location",
            "os",
            "os_version",
            "agent_version",
            "link",
            "psa_id",
            "psa_name",
            "linked_by",
            "archived",
            "created_at",
        ],
        Kind::Technician => &[
            "id",
            "name",
            "email",
            "role",
            "company",
            "link",
            "psa_id",
            "psa_name",
            "linked_by",
            "disabled",
            "created_at",
        ],
        Kind::Contact => {
            &["id", "name", "email", "company", "link", "psa_id", "psa_name", "linked_by", "archived", "created_at"]
        }
    }
}

const RISKY: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// A cell that no spreadsheet takes for a formula.
fn harmless(cell: &str) -> String {
    if cell.starts_with(RISKY) { format!("'{cell}") } else { cell.to_owned() }
}

/// A cell as it was before it was made harmless.
fn meant(cell: &str) -> &str {
    let cell = cell.trim_matches(' ');
    cell.strip_prefix('\'').filter(|rest| rest.starts_with(RISKY)).unwrap_or(cell)
}

fn link_cells(link: &Link) -> [String; 4] {
    let how = link.how.filter(|_| link.state == LinkState::Linked).map(|how| match how {
        countersign_domain::link::How::Auto => "rule",
        countersign_domain::link::How::Manual => "hand",
    });
    [
        link.state.as_str().to_owned(),
        link.psa_id.clone().unwrap_or_default(),
        link.psa_name.clone().unwrap_or_default(),
        how.unwrap_or_default().to_owned(),
    ]
}

/// A row of a list: its cells, and where it stands.
struct Row {
    cells: Vec<String>,
    name: String,
    created: Time,
    id: String,
}

fn row(id: &impl ToString, name: String, more: Vec<String>, link: &Link, rest: Vec<String>, created: Time) -> Row {
    let id = id.to_string();
    let mut cells = vec![id.clone(), name.clone()];
    cells.extend(more);
    cells.extend(link_cells(link));
    cells.extend(rest);
    cells.push(created.rfc3339());
    Row { cells, name, created, id }
}

fn yes(is: impl Into<bool>) -> String {
    (if is.into() { "yes" } else { "no" }).to_owned()
}

async fn page(app: &App, by: &Technician, kind: Kind, wanted: &DirectoryQuery) -> countersign_app::Result<Vec<Row>> {
    Ok(match kind {
        Kind::Company => app
            .companies(by, wanted)
            .await?
            .into_iter()
            .map(|r| {
                let rest = vec![r.waiting.to_string(), yes(r.archived_at.is_some())];
                row(&r.company.id, r.company.name, vec![], &r.link, rest, r.company.created_at)
            })
            .collect(),
        Kind::Location => app
            .locations(by, wanted)
            .await?
            .into_iter()
            .map(|r| {
                let rest = vec![yes(r.archived_at.is_some())];
                row(&r.location.id, r.location.name, vec![r.company], &r.link, rest, r.location.created_at)
            })
            .collect(),
        Kind::Computer => app
            .computers(by, wanted)
            .await?
            .into_iter()
            .map(|r| {
                let c = r.computer;
                let more = vec![r.company, r.location, c.os, c.os_version, c.agent_version];
                row(&c.id, c.name, more, &r.link, vec![yes(r.archived_at.is_some())], c.created_at)
            })
            .collect(),
        Kind::Contact => app
            .contacts(by, wanted)
            .await?
            .into_iter()
            .map(|r| {
                let more = vec![r.contact.email, r.company];
                row(
                    &r.contact.id,
                    r.contact.name,
                    more,
                    &r.link,
                    vec![yes(r.archived_at.is_some())],
                    r.contact.created_at,
                )
            })
            .collect(),
        Kind::Technician => app
            .technicians(by, wanted)
            .await?
            .into_iter()
            .map(|r| {
                let t = r.technician;
                // Ids of companies, not names: the reader may not see all of them.
                let companies = match &t.access {
                    Access::All => String::new(),
                    Access::Only(ids) => ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | "),
                };
                let more = vec![t.email, t.role.as_str().to_owned(), companies];
                row(&t.id, t.name, more, &r.link, vec![yes(t.disabled)], t.created_at)
            })
            .collect(),
    })
}

fn written<C: AsRef<str>>(rows: impl IntoIterator<Item = impl IntoIterator<Item = C>>) -> std::io::Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    for row in rows {
        writer.write_record(row.into_iter().map(|cell| harmless(cell.as_ref())))?;
    }
    writer.into_inner().map_err(|error| std::io::Error::other(error.to_string()))
}

/// The records that `wanted` asks for, those the caller may see, as a file that is written while it is read.
pub(crate) fn download(app: App, by: Technician, kind: Kind, wanted: DirectoryQuery) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8; header=present"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let day: String = app.now().rfc3339().chars().take(10).collect();
    let name = format!("attachment; filename=\"{}-{day}.csv\"", list_of(kind));
    if let Ok(name) = HeaderValue::from_str(&name) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    let head = stream::once(async move { written([columns(kind)]) });
    let first = Some(DirectoryQuery { limit: READ, after: None, ..wanted });
    let rows = stream::try_unfold(first, move |wanted| {
        let (app, by) = (app.clone(), by.clone());
        async move {
            let Some(wanted) = wanted else { return Ok(None) };
            let rows = page(&app, &by, kind, &wanted).await.map_err(|error| {
                tracing::warn!(%error, "an export ended early");
                std::io::Error::other(error.to_string())
            })?;
            let next = rows.last().filter(|_| rows.len() == READ).map(|last| {
                let key = match wanted.order {
                    Order::Name => name_key(&last.name),
                    Order::Newest => last.created.0.to_string(),
                };
                DirectoryQuery { after: Some((key, last.id.clone())), ..wanted }
            });
            Ok(Some((written(rows.into_iter().map(|row| row.cells))?, next)))
        }
    });
    let body = futures_util::StreamExt::chain(head, rows);
    (headers, Body::from_stream(futures_util::TryStreamExt::map_ok(body, Bytes::from))).into_response()
}

/// A list that was read: its lines, and what was not understood of it.
#[derive(Debug, Default)]
pub(crate) struct Sheet {
    /// Lines to work through.
    pub(crate) lines: Vec<Line>,
    /// Lines that are no lines of this list.
    pub(crate) broken: Vec<LineResult>,
    /// Columns that mean nothing here.
    pub(crate) ignored: Vec<String>,
}

impl Sheet {
    /// The results of all lines, in the order of the file.
    pub(crate) fn results(broken: Vec<LineResult>, mut results: Vec<LineResult>) -> Vec<LineResult> {
        results.extend(broken);
        results.sort_by_key(|result| result.number);
        results
    }
}

/// Numbers the lines of a file, in one walk. The reader's own count is of where it stood before blank lines.
struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    line: u64,
}

impl Lines<'_> {
    /// The line of the record that begins at or, after blank lines, behind `start`.
    fn of(&mut self, start: usize) -> u64 {
        while let Some(byte) = self.bytes.get(self.at)
            && (self.at < start || matches!(byte, b'\r' | b'\n'))
        {
            self.line += u64::from(*byte == b'\n');
            self.at += 1;
        }
        self.line
    }
}

/// Reads a list: UTF-8 with or without a byte order mark, commas or semicolons, a line of column names first.
///
/// # Errors
/// A sentence where it is larger than [`MAX_LIST`], no UTF-8, or has no line of names.
pub(crate) fn read(bytes: &[u8]) -> Result<Sheet, String> {
    if bytes.len() > MAX_LIST {
        return Err(format!("The list is larger than {} MiB. Split it into several.", MAX_LIST / 1024 / 1024));
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|_| "The file is not UTF-8. Save it as “CSV UTF-8”, then try again.".to_owned())?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let first = text.lines().next().unwrap_or_default();
    let delimiter = if first.matches(';').count() > first.matches(',').count() { b';' } else { b',' };
    let mut reader =
        csv::ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut records = reader.records();
    let head = records.next().and_then(Result::ok).ok_or("The file is empty.")?;
    let names: Vec<String> = head.iter().map(|name| name.trim().to_lowercase().replace(['-', ' '], "_")).collect();
    if !names.iter().any(|name| name == "name") {
        let seen = names.join(", ");
        return Err(format!("The first line must name the columns, and “name” among them. It says: {seen}."));
    }
    let known = ["name", "company", "email", "e_mail", "role", "psa_id"];
    let ignored = names.iter().filter(|name| !known.contains(&name.as_str())).cloned().collect();
    let mut sheet = Sheet { ignored, ..Sheet::default() };
    let mut lines = Lines { bytes: text.as_bytes(), at: 0, line: 1 };
    for record in records {
        let record = record.map_err(|error| format!("The file cannot be read: {error}."))?;
        if record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        let start = record.position().map_or(0, |at| usize::try_from(at.byte()).unwrap_or(usize::MAX));
        let mut line = Line { number: lines.of(start), ..Line::default() };
        for (name, cell) in names.iter().zip(&record) {
            let cell = meant(cell).to_owned();
            match name.as_str() {
                "name" => line.name = cell,
                "company" => line.company = cell,
                "email" | "e_mail" => line.email = cell,
                "role" => line.role = cell,
                "psa_id" => line.psa_id = cell,
                _ => {}
            }
        }
        if record.len() == names.len() {
            sheet.lines.push(line);
        } else {
            let reason = format!("It has {} cells; the first line names {} columns.", record.len(), names.len());
            sheet.broken.push(LineResult {
                number: line.number,
                name: line.name,
                done: Done::Refused,
                id: None,
                linked: None,
                reason: Some(reason),
            });
        }
    }
    Ok(sheet)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<(u64, String, String)> {
        let sheet = read(text.as_bytes()).unwrap();
        sheet.lines.into_iter().map(|line| (line.number, line.name, line.psa_id)).collect()
    }

    #[test]
    fn commas_semicolons_marks_and_quotes_are_read() {
        let wanted = vec![(2, "Sample, Dental".to_owned(), "7".to_owned()), (4, "Ärzte".to_owned(), String::new())];
        assert_eq!(names("name,psa_id\n\"Sample, Dental\",7\n\nÄrzte,\n"), wanted);
        assert_eq!(names("\u{feff}PSA-ID;Name\r\n7;Sample, Dental\r\n;\r\n;Ärzte"), wanted);
    }

    #[test]
    fn what_is_no_line_is_told_and_nothing_else_is_lost() {
        let sheet = read(b"name,colour\nOne,red\nTwo\nThree,blue,round\n").unwrap();
        assert_eq!((sheet.lines.len(), sheet.ignored), (1, vec!["colour".to_owned()]));
        let broken: Vec<_> = sheet.broken.into_iter().map(|result| (result.number, result.reason.unwrap())).collect();
        assert_eq!(broken[0], (3, "It has 1 cells; the first line names 2 columns.".to_owned()));
        assert_eq!(broken[1].0, 4);
    }

    #[test]
    fn what_is_no_list_is_refused_with_a_sentence() {
        for (bytes, word) in [(&b""[..], "empty"), (b"company\nOne\n", "“name”"), (b"name\n\xff\xfe", "UTF-8")] {
            assert!(read(bytes).unwrap_err().contains(word));
        }
    }

    #[test]
    fn a_formula_is_made_harmless_and_meant_again_when_read() {
        let hostile = ["=1+1", "+49", "-2", "@SUM(A1)", "\tx", "\rx", "a\"b,c;d", "plain", "'quoted", ""];
        let file = written([["name"]].into_iter().chain(hostile.map(|cell| [cell]))).unwrap();
        let text = String::from_utf8(file.clone()).unwrap();
        for line in text.lines().skip(1) {
            assert!(!line.trim_start_matches('"').starts_with(RISKY), "{line:?}");
        }
        let read: Vec<String> = read(&file).unwrap().lines.into_iter().map(|line| line.name).collect();
        assert_eq!(read, hostile.into_iter().filter(|cell| !cell.is_empty()).collect::<Vec<_>>());
    }
}
