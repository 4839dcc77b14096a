//! A part of a list: its records are looked for in one look, and what is new is written in one transaction.
//!
//! The decision a reader would undo: where a line may mean what a line above it is about to make, the part is written up
//! to there, and what follows is looked for once more; the results are those of one line after the other.

use std::{collections::HashSet, sync::Arc};

use countersign_domain::{
    audit::Actor,
    directory::{Company, Location, Technician},
    id::{CompanyId, LocationId},
    link::{Kind, Link, Theirs},
    text::name_key,
};
use countersign_store::Tx;

use super::{
    Done, LineResult, Run,
    line::{Known, Record, Wanted, Work},
    text,
};
use crate::{
    App,
    made::{Made, New},
};

/// Lines of one part. Writing so many takes the writer for some tens of milliseconds, in which requests wait for it.
pub(super) const LINES: usize = 250;

/// What a look found of a line's record; an archived one says why it is no use.
type Found = std::result::Result<Option<Known>, &'static str>;

impl App {
    /// Does what the lines of a part want, or says what would become of each.
    pub(super) async fn do_part(
        &self,
        by: &Technician,
        kind: Kind,
        part: Vec<Wanted>,
        run: Run,
        work: &mut Work,
        results: &mut Vec<LineResult>,
    ) {
        let mut rest = part;
        while !rest.is_empty() {
            let found = match self.look_for(&mut rest).await {
                Ok(found) => found,
                Err(error) => {
                    let refused = |wanted: Wanted| LineResult { reason: Some(error.to_string()), ..wanted.result };
                    return results.extend(rest.into_iter().map(refused));
                }
            };
            let mut made = Vec::new();
            // What the lines of this round make, or what it may be called from now on.
            let mut changed = HashSet::new();
            let mut lines = rest.into_iter().zip(found);
            rest = Vec::new();
            while let Some((mut wanted, found)) = lines.next() {
                if run == Run::Do && changed.contains(&wanted.key) {
                    rest = std::iter::once(wanted).chain(lines.by_ref().map(|(wanted, _)| wanted)).collect();
                    break;
                }
                let (known, theirs) = match self.tie_of_line(kind, &wanted, found, work).await {
                    Ok(both) => both,
                    Err(reason) => {
                        results.push(LineResult { reason: Some(reason), ..wanted.result });
                        continue;
                    }
                };
                let above = !work.seen.insert(wanted.key.clone()) && run == Run::Preview;
                wanted.result.done = if known.is_some() || above { Done::Exists } else { Done::Created };
                wanted.result.linked = theirs.as_ref().map(|theirs| theirs.psa_name.clone());
                if let Some(theirs) = theirs.as_ref().filter(|_| kind == Kind::Company) {
                    // A company goes by the name of its customer too.
                    changed.insert(name_key(&theirs.psa_name));
                }
                match (known, run) {
                    (known, Run::Preview) => {
                        wanted.result.id = known.map(|known| known.id);
                        results.push(wanted.result);
                    }
                    (Some(known), Run::Do) => {
                        results.push(self.tie_known(by, kind, wanted.result, known, theirs).await);
                    }
                    (None, Run::Do) => {
                        changed.insert(wanted.key);
                        let link = theirs.map(|theirs| Link::by_hand(theirs.psa_id, theirs.psa_name, self.now()));
                        let new = self.new_of(wanted.record);
                        made.push((wanted.result, self.made(new, link, &Actor::Technician(by.id.clone()))));
                    }
                }
            }
            self.write_part(made, results).await;
        }
    }

    /// The records that lines mean, one for each line.
    async fn look_for(&self, lines: &mut Vec<Wanted>) -> crate::Result<Vec<Found>> {
        let wanted = std::mem::take(lines);
        let (wanted, found) = self
            .store()
            .look_up(move |tx| {
                Box::pin(async move {
                    let mut found = Vec::with_capacity(wanted.len());
                    for one in &wanted {
                        found.push(known(tx, &one.record).await?);
                    }
                    Ok((wanted, found))
                })
            })
            .await?;
        *lines = wanted;
        Ok(found)
    }

    /// What is known of a line's record, and what it is to be tied to.
    async fn tie_of_line(
        &self,
        kind: Kind,
        wanted: &Wanted,
        found: Found,
        work: &mut Work,
    ) -> std::result::Result<(Option<Known>, Option<Theirs>), String> {
        let known = found.map_err(str::to_owned)?;
        let theirs = self.theirs_of_line(kind, wanted, known.as_ref(), work).await?;
        Ok((known, theirs))
    }

    async fn tie_known(
        &self,
        by: &Technician,
        kind: Kind,
        mut result: LineResult,
        known: Known,
        theirs: Option<Theirs>,
    ) -> LineResult {
        if let Some(theirs) = theirs
            && let Err(error) = self.tie(by, kind, &known.id, theirs).await
        {
            result.linked = None;
            result.reason = Some(text(error));
        }
        result.id = Some(known.id);
        result
    }

    fn new_of(&self, record: Record) -> New {
        let (id, created_at) = (self.inner.ids.uuid(), self.now());
        match record {
            Record::Company(name) => {
                New::Company(Company { id: CompanyId::from_uuid(id), name, former_names: Vec::new(), created_at })
            }
            Record::Location(company, name) => New::Location(Location {
                id: LocationId::from_uuid(id),
                company_id: company.company.id,
                name,
                created_at,
            }),
            Record::Technician(new) => New::Technician(self.technician_of(new)),
        }
    }

    /// Writes what is new. Where somebody was quicker with one, that one is refused; where the database fails, all are.
    async fn write_part(&self, made: Vec<(LineResult, Made)>, results: &mut Vec<LineResult>) {
        if made.is_empty() {
            return;
        }
        let (lines, made): (Vec<LineResult>, Vec<Made>) = made.into_iter().unzip();
        let made: Arc<[Made]> = made.into();
        let to_write = made.clone();
        let written = self.store().write(move |tx| {
            let made = to_write.clone();
            Box::pin(async move {
                let mut taken = HashSet::new();
                for one in &*made {
                    match one.write(tx).await {
                        Ok(()) => {}
                        Err(countersign_store::Error::Taken) => {
                            taken.insert(one.new.id().to_owned());
                        }
                        Err(error) => return Err(error),
                    }
                }
                Ok(taken)
            })
        });
        let written = written.await.map_err(crate::Error::from);
        for (line, one) in lines.into_iter().zip(&*made) {
            let id = one.new.id();
            let refused = match &written {
                Ok(taken) if taken.contains(id) => {
                    Some(crate::Error::from(countersign_store::Error::Taken).to_string())
                }
                Ok(_) => None,
                Err(error) => Some(error.to_string()),
            };
            results.push(match refused {
                None => LineResult { id: Some(id.to_owned()), ..line },
                reason => LineResult { done: Done::Refused, linked: None, reason, ..line },
            });
        }
        self.wake().steps();
        self.sync_news();
    }
}

async fn known(tx: &mut Tx, record: &Record) -> countersign_store::Result<Found> {
    let found = match record {
        Record::Company(name) => {
            tx.company_by_name(name).await?.map(|row| (row.company.id.to_string(), row.link, row.archived_at))
        }
        Record::Location(company, name) => tx
            .location_by_name(&company.company.id, name)
            .await?
            .map(|row| (row.location.id.to_string(), row.link, row.archived_at)),
        Record::Technician(new) => {
            tx.technician_by_email(&new.email).await?.map(|row| (row.technician.id.to_string(), row.link, None))
        }
    };
    Ok(match found {
        Some((_, _, Some(_))) => Err("An archived record has this name. Restore it."),
        Some((id, link, None)) => Ok(Some(Known { id, link })),
        None => Ok(None),
    })
}
