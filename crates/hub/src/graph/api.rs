//! JSON: the graph as it is drawn, languages, contributors, commits a day.

use api::json::{
    CommitDay, CommitDays, Contributor, ContributorList, GraphEdge, GraphPage, GraphRow, Language,
    LanguageList, LanguageMonth,
};
use names::{CommitId, UnixMillis};
use serde::Deserialize;
use trust::{Allowed, act};
use web::{Cost, Json, Problem, Queried, Routes, Spec, Surface};

use super::{
    months::{Month, month_of},
    numbers::{Day, Who},
    picture::{Drawn, Wanted},
    store,
};
use crate::{Error, Hub, Repository, reading::History, signatures};

/// Rows of a page unless asked, and at most (`spec/hub.md` 3).
const ROWS: (usize, usize) = (200, 500);
/// Contributors that are listed, people and agents each.
pub(crate) const CONTRIBUTORS: u32 = 100;
/// Days of a heat-map: 53 weeks.
pub(crate) const DAYS: i64 = 53 * 7;
const DAY_MILLIS: i64 = 86_400_000;

pub(crate) fn routes(routes: Routes<Hub>) -> Routes<Hub> {
    let walk = Spec::new(Surface::Api).cost(Cost::Place);
    routes
        .get("/api/v1/repos/{owner}/{name}/graph", walk, graph)
        .get("/api/v1/repos/{owner}/{name}/languages", Surface::Api, languages)
        .get("/api/v1/repos/{owner}/{name}/contributors", Surface::Api, contributors)
        .get("/api/v1/repos/{owner}/{name}/heatmap", Surface::Api, heatmap)
}

/// What a picture is asked for with, on the page and in JSON.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Asked {
    /// A branch or a commit.
    #[serde(rename = "ref")]
    pub(crate) reference: Option<String>,
    pub(crate) author: Option<String>,
    pub(crate) path: Option<String>,
    pub(crate) limit: Option<usize>,
    pub(crate) cursor: Option<String>,
}

impl Asked {
    /// What a cursor of this list is bound to.
    pub(crate) fn list(&self, of: &Repository) -> String {
        let text = |it: &Option<String>| it.clone().unwrap_or_default();
        let parts = [&self.reference, &self.author, &self.path].map(text);
        format!("graph/{}?{}", of.id, serde_json::json!(parts))
    }
}

/// A filter that was filled in.
pub(crate) fn filled(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|it| !it.is_empty())
}

impl Hub {
    /// What is asked for, of a repository; nothing while it has no commits.
    pub(crate) async fn wanted(
        &self,
        allowed: &Allowed<act::ObjectRead, Repository>,
        asked: &Asked,
    ) -> Result<Wanted, Problem> {
        let from = match filled(asked.reference.as_deref()) {
            None => None,
            Some(text) => {
                let found = History::open(self, allowed).resolve(text).await?;
                Some((found.commit, found.branch))
            }
        };
        let path = filled(asked.path.as_deref()).map(str::parse).transpose();
        Ok(Wanted {
            from,
            author: filled(asked.author.as_deref()).map(str::to_owned),
            path: path.map_err(|_| Problem::not_found())?,
            limit: asked.limit.unwrap_or(ROWS.0).clamp(1, ROWS.1),
        })
    }

    /// The position of a cursor.
    pub(crate) fn picture_cursor(
        &self,
        of: &Repository,
        asked: &Asked,
    ) -> Result<Option<Vec<u8>>, Problem> {
        let Some(text) = asked.cursor.as_deref() else { return Ok(None) };
        let found = self.cursors.read(&asked.list(of), text);
        found.map(Some).ok_or_else(|| Error::CursorGone.into())
    }
}

async fn graph(
    hub: Hub,
    allowed: Allowed<act::ObjectRead, Repository>,
    call: Queried<Asked>,
) -> Result<Json<GraphPage>, Problem> {
    let (asked, of) = (call.query()?, allowed.resource());
    let cursor = hub.picture_cursor(of, &asked)?;
    let wanted = hub.wanted(&allowed, &asked).await?;
    let tx = hub.db.read().await?;
    let picture = hub.picture(tx, of, &wanted, cursor.as_deref()).await?;
    let mut tx = hub.db.read().await?;
    let judged = signatures::judge(&mut tx, picture.rows.iter().map(|it| &it.commit)).await?;
    let row = |it: &Drawn| {
        let record = &it.commit.record;
        let judged = judged.get(&record.commit_id);
        GraphRow {
            commit: record.commit_id.to_string(),
            parents: it.commit.parents().map(|it| it.to_string()).collect(),
            subject: record.message.lines().next().unwrap_or_default().to_owned(),
            author: record.author.clone(),
            committed_at: record.committed_at.clone(),
            agent_id: record.agent_id.clone(),
            is_untrusted_agent: judged.is_none_or(|it| it.is_untrusted_agent),
            signature: signatures::word(judged).to_owned(),
            refs: it.refs.clone(),
            lane: it.lane,
            colour: it.colour,
            edges: it
                .edges
                .iter()
                .map(|edge| GraphEdge { from: edge.from, to: edge.to, colour: edge.colour })
                .collect(),
        }
    };
    let items = picture.rows.iter().map(row).collect();
    let next_cursor = picture.next.map(|it| hub.cursors.write(&asked.list(of), &it));
    Ok(Json(GraphPage { items, next_cursor }))
}

/// The commit that numbers are those of.
async fn counted_at(
    hub: &Hub,
    tx: &mut db::Tx,
    of: &Repository,
) -> Result<Option<CommitId>, Error> {
    let at = store::state(tx, of.id).await?;
    // Behind, the job of a push is on its way, and this adds none; lost, this brings it back.
    if at != store::default_head(tx, of.id).await? {
        hub.index_beside(of.id);
    }
    Ok(at)
}

async fn languages(
    hub: Hub,
    allowed: Allowed<act::ObjectRead, Repository>,
    (): (),
) -> Result<Json<LanguageList>, Problem> {
    let of = allowed.resource();
    let mut tx = hub.db.read().await?;
    let at = counted_at(&hub, &mut tx, of).await?;
    let found = store::languages(&mut tx, of.id).await.map_err(Error::Db)?;
    let language = |(name, files, bytes)| Language { language: name, files, bytes };
    let items = found.into_iter().map(language).collect();
    let months = hub.months_until_now(&mut tx, of).await?;
    let month = |it: Month| LanguageMonth { month: it.name, bytes: it.languages };
    let months = months.into_iter().map(month).collect();
    Ok(Json(LanguageList { commit: at.map(|it| it.to_string()), items, months }))
}

async fn contributors(
    hub: Hub,
    allowed: Allowed<act::ObjectRead, Repository>,
    (): (),
) -> Result<Json<ContributorList>, Problem> {
    let of = allowed.resource();
    let mut tx = hub.db.read().await?;
    let at = counted_at(&hub, &mut tx, of).await?;
    let numbers = hub.numbers(&mut tx, of).await?;
    let shown = |list: Vec<(Who, super::Contributor)>| {
        let one = |(who, it): (Who, super::Contributor)| Contributor {
            author: who.author,
            agent_id: who.agent_id,
            commits: it.commits,
            first_at: it.first_at.to_string(),
            last_at: it.last_at.to_string(),
        };
        list.into_iter().map(one).collect()
    };
    Ok(Json(ContributorList {
        commit: at.map(|it| it.to_string()),
        people_count: numbers.counts.0,
        agent_count: numbers.counts.1,
        people: shown(numbers.people),
        agents: shown(numbers.agents),
    }))
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Until {
    /// The last day, as `2026-11-30`.
    pub(crate) until: Option<String>,
}

async fn heatmap(
    hub: Hub,
    allowed: Allowed<act::ObjectRead, Repository>,
    call: Queried<Until>,
) -> Result<Json<CommitDays>, Problem> {
    let (asked, of) = (call.query()?, allowed.resource());
    let mut tx = hub.db.read().await?;
    let at = counted_at(&hub, &mut tx, of).await?;
    let (from, to) = hub.span(asked.until.as_deref());
    let days = store::days(&mut tx, of.id, (from, to)).await.map_err(Error::Db)?;
    let day =
        |(day, it): (i64, Day)| CommitDay { day: date(day), people: it.people, agents: it.agents };
    let commit = at.map(|it| it.to_string());
    Ok(Json(CommitDays {
        commit,
        from: date(from),
        to: date(to),
        days: days.into_iter().map(day).collect(),
    }))
}

/// A day as text: `2026-11-30`.
pub(crate) fn date(day: i64) -> String {
    let text = UnixMillis(day.saturating_mul(DAY_MILLIS)).to_string();
    text.get(..10).unwrap_or(&text).to_owned()
}

/// The day that a text says.
fn day_of(text: &str) -> Option<i64> {
    let time = history::CommitTime::parse(&format!("{text}T00:00:00+00:00")).ok()?;
    Some(time.unix_millis().0.div_euclid(DAY_MILLIS))
}

/// What is told of a repository in numbers.
#[derive(Debug)]
pub(crate) struct Numbers {
    /// The commit that they are those of; nothing while they are not made.
    pub(crate) at: Option<CommitId>,
    pub(crate) languages: Vec<(String, u64, u64)>,
    pub(crate) people: Vec<(Who, super::Contributor)>,
    pub(crate) agents: Vec<(Who, super::Contributor)>,
    /// How many there are: people, agents.
    pub(crate) counts: (u64, u64),
    /// All commits, the first day, the last day.
    pub(crate) commits: (Day, i64, i64),
    /// The languages at the end of each month that is not yet to come, the oldest first.
    pub(crate) months: Vec<Month>,
}

impl Hub {
    /// What is told of a repository in numbers.
    pub(crate) async fn numbers(&self, tx: &mut db::Tx, of: &Repository) -> Result<Numbers, Error> {
        Ok(Numbers {
            at: counted_at(self, tx, of).await?,
            languages: store::languages(tx, of.id).await?,
            people: store::contributors(tx, of.id, false, CONTRIBUTORS).await?,
            agents: store::contributors(tx, of.id, true, CONTRIBUTORS).await?,
            counts: store::count_contributors(tx, of.id).await?,
            commits: store::sum_days(tx, of.id).await?,
            months: self.months_until_now(tx, of).await?,
        })
    }

    /// What commits say of months that are still to come is not told.
    async fn months_until_now(
        &self,
        tx: &mut db::Tx,
        of: &Repository,
    ) -> Result<Vec<Month>, Error> {
        let (mut months, now) = (store::months(tx, of.id).await?, month_of(self.clock.now()));
        months.retain(|it| it.name <= now);
        Ok(months)
    }

    /// The languages of a repository: name, files, bytes; the most bytes first.
    pub(crate) async fn languages_of(
        &self,
        tx: &mut db::Tx,
        of: &Repository,
    ) -> Result<Vec<(String, u64, u64)>, Error> {
        Ok(store::languages(tx, of.id).await?)
    }

    /// The days of a heat-map that ends with the week of a day, or of today.
    pub(crate) fn span(&self, until: Option<&str>) -> (i64, i64) {
        let today = self.clock.now().0.div_euclid(DAY_MILLIS);
        let to = until.and_then(day_of).unwrap_or(today);
        // 1 January 1970 was a Thursday; weeks begin on Monday.
        let monday = to - (to + 3).rem_euclid(7);
        (monday + 7 - DAYS, to)
    }

    /// The days of a heat-map on which there were commits.
    pub(crate) async fn commit_days(
        &self,
        tx: &mut db::Tx,
        of: &Repository,
        span: (i64, i64),
    ) -> Result<Vec<(i64, Day)>, Error> {
        Ok(store::days(tx, of.id, span).await?)
    }
}
