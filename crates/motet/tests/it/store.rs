//! What tests change behind a server's back: they make time pass, and make work take long.

use db::{Error, Tx};

db::statements! {
    DROP_STATES = "DELETE FROM index_states";
    DROP_LANGUAGES = "DELETE FROM language_stats";
    DROP_CONTRIBUTORS = "DELETE FROM contributor_stats";
    DROP_DAYS = "DELETE FROM commit_days";
    DROP_MONTHS = "DELETE FROM language_months";
    DROP_LAST = "DELETE FROM dir_last_commits";
    MAKE_ADMIN = "UPDATE principals SET install_admin = 1 WHERE handle = $1";
    RENAME_SEALER = "UPDATE ref_seals SET principal = $1 WHERE seq = 2";
    END_INVITATIONS = "UPDATE repository_invitations SET ends_at = 1";
    END_TRANSFERS = "UPDATE repository_transfers SET ends_at = 1";
    END_LAPSES = "UPDATE jobs SET run_at = 1 WHERE kind = 'hub.transfer_lapse' AND state = 'ready'";
    AGE_SUSPENDED = "UPDATE bound_resources SET suspended_at = 1 WHERE suspended_at IS NOT NULL";
    END_UPLOADS = "
        UPDATE uploads SET ends_at = 1 WHERE repository_id IN (SELECT id FROM repositories WHERE name = $1)";
    AGE = "UPDATE repositories SET created_at = 1 WHERE name = $1";
    COUNT_UPLOADS = "
        SELECT count(*) FROM uploads WHERE repository_id IN (SELECT id FROM repositories WHERE name = $1)";
    MANY_BRANCHES = {
        sqlite "
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $2)
        INSERT INTO refs (repository_id, name, target, kind, updated_at)
        SELECT r.id, 'refs/heads/many/' || n.i, $1, 'branch', n.i FROM n JOIN repositories AS r ON r.name = 'song'",
        postgres "
        INSERT INTO refs (repository_id, name, target, kind, updated_at)
        SELECT r.id, 'refs/heads/many/' || n.i, $1, 'branch', n.i
          FROM generate_series(1, $2) AS n (i) JOIN repositories AS r ON r.name = 'song'"
    };
    AGE_SCHEDULES = "UPDATE pipeline_schedules SET next_at = next_at - $1";
    END_FIRES = "UPDATE jobs SET run_at = 1 WHERE kind = 'pipelines.fire' AND state = 'ready'";
    REWRITE_VERSIONS = "UPDATE pipeline_versions SET title = 'Else'";
    HIDE_SESSIONS = "ALTER TABLE sessions RENAME TO sessions_elsewhere";
    LEFT_LONG_AGO = "UPDATE principals SET purge_after = 1 WHERE purge_after IS NOT NULL";
    END_CODES = "UPDATE one_time_codes SET expires_at = 1";
    AGE_SESSIONS = "UPDATE sessions SET auth_time = 1";
    END_GIT_TOKENS = "UPDATE tokens SET expires_at = 1 WHERE source = 'helper'";
    COUNT_GIT_TOKENS = "SELECT count(*) FROM tokens WHERE source = 'helper'";
    DROP_AUDIENCES = "UPDATE tokens SET audience = NULL WHERE kind = 'agent'";
    END_ADDRESS = "UPDATE upload_addresses SET ends_at = 1 WHERE object_id = $1";
    COUNT_ADDRESSES = "SELECT count(*) FROM upload_addresses";
    COUNT_PRINCIPALS = "SELECT count(*) FROM principals";
    FORGET_OPERATORS_KEYS = "
        DELETE FROM keys WHERE principal_id IN (SELECT id FROM principals WHERE kind = 'operator')";
    FORGET_OPERATOR = "DELETE FROM principals WHERE kind = 'operator'";
    WITHOUT_TERMS = "
        SELECT p.handle FROM principals AS p
         WHERE p.kind <> 'operator' AND EXISTS (SELECT 1 FROM keys AS k WHERE k.principal_id = p.id)
           AND (p.tos_version IS NULL OR p.tos_accepted_at IS NULL)";
    COUNT_RESOURCES = "SELECT count(*) FROM resources";
    NOTED_IN = "
        SELECT e.action FROM audit_events AS e JOIN principals AS p ON p.id = e.chain
         WHERE p.handle = $1 ORDER BY e.seq";
    KEPT_ANSWERS = "SELECT body FROM idempotent_requests WHERE body IS NOT NULL";
    AGE_REPEATS = "UPDATE idempotent_requests SET created_at = 1";
    ACTIONS = "SELECT DISTINCT action FROM audit_events";
    END_LOOKS = "UPDATE jobs SET run_at = 1 WHERE kind = 'hub.close_glass' AND state = 'ready'";
    MAKE_SCHEMA_OLDER = "UPDATE install_state SET value = '7' WHERE key = 'schema'";
    MAKE_DUE = "UPDATE schedules SET next_at = 1 WHERE name = $1";
    // On SQLite whoever writes holds all of it.
    HOLD_DELIVERIES = {
        sqlite "SELECT count(*) FROM webhook_deliveries",
        postgres "SELECT count(*) FROM (SELECT id FROM webhook_deliveries FOR UPDATE) AS held"
    };
    // Whoever reads or writes runs waits.
    HOLD_RUNS = {
        sqlite "SELECT 1",
        postgres "LOCK TABLE runs IN ACCESS EXCLUSIVE MODE"
    };
    // A transaction that has seen everything, and one row of which nobody else needs.
    READ_RUNS = {
        sqlite "SELECT count(*) FROM runs",
        postgres "SELECT count(*) FROM runs AS r JOIN tasks AS t ON t.run_id = r.id JOIN run_events AS e ON e.run_id = r.id"
    };
    HOLD_ENDED = {
        sqlite "SELECT count(*) FROM runs WHERE state = 'completed'",
        postgres "SELECT count(*) FROM (SELECT id FROM runs WHERE state = 'completed' FOR UPDATE) AS held"
    };
    END_CLAIMS = {
        sqlite "UPDATE claims SET detail = json_set(detail, '$.ends_at', 1) WHERE state = 'live'",
        postgres "UPDATE claims SET detail = jsonb_set(detail::jsonb, '{ends_at}', '1')::text WHERE state = 'live'"
    };
    END_DUE = "UPDATE jobs SET run_at = 1 WHERE kind = 'pipelines.due' AND payload LIKE $1";
    END_SENDING = "UPDATE webhook_deliveries SET lease_until = 1 WHERE state = 'delivering'";
    AGE_DELIVERIES = "
        UPDATE webhook_deliveries SET began_at = began_at - 400000000 WHERE state IN ('pending', 'delivering')";
    HIDE_COMMITS = "UPDATE commits SET position = -position";
    LAST_TRY = "UPDATE jobs SET attempts = max_attempts - 1, run_at = 1 WHERE kind = $1 AND state = 'ready'";
    HASTEN = "UPDATE jobs SET run_at = run_at - $2 WHERE kind = $1 AND state = 'ready'";
    SEAL_LONG_AGO = "UPDATE ref_seals SET time_text = '2001-09-09T01:46:40.000Z'";
    OVERDUE_CLAIMS = {
        sqlite "UPDATE claims SET ends_at = 1, detail = json_set(detail, '$.ends_at', 1, '$.cap_at', 1) WHERE state = 'live'",
        postgres "
        UPDATE claims SET ends_at = 1, detail = (detail::jsonb || '{\"ends_at\": 1, \"cap_at\": 1}'::jsonb)::text
         WHERE state = 'live'"
    };
    END_LEASES = "UPDATE jobs SET lease_ends = 1 WHERE state = 'running'";
    END_WAITS = "UPDATE jobs SET run_at = 1 WHERE state = 'ready' AND kind = 'hub.collect'";
    MARKS_LEFT = "
        SELECT (SELECT count(*) FROM stars) + (SELECT count(*) FROM repository_subscriptions)
             + (SELECT count(*) FROM follows) + (SELECT count(*) FROM pinned_repositories)";
    REFUSE_TOMBS = {
        sqlite "
        CREATE TRIGGER no_tombs BEFORE UPDATE ON objects WHEN NEW.state = 'dead' BEGIN
            SELECT RAISE(ABORT, 'no tombstones today');
        END",
        postgres "ALTER TABLE objects ADD CONSTRAINT no_tombs CHECK (state <> 'dead')"
    };
    ALLOW_TOMBS = {
        sqlite "DROP TRIGGER no_tombs",
        postgres "ALTER TABLE objects DROP CONSTRAINT no_tombs"
    };
    // Stops whoever comes by until the test lets go of the lock of that number.
    STOP = {
        sqlite "SELECT 1",
        postgres "
        CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM pg_advisory_xact_lock_shared(TG_ARGV[0]::bigint);
            RETURN COALESCE(NEW, OLD);
        END $$"
    };
    STOP_NEW_PRINCIPALS = {
        sqlite "SELECT 1",
        postgres "CREATE TRIGGER stop BEFORE INSERT ON principals FOR EACH ROW EXECUTE FUNCTION stop(1)"
    };
    STOP_NEW_TOKENS = {
        sqlite "SELECT 1",
        postgres "CREATE TRIGGER stop BEFORE INSERT ON tokens FOR EACH ROW EXECUTE FUNCTION stop(2)"
    };
    STOP_REMOVALS = {
        sqlite "SELECT 1",
        postgres "CREATE TRIGGER stop BEFORE DELETE ON repositories FOR EACH ROW EXECUTE FUNCTION stop(3)"
    };
    HOLD_STOP = {
        sqlite "SELECT 1 WHERE $1 > 0",
        postgres "SELECT pg_advisory_xact_lock($1)"
    };
    HOLD_REPOSITORY = {
        sqlite "SELECT 1 WHERE $1 <> ''",
        postgres "SELECT 1 FROM repositories WHERE name = $1 FOR UPDATE"
    };
    WAITING = {
        sqlite "SELECT 0",
        postgres "
        SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    };
    RETENTION_OVER = "UPDATE repositories SET purge_at = 1 WHERE name = $1 AND deleted_at IS NOT NULL";
    // Whoever deletes an upload counts to ten to the power of twelve first.
    DIGITS = {
        sqlite "
        CREATE TABLE ticks AS
        WITH RECURSIVE n (tick) AS (SELECT 1 UNION ALL SELECT tick + 1 FROM n WHERE tick < 1000) SELECT tick FROM n",
        postgres "SELECT 1"
    };
    HOLD_UP = {
        sqlite "
        CREATE TRIGGER held_up BEFORE DELETE ON uploads BEGIN
            SELECT sum(a.tick + b.tick + c.tick + d.tick) FROM ticks AS a, ticks AS b, ticks AS c, ticks AS d;
        END",
        // Reading goes on.
        postgres "LOCK TABLE uploads IN EXCLUSIVE MODE"
    };
    LOG_TIME = "
        UPDATE ref_log SET time_text = '2026-01-01T00:00:00.000Z' WHERE counter = 2 AND ref = 'refs/heads/main'";
    LOG_PRINCIPAL = "UPDATE ref_seals SET principal = 'eve' WHERE seq = 2";
    LOG_GAP = "DELETE FROM ref_log WHERE counter = 2 AND ref = 'refs/heads/main'";
    LOG_SWAP = "
        UPDATE ref_seals
           SET entry_hash = (SELECT e.entry_hash FROM ref_log AS e
                              WHERE e.ref = 'refs/heads/main' AND e.counter = CASE ref_seals.seq WHEN 1 THEN 2 ELSE 1 END)
         WHERE seq < 3";
    LOG_REF = "
        UPDATE refs
           SET target = (SELECT c.parent1 FROM commits AS c
                          WHERE c.repository_id = refs.repository_id AND c.id = refs.target)";
    LOG_TAG = "
        UPDATE refs
           SET target = (SELECT c.parent1 FROM commits AS c
                          WHERE c.repository_id = refs.repository_id AND c.id = refs.target)
         WHERE refs.name LIKE 'refs/tags/%'";
    LET_GO = {
        sqlite "DROP TRIGGER held_up",
        postgres "SELECT 1"
    };
}

/// Lets the time of every invitation be over.
pub(crate) async fn end_invitations(tx: &mut Tx) -> Result<(), Error> {
    db::execute!(tx, END_INVITATIONS).map(drop)
}

/// Lets the second seal of every repository name somebody else.
pub(crate) async fn rename_sealer(tx: &mut Tx, handle: &str) -> Result<(), Error> {
    db::execute!(tx, RENAME_SEALER, handle).map(drop)
}

/// The words that stand in all chains.
pub(crate) async fn actions(tx: &mut Tx) -> Result<Vec<String>, Error> {
    let rows: Vec<(String,)> = db::fetch_all!(tx, ACTIONS)?;
    Ok(rows.into_iter().map(|(action,)| action).collect())
}

/// The hour of every look into what is private is over.
pub(crate) async fn end_looks(tx: &mut Tx) -> Result<u64, Error> {
    db::execute!(tx, END_LOOKS)
}

/// The data was last used by a program with an older schema.
pub(crate) async fn let_schema_be_older(tx: &mut Tx) -> Result<u64, Error> {
    db::execute!(tx, MAKE_SCHEMA_OLDER)
}

/// The answers that are kept to be given again.
pub(crate) async fn kept_answers(tx: &mut Tx) -> Result<Vec<Vec<u8>>, Error> {
    let rows: Vec<(Vec<u8>,)> = db::fetch_all!(tx, KEPT_ANSWERS)?;
    Ok(rows.into_iter().map(|(body,)| body).collect())
}

/// Every request that may be repeated was made long ago.
pub(crate) async fn let_a_day_pass_for_repeats(tx: &mut Tx) -> Result<u64, Error> {
    db::execute!(tx, AGE_REPEATS)
}

/// Makes a person an install admin.
pub(crate) async fn make_admin(tx: &mut Tx, handle: &str) -> Result<u64, Error> {
    db::execute!(tx, MAKE_ADMIN, handle)
}

/// The uploads to a repository have ended long ago.
pub(crate) async fn end_uploads(tx: &mut Tx, name: &str) -> Result<u64, Error> {
    db::execute!(tx, END_UPLOADS, name)
}

/// Codes that were handed out have ended long ago.
pub(crate) async fn end_codes(tx: &mut Tx) -> Result<u64, Error> {
    db::execute!(tx, END_CODES)
}

/// What Git was given has ended long ago.
pub(crate) async fn end_git_tokens(tx: &mut Tx) -> Result<u64, Error> {
    db::execute!(tx, END_GIT_TOKENS)
}

/// How many tokens there are that Git was given, ended ones too.
pub(crate) async fn count_git_tokens(tx: &mut Tx) -> Result<i64, Error> {
    let (count,): (i64,) = db::fetch_one!(tx, COUNT_GIT_TOKENS)?;
    Ok(count)
}

/// Everybody signed in long ago.
pub(crate) async fn age_sessions(tx: &mut Tx) -> Result<u64, Error> {
    db::execute!(tx, AGE_SESSIONS)
}

/// Tokens of agents are good for every surface.
pub(crate) async fn drop_audiences(tx: &mut Tx) -> Result<u64, Error> {
    db::execute!(tx, DROP_AUDIENCES)
}

/// Branches of the repository `song`, all at one commit.
pub(crate) async fn many_branches(
    tx: &mut Tx,
    at: names::CommitId,
    number: i64,
) -> Result<(), Error> {
    db::execute!(tx, MANY_BRANCHES, at.as_bytes().to_vec(), number).map(drop)
}

/// No graph finds a commit any more.
pub(crate) async fn hide_commits(tx: &mut Tx) -> Result<u64, Error> {
    db::execute!(tx, HIDE_COMMITS)
}

/// Work of a kind has one try left, and is due.
pub(crate) async fn last_try(tx: &mut Tx, kind: &str) -> Result<u64, Error> {
    db::execute!(tx, LAST_TRY, kind)
}

/// For work of a kind so many milliseconds pass.
pub(crate) async fn hasten(tx: &mut Tx, kind: &str, millis: i64) -> Result<u64, Error> {
    db::execute!(tx, HASTEN, kind, millis)
}

/// Every movement of a ref was long ago.
pub(crate) async fn seal_long_ago(tx: &mut Tx) -> Result<u64, Error> {
    db::execute!(tx, SEAL_LONG_AGO)
}

/// A repository was made long ago.
pub(crate) async fn age(tx: &mut Tx, name: &str) -> Result<u64, Error> {
    db::execute!(tx, AGE, name)
}

/// How many uploads of a repository there are, ended or not.
pub(crate) async fn count_uploads(tx: &mut Tx, name: &str) -> Result<i64, Error> {
    let (count,): (i64,) = db::fetch_one!(tx, COUNT_UPLOADS, name)?;
    Ok(count)
}

/// How many things there are that can be seen or hidden.
pub(crate) async fn count_resources(tx: &mut Tx) -> Result<i64, Error> {
    let (count,): (i64,) = db::fetch_one!(tx, COUNT_RESOURCES)?;
    Ok(count)
}

/// The time of a schedule came long ago.
pub(crate) async fn make_due(tx: &mut Tx, name: &str) -> Result<u64, Error> {
    db::execute!(tx, MAKE_DUE, name)
}

/// Live claims should have ended long ago.
pub(crate) async fn let_claims_be_over(tx: &mut Tx) -> Result<(), Error> {
    db::execute!(tx, OVERDUE_CLAIMS).map(drop)
}

/// The leases of whoever works have ended long ago.
pub(crate) async fn end_leases(tx: &mut Tx) -> Result<u64, Error> {
    db::execute!(tx, END_LEASES)
}

/// Collections that were put off are due.
pub(crate) async fn end_waits(tx: &mut Tx) -> Result<u64, Error> {
    db::execute!(tx, END_WAITS)
}

/// From now on whoever makes a tombstone fails.
pub(crate) async fn refuse_tombs(tx: &mut Tx) -> Result<u64, Error> {
    db::execute!(tx, REFUSE_TOMBS)
}

/// Ends [`refuse_tombs`].
pub(crate) async fn allow_tombs(tx: &mut Tx) -> Result<u64, Error> {
    db::execute!(tx, ALLOW_TOMBS)
}

/// Holds up everybody who deletes uploads: on SQLite until [`let_go`], on PostgreSQL as long as the transaction is open.
pub(crate) async fn hold_up(tx: &mut Tx) -> Result<(), Error> {
    db::execute!(tx, DIGITS)?;
    db::execute!(tx, HOLD_UP).map(drop)
}

/// Ends [`hold_up`] on SQLite.
pub(crate) async fn let_go(tx: &mut Tx) -> Result<(), Error> {
    db::execute!(tx, LET_GO).map(drop)
}

/// Whoever has left did so long ago.
pub(crate) async fn let_thirty_days_pass(tx: &mut Tx) -> Result<u64, Error> {
    db::execute!(tx, LEFT_LONG_AGO)
}

/// What the chain of an organization says was done, oldest first.
pub(crate) async fn noted_in(tx: &mut Tx, organization: &str) -> Result<Vec<String>, Error> {
    let rows: Vec<(String,)> = db::fetch_all!(tx, NOTED_IN, organization)?;
    Ok(rows.into_iter().map(|(action,)| action).collect())
}

/// How many stars, subscriptions, follows and pins there are.
pub(crate) async fn marks_left(tx: &mut Tx) -> Result<i64, Error> {
    let (count,): (i64,) = db::fetch_one!(tx, MARKS_LEFT)?;
    Ok(count)
}

/// The table of sessions cannot be read any more.
pub(crate) async fn hide_sessions(tx: &mut Tx) -> Result<(), Error> {
    db::execute!(tx, HIDE_SESSIONS).map(drop)
}

/// What somebody with the database can do to a ref log.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Spoil {
    /// An entry has another time.
    Time,
    /// A seal names another principal.
    Principal,
    /// One entry and its seal are gone.
    Gap,
    /// Two seals are of each other's entries.
    Swap,
    /// A ref is where its log did not move it.
    Ref,
    /// A tag is.
    Tag,
}

/// Changes the log of the one repository, and tells how many rows were changed.
pub(crate) async fn spoil_log(tx: &mut Tx, what: Spoil) -> Result<u64, Error> {
    match what {
        Spoil::Time => db::execute!(tx, LOG_TIME),
        Spoil::Principal => db::execute!(tx, LOG_PRINCIPAL),
        Spoil::Gap => db::execute!(tx, LOG_GAP),
        Spoil::Swap => db::execute!(tx, LOG_SWAP),
        Spoil::Ref => db::execute!(tx, LOG_REF),
        Spoil::Tag => db::execute!(tx, LOG_TAG),
    }
}

/// The address for this object has ended.
pub(crate) async fn end_address(tx: &mut Tx, object: names::ObjectId) -> Result<u64, Error> {
    let object = &object.as_bytes()[..];
    db::execute!(tx, END_ADDRESS, object)
}

/// How many addresses for uploads there are.
pub(crate) async fn count_addresses(tx: &mut Tx) -> Result<i64, Error> {
    let (count,): (i64,) = db::fetch_one!(tx, COUNT_ADDRESSES)?;
    Ok(count)
}

/// How many accounts there are, of whatever kind.
pub(crate) async fn count_principals(tx: &mut Tx) -> Result<i64, Error> {
    let (count,): (i64,) = db::fetch_one!(tx, COUNT_PRINCIPALS)?;
    Ok(count)
}

/// The operator has no registered key any more.
pub(crate) async fn forget_operators_keys(tx: &mut Tx) -> Result<u64, Error> {
    db::execute!(tx, FORGET_OPERATORS_KEYS)
}

/// There is no operator any more.
pub(crate) async fn forget_operator(tx: &mut Tx) -> Result<u64, Error> {
    db::execute!(tx, FORGET_OPERATOR)
}

/// Who has a key, and of whom it is not known which terms were taken, and when.
pub(crate) async fn without_terms(tx: &mut Tx) -> Result<Vec<String>, Error> {
    let rows: Vec<(String,)> = db::fetch_all!(tx, WITHOUT_TERMS)?;
    Ok(rows.into_iter().map(|(handle,)| handle).collect())
}

/// Where whoever comes by is stopped, on PostgreSQL, for as long as a transaction of the test holds it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stop {
    /// Before a principal is added.
    NewPrincipals,
    /// Before a token is added.
    NewTokens,
    /// Before a repository is removed for good.
    Removals,
}

/// Puts all stops up; nobody is stopped yet.
pub(crate) async fn put_stops_up(tx: &mut Tx) -> Result<(), Error> {
    db::execute!(tx, STOP)?;
    db::execute!(tx, STOP_NEW_PRINCIPALS)?;
    db::execute!(tx, STOP_NEW_TOKENS)?;
    db::execute!(tx, STOP_REMOVALS).map(drop)
}

/// Stops whoever comes by, until this transaction ends.
pub(crate) async fn stop(tx: &mut Tx, at: Stop) -> Result<(), Error> {
    let lock = match at {
        Stop::NewPrincipals => 1_i64,
        Stop::NewTokens => 2,
        Stop::Removals => 3,
    };
    db::execute!(tx, HOLD_STOP, lock).map(drop)
}

/// Holds the row of a repository, until this transaction ends.
pub(crate) async fn hold_repository(tx: &mut Tx, name: &str) -> Result<(), Error> {
    db::execute!(tx, HOLD_REPOSITORY, name).map(drop)
}

/// How many wait for somebody else on this database.
pub(crate) async fn waiting(tx: &mut Tx) -> Result<i64, Error> {
    let (count,): (i64,) = db::fetch_one!(tx, WAITING)?;
    Ok(count)
}

/// What was deleted has been kept long enough.
pub(crate) async fn let_retention_pass(tx: &mut Tx, name: &str) -> Result<u64, Error> {
    db::execute!(tx, RETENTION_OVER, name)
}

/// What is handed on has waited for seven days.
pub(crate) async fn end_transfers(tx: &mut Tx) -> Result<(), Error> {
    db::execute!(tx, END_TRANSFERS)?;
    db::execute!(tx, END_LAPSES).map(drop)
}

/// What is suspended has been for long.
pub(crate) async fn age_suspended(tx: &mut Tx) -> Result<(), Error> {
    db::execute!(tx, AGE_SUSPENDED).map(drop)
}

/// Forgets everything that is derived from histories.
pub(crate) async fn drop_derived(tx: &mut Tx) -> Result<(), Error> {
    db::execute!(tx, DROP_STATES)?;
    db::execute!(tx, DROP_LANGUAGES)?;
    db::execute!(tx, DROP_CONTRIBUTORS)?;
    db::execute!(tx, DROP_DAYS)?;
    db::execute!(tx, DROP_MONTHS)?;
    db::execute!(tx, DROP_LAST).map(drop)
}

/// What no program may do.
pub(crate) async fn rewrite_versions(tx: &mut Tx) -> Result<u64, Error> {
    db::execute!(tx, REWRITE_VERSIONS)
}

/// So many hours pass for the schedules of pipelines.
pub(crate) async fn let_hours_of_schedules_pass(tx: &mut Tx, hours: i64) -> Result<(), Error> {
    db::execute!(tx, AGE_SCHEDULES, hours * 3_600_000)?;
    db::execute!(tx, END_FIRES).map(drop)
}

/// Keeps deliveries of webhooks as they are until the transaction ends.
pub(crate) async fn hold_deliveries(tx: &mut Tx) -> Result<(), Error> {
    let _held: (i64,) = db::fetch_one!(tx, HOLD_DELIVERIES)?;
    Ok(())
}

/// Ends the leases of deliveries that a dead process was sending.
pub(crate) async fn end_sending(tx: &mut Tx) -> Result<u64, Error> {
    db::execute!(tx, END_SENDING)
}

/// Makes whoever reads or writes runs wait until the transaction ends; on PostgreSQL.
pub(crate) async fn hold_runs(tx: &mut Tx) -> Result<u64, Error> {
    db::execute!(tx, HOLD_RUNS)
}

/// Reads everything of runs, and keeps those that have ended as they are until the transaction ends.
pub(crate) async fn look_long(tx: &mut Tx) -> Result<i64, Error> {
    let _held: (i64,) = db::fetch_one!(tx, HOLD_ENDED)?;
    let (count,): (i64,) = db::fetch_one!(tx, READ_RUNS)?;
    Ok(count)
}

/// The end of every claim has passed. The server does not run.
pub(crate) async fn end_claims(tx: &mut Tx) -> Result<u64, Error> {
    db::execute!(tx, END_DUE, "%ClaimEnd%")?;
    db::execute!(tx, END_CLAIMS)
}

/// Lets deliveries that wait have begun too long ago for more than one try.
pub(crate) async fn age_deliveries(tx: &mut Tx) -> Result<u64, Error> {
    db::execute!(tx, AGE_DELIVERIES)
}
