//! A search: bounded in time and in what it looks at, and honest about both.
//!
//! An index is asked in pieces. After each piece the clock is looked at; when the budget is spent, what was found until
//! then is the answer, and the answer says that it is a part. Everything that is counted was found for the reader.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::Duration,
};

use api::search::{Clause, Key, MAX_TERMS, Query, Subject, Term};
use names::{CommitId, Id, UnixMillis};
use trust::Actor;
use uuid::Uuid;

use super::{
    answer::{Answer, Counted, Hit, Search},
    compile::{self, Group, Resolved},
    documents::{self, Kind},
    excerpt::{self, Seek},
    fits::{by_row, is_named, like, name_rank, repository_rank, says},
    index,
    store::{self, Row},
};
use crate::{
    Error, Hub, Repository,
    reading::{self, Commit},
    repositories,
    signatures::{self, State},
    wire::push::blocking,
};

/// How far into results anybody comes (`spec/trust.md` 9).
pub(crate) const MAX_DEPTH: usize = 1_000;
/// What is counted of one search.
const MAX_COUNTED: usize = 10_000;
/// Documents of one question to the index.
const WINDOW: u32 = 2_000;
/// Numbers of documents that one look at names goes through.
const NAMES_WINDOW: i64 = 20_000;
/// Texts that are looked at between two looks at the clock.
const TEXTS: usize = 64;
/// Results that are put in order by what they say.
const RANKED: usize = 200;
/// Repositories that a name may mean and still be asked for one by one.
const NAMED: u32 = 200;
/// Values of a facet.
const FACETS: usize = 10;

/// What was found before it is put in order.
#[derive(Debug, Default)]
struct Found {
    rows: Vec<Row>,
    seen: HashSet<i64>,
    facts: HashMap<Id<Repository>, Option<Repository>>,
    is_partial: bool,
}

/// One search under way.
struct Course<'a> {
    hub: &'a Hub,
    reader: Uuid,
    subject: Subject,
    resolved: Resolved,
    ends_at: UnixMillis,
    most: usize,
    found: Found,
}

impl Hub {
    /// Answers a search of `actor`, who sees what lists show them and nothing else.
    pub(crate) async fn search(&self, actor: &Actor, asked: &Search) -> Result<Answer, Error> {
        let ends_at = self.search_ends();
        let course = self.course(actor, asked.subject, &asked.query, ends_at, MAX_COUNTED).await?;
        let mut answer = course.run(asked).await?;
        // A word that stands nowhere by itself may be a part of another.
        if let Some(wider) = wider(&asked.query).filter(|_| answer.total == 0 && !answer.is_partial)
        {
            let wider = Search { query: wider, ..asked.clone() };
            let course =
                self.course(actor, wider.subject, &wider.query, ends_at, MAX_COUNTED).await?;
            answer = course.run(&wider).await?;
            answer.is_within_words = answer.total > 0;
        }
        Ok(answer)
    }

    /// How many a search would find, up to [`MAX_DEPTH`], until `ends_at`; whether there may be more.
    pub(crate) async fn count_found(
        &self,
        actor: &Actor,
        (subject, query): (Subject, &Query),
        ends_at: UnixMillis,
    ) -> Result<(usize, bool), Error> {
        let mut course = self.course(actor, subject, query, ends_at, MAX_DEPTH).await?;
        course.look(query).await?;
        Ok((course.found.rows.len(), course.found.is_partial))
    }

    /// When a search that begins now has to end.
    pub(crate) fn search_ends(&self) -> UnixMillis {
        self.clock.now().plus(self.settings.search)
    }

    async fn course(
        &self,
        actor: &Actor,
        subject: Subject,
        query: &Query,
        ends_at: UnixMillis,
        most: usize,
    ) -> Result<Course<'_>, Error> {
        let reader = actor.reader();
        let resolved = self.resolve(reader, query).await?;
        let found = Found::default();
        Ok(Course { hub: self, reader, subject, resolved, ends_at, most, found })
    }

    /// What names in the query mean to the reader. What may not be read is not there.
    async fn resolve(&self, reader: Uuid, query: &Query) -> Result<Resolved, Error> {
        let mut resolved = Resolved::default();
        let mut tx = self.db.read().await?;
        // No more than a query has terms.
        for clause in query.clauses().take(MAX_TERMS) {
            let Term::Known(key, value) = &clause.term else { continue };
            match key {
                Key::Repo | Key::Owner => {
                    let named = match (key, value.split_once('/')) {
                        (Key::Owner, _) => (value.as_str(), ""),
                        (_, Some(both)) => both,
                        (_, None) => ("", value.as_str()),
                    };
                    let ids = store::repositories_named(&mut tx, reader, named, NAMED + 1).await?;
                    if ids.len() <= NAMED as usize {
                        resolved.repositories.insert((*key, value.clone()), ids);
                    }
                }
                Key::Signer => {
                    let mut keys = Vec::new();
                    if let Ok(handle) = value.parse()
                        && let Some(id) = self.trust.namespace(&mut tx, &handle).await?
                    {
                        let found = self.trust.keys(&mut tx, id).await?;
                        keys.extend(found.iter().map(|it| it.fingerprint.to_string()));
                    }
                    resolved.keys.insert(value.clone(), keys);
                }
                Key::Topic
                | Key::Licence
                | Key::Format
                | Key::Archived
                | Key::Stars
                | Key::Pushed
                | Key::Lang
                | Key::Ext
                | Key::Path
                | Key::Symbol
                | Key::Author
                | Key::Agent
                | Key::Since
                | Key::Until
                | Key::Id => {}
            }
        }
        Ok(resolved)
    }
}

/// The query with its words as characters, where that is another question.
fn wider(query: &Query) -> Option<Query> {
    let mut has_words = false;
    let clause = |it: &Clause| match &it.term {
        Term::Word(word) if !it.is_negated && word.chars().count() >= 3 => {
            has_words = true;
            Clause { is_negated: false, term: Term::Characters(word.clone()) }
        }
        _ => it.clone(),
    };
    let mut clause = clause;
    let groups = query.groups.iter().map(|group| group.iter().map(&mut clause).collect()).collect();
    has_words.then_some(Query { groups })
}

impl Course<'_> {
    fn is_over(&self) -> bool {
        self.hub.clock.now() >= self.ends_at
    }

    async fn run(mut self, asked: &Search) -> Result<Answer, Error> {
        self.look(&asked.query).await?;
        let (languages, repositories) = self.facets();
        let total = self.found.rows.len();
        let is_partial = self.found.is_partial;
        let shown = self.in_order(asked).await?;
        let hits = self.hits(&asked.query, shown).await?;
        Ok(Answer { hits, total, is_partial, languages, repositories, is_within_words: false })
    }

    /// Finds what fits, until it is enough or the time is over.
    async fn look(&mut self, query: &Query) -> Result<(), Error> {
        for group in compile::groups(query, self.subject, &self.resolved) {
            let is_enough =
                if self.subject == Subject::Files { false } else { self.look_for(&group).await? };
            if is_enough {
                return Ok(());
            }
        }
        if self.subject == Subject::Files {
            self.look_for_names(query).await?;
        }
        Ok(())
    }

    /// Asks the index for one group. Whether that is enough.
    async fn look_for(&mut self, group: &Group) -> Result<bool, Error> {
        let expression = group.node.text(self.hub.db.dialect());
        let mut before = i64::MAX;
        loop {
            let Some(rows) = self.window(&expression, before).await? else {
                self.found.is_partial = true;
                return Ok(true);
            };
            let is_last = rows.len() < WINDOW as usize;
            before = rows.last().map_or(0, |it| it.id);
            let is_enough = self.take(rows, group).await?;
            if is_enough || is_last {
                return Ok(is_enough);
            }
        }
    }

    /// A piece of what the index has; nothing if the time was over before it answered.
    async fn window(&self, expression: &str, before: i64) -> Result<Option<Vec<Row>>, Error> {
        let mut tx = self.hub.db.read().await?;
        let left = self.ends_at.since(self.hub.clock.now()).max(Duration::from_millis(50));
        store::within(&mut tx, u64::try_from(left.as_millis()).unwrap_or(u64::MAX)).await?;
        match store::matching(&mut tx, self.reader, expression, before, WINDOW).await {
            Ok(rows) => Ok(Some(rows)),
            Err(error) if error.is_canceled() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Keeps of `rows` what fits. Whether that is enough.
    async fn take(&mut self, rows: Vec<Row>, group: &Group) -> Result<bool, Error> {
        let rows: Vec<Row> =
            rows.into_iter().filter(|it| !self.found.seen.contains(&it.id)).collect();
        self.know(&rows).await?;
        let rows = rows.into_iter().filter(|row| {
            let facts = self.found.facts.get(&row.repository).and_then(Option::as_ref);
            facts.is_some_and(|it| {
                group.checks.iter().all(|clause| by_row(clause, row, it) != Some(false))
            })
        });
        let rows: Vec<Row> = rows.collect();
        let needs_text = group.checks.iter().any(|it| is_of_text(&it.term));
        for piece in rows.chunks(TEXTS) {
            let kept = if needs_text { self.by_text(piece, group).await? } else { piece.to_vec() };
            for row in kept {
                self.found.seen.insert(row.id);
                self.found.rows.push(row);
            }
            if self.found.rows.len() >= self.most || self.is_over() {
                self.found.is_partial = true;
                self.found.rows.truncate(self.most);
                return Ok(true);
            }
        }
        if self.is_over() {
            self.found.is_partial = true;
        }
        Ok(self.found.is_partial)
    }

    /// Reads the rows of repositories that are not known yet, as far as the reader may see them.
    async fn know(&mut self, rows: &[Row]) -> Result<(), Error> {
        let new: HashSet<_> = rows.iter().map(|it| it.repository).collect();
        let new: Vec<_> = new.into_iter().filter(|it| !self.found.facts.contains_key(it)).collect();
        if new.is_empty() {
            return Ok(());
        }
        let mut tx = self.hub.db.glance().await?;
        let read = repositories::visible_of(&mut tx, self.reader, &new).await?;
        self.found.facts.extend(new.into_iter().map(|it| (it, None)));
        self.found.facts.extend(read.into_iter().map(|it| (it.id, Some(it))));
        Ok(())
    }

    /// Keeps what says what it should.
    async fn by_text(&self, rows: &[Row], group: &Group) -> Result<Vec<Row>, Error> {
        let ids: Vec<_> = rows.iter().map(|it| it.id).collect();
        let packed = store::texts(&mut self.hub.db.glance().await?, &ids).await?;
        let mut kept = Vec::with_capacity(rows.len());
        if group.checks.iter().any(|it| matches!(it.term, Term::Known(Key::Signer, _))) {
            let signers = self.signers(rows).await?;
            kept.extend(
                rows.iter()
                    .filter(|row| {
                        group.checks.iter().all(|clause| match &clause.term {
                            Term::Known(Key::Signer, handle) => {
                                (signers.get(&row.id) == Some(handle)) != clause.is_negated
                            }
                            _ => true,
                        })
                    })
                    .cloned(),
            );
        } else {
            kept.extend_from_slice(rows);
        }
        let about = kept.iter().map(|row| {
            let facts = self.found.facts.get(&row.repository).and_then(Option::as_ref);
            (self.subject == Subject::Repositories).then(|| facts.map(documents::about)).flatten()
        });
        let about: Vec<_> = about.collect();
        let (checks, subject) = (group.checks.clone(), self.subject);
        blocking(move || {
            let mut fit = Vec::new();
            for (row, about) in kept.into_iter().zip(about) {
                let said = packed.get(&row.id).map(|it| index::unpack(it)).transpose()?;
                let name = if subject == Subject::Code { row.name.as_str() } else { "" };
                let texts = [
                    said.as_deref().unwrap_or_default(),
                    name,
                    about.as_deref().unwrap_or_default(),
                ];
                if says(&checks, &texts) {
                    fit.push(row);
                }
            }
            Ok(fit)
        })
        .await
    }

    /// Who signed commits, as it is judged now.
    async fn signers(&self, rows: &[Row]) -> Result<HashMap<i64, String>, Error> {
        let mut by: HashMap<Id<Repository>, Vec<CommitId>> = HashMap::new();
        for row in rows {
            if let Ok(id) = row.name.parse() {
                by.entry(row.repository).or_default().push(id);
            }
        }
        let mut tx = self.hub.db.read().await?;
        let mut signed = HashMap::new();
        for (repository, ids) in by {
            let commits = reading::commits(&mut tx, repository, &ids).await?;
            for (id, judged) in signatures::judge(&mut tx, commits.values()).await? {
                if let State::Verified(handle) = judged.state {
                    signed.insert((repository, id.to_string()), handle.to_string());
                }
            }
        }
        let of =
            |row: &Row| Some((row.id, signed.get(&(row.repository, row.name.clone()))?.clone()));
        Ok(rows.iter().filter_map(of).collect())
    }

    /// Looks through the names of files.
    async fn look_for_names(&mut self, query: &Query) -> Result<(), Error> {
        let within = self.within_repositories(query);
        if within.as_ref().is_some_and(Vec::is_empty) {
            return Ok(());
        }
        let pattern = like(query);
        let mut before = store::newest(&mut self.hub.db.glance().await?).await? + 1;
        while before > 0 {
            let from = before - NAMES_WINDOW;
            let mut tx = self.hub.db.glance().await?;
            let rows =
                store::names(&mut tx, self.reader, (before, from), &pattern, within.as_deref())
                    .await?;
            drop(tx);
            before = from;
            self.know(&rows).await?;
            let facts = &self.found.facts;
            let fits = |row: &Row| {
                facts.get(&row.repository).and_then(Option::as_ref).is_some_and(|it| {
                    query
                        .groups
                        .iter()
                        .any(|group| group.iter().all(|clause| is_named(clause, row, it)))
                })
            };
            let kept: Vec<_> = rows.into_iter().filter(fits).collect();
            self.found.rows.extend(kept);
            if self.found.rows.len() >= self.most || (before > 0 && self.is_over()) {
                self.found.is_partial = true;
                self.found.rows.truncate(self.most);
                return Ok(());
            }
        }
        Ok(())
    }

    /// The repositories that the one group of a query is about, if it names them.
    fn within_repositories(&self, query: &Query) -> Option<Vec<Id<Repository>>> {
        let [group] = query.groups.as_slice() else { return None };
        group.iter().filter(|it| !it.is_negated).find_map(|it| match &it.term {
            Term::Known(key @ (Key::Repo | Key::Owner), value) => {
                self.resolved.repositories.get(&(*key, value.clone())).cloned()
            }
            _ => None,
        })
    }

    /// The most frequent languages and repositories.
    fn facets(&self) -> (Counted, Counted) {
        let (mut languages, mut repositories) = (BTreeMap::new(), BTreeMap::new());
        for row in &self.found.rows {
            if !row.language.is_empty() {
                *languages.entry(row.language.clone()).or_insert(0) += 1;
            }
            if let Some(Some(it)) = self.found.facts.get(&row.repository) {
                *repositories.entry(it.full_name()).or_insert(0) += 1;
            }
        }
        (most(languages), most(repositories))
    }

    /// The rows of the page that is asked for.
    async fn in_order(&mut self, asked: &Search) -> Result<Vec<Row>, Error> {
        let seeks = excerpt::seeks(&asked.query);
        let mut rows = std::mem::take(&mut self.found.rows);
        match self.subject {
            Subject::Code => rows = self.ranked(rows, &asked.query, &seeks).await?,
            Subject::Files => {
                rows.sort_by_cached_key(|it| (name_rank(&it.name, &seeks), it.name.clone()));
            }
            Subject::Commits => {
                rows.sort_by_cached_key(|it| (std::cmp::Reverse(it.happened_at), it.name.clone()));
            }
            Subject::Repositories => {
                let facts = &self.found.facts;
                rows.sort_by_cached_key(|row| {
                    let it = facts.get(&row.repository).and_then(Option::as_ref);
                    repository_rank(it, asked.sort, &seeks)
                });
            }
        }
        let end = asked.skip.saturating_add(asked.limit).min(MAX_DEPTH);
        rows.truncate(end);
        Ok(rows.split_off(asked.skip.min(rows.len())))
    }

    /// Files that are named so, or define it, come first; the first of all are put in order by what they say.
    async fn ranked(
        &mut self,
        rows: Vec<Row>,
        query: &Query,
        seeks: &[Seek],
    ) -> Result<Vec<Row>, Error> {
        let mut first = HashSet::new();
        for group in compile::groups(query, self.subject, &self.resolved).iter().take(1) {
            if let Some(node) = compile::named(group, query, Kind::File)
                && rows.len() > RANKED
                && !self.is_over()
            {
                let named = self.window(&node.text(self.hub.db.dialect()), i64::MAX).await?;
                first.extend(named.unwrap_or_default().into_iter().map(|it| it.id));
            }
        }
        let (mut rows, rest): (Vec<_>, Vec<_>) =
            rows.into_iter().partition(|it| first.contains(&it.id));
        rows.extend(rest);
        if self.is_over() {
            return Ok(rows);
        }
        let mut rest = rows.split_off(rows.len().min(RANKED));
        let ids: Vec<_> = rows.iter().map(|it| it.id).collect();
        let packed = store::texts(&mut self.hub.db.glance().await?, &ids).await?;
        let seeks = seeks.to_vec();
        let mut rows = blocking(move || {
            let mut scored = Vec::with_capacity(rows.len());
            for row in rows {
                let text = packed.get(&row.id).map(|it| index::unpack(it)).transpose()?;
                let score = excerpt::score(&row.name, text.as_deref().unwrap_or_default(), &seeks);
                scored.push((std::cmp::Reverse(score), row.name.len(), row.name.clone(), row));
            }
            scored.sort_by(|a, b| (a.0, a.1, &a.2).cmp(&(b.0, b.1, &b.2)));
            Ok(scored.into_iter().map(|(.., row)| row).collect::<Vec<_>>())
        })
        .await?;
        rows.append(&mut rest);
        Ok(rows)
    }

    /// What is shown of rows.
    async fn hits(&self, query: &Query, rows: Vec<Row>) -> Result<Vec<Hit>, Error> {
        let of: Vec<_> =
            rows.iter().map(|it| it.repository).collect::<HashSet<_>>().into_iter().collect();
        let mut tx = self.hub.db.read().await?;
        let heads = store::heads(&mut tx, &of).await?;
        let ids: Vec<_> = rows.iter().map(|it| it.id).collect();
        let texts = match self.subject {
            Subject::Code => store::texts(&mut tx, &ids).await?,
            Subject::Files | Subject::Commits | Subject::Repositories => HashMap::new(),
        };
        let mut hits = Vec::with_capacity(rows.len());
        let seeks = excerpt::seeks(query);
        let mut records = if self.subject == Subject::Commits {
            self.records(&mut tx, &rows).await?
        } else {
            HashMap::new()
        };
        drop(tx);
        for row in rows {
            let Some(Some(repository)) = self.found.facts.get(&row.repository) else { continue };
            let text = texts.get(&row.id).map(|it| index::unpack(it)).transpose()?;
            let lines = text.map_or_else(Vec::new, |it| excerpt::excerpt(&it, &seeks));
            let (record, judged) = records.remove(&row.id).unzip();
            if self.subject == Subject::Commits && record.is_none() {
                continue;
            }
            let commit = record.as_ref().map(|it: &Commit| it.record.commit_id);
            hits.push(Hit {
                repository: repository.clone(),
                language: row.language,
                size_bytes: row.size_bytes,
                commit: commit.or_else(|| heads.get(&row.repository).copied()),
                path: row.name,
                record,
                judged: judged.flatten(),
                lines,
            });
        }
        Ok(hits)
    }

    /// The commits of rows, and who signed them.
    async fn records(
        &self,
        tx: &mut db::Tx,
        rows: &[Row],
    ) -> Result<HashMap<i64, (Commit, Option<signatures::Judged>)>, Error> {
        let mut by: HashMap<Id<Repository>, Vec<CommitId>> = HashMap::new();
        for row in rows {
            if let Ok(id) = row.name.parse() {
                by.entry(row.repository).or_default().push(id);
            }
        }
        let mut read = HashMap::new();
        for (repository, ids) in by {
            let commits = reading::commits(tx, repository, &ids).await?;
            let mut judged = signatures::judge(tx, commits.values()).await?;
            for (id, commit) in commits {
                read.insert((repository, id.to_string()), (commit, judged.remove(&id)));
            }
        }
        let of = |row: &Row| Some((row.id, read.get(&(row.repository, row.name.clone()))?.clone()));
        Ok(rows.iter().filter_map(of).collect())
    }
}

/// The most frequent of what was counted.
fn most(counted: BTreeMap<String, u64>) -> Counted {
    let mut counted: Counted = counted.into_iter().collect();
    counted.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    counted.truncate(FACETS);
    counted
}

/// Whether a term is looked for in a text.
const fn is_of_text(term: &Term) -> bool {
    matches!(
        term,
        Term::Word(_) | Term::Prefix(_) | Term::Characters(_) | Term::Known(Key::Signer, _)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_stand_nowhere_are_looked_for_inside_of_others() {
        let query = |text: &str| Query::parse(text, Subject::Code).unwrap();
        let wide = wider(&query("idebook -moon lang:rust")).unwrap();
        assert_eq!(wide.to_string(), "\"idebook\" -moon lang:\"rust\"");
        assert_eq!(wider(&query("\"a b\" xy*")), None);
    }
}
