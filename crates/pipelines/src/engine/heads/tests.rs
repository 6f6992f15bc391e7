use names::Random;

use super::*;

fn like(key: &str) -> Likeness {
    Likeness {
        publisher: Id::from_uuid(Uuid::from_u128(1)),
        handle: "acme".parse().unwrap(),
        pipeline: "sync".parse().unwrap(),
        fair_key: key.to_owned(),
        weight: 10,
        priority: 5,
        labels: BTreeSet::new(),
        trust: 0,
    }
}

fn ready(at: i64) -> Ready {
    let random = Random::seeded(u64::try_from(at).unwrap());
    let (task, run) = (Id::new(UnixMillis(at), &random), Id::new(UnixMillis(at), &random));
    Ready { task, run, address: "a".parse().unwrap(), since: UnixMillis(at) }
}

fn found(like: &Likeness, first: Ready, has_more: bool) -> Found {
    Found { id: like.id(), like: like.clone(), first, has_more }
}

fn times(heads: &Heads, id: HeadId) -> Vec<i64> {
    heads.tasks(id).map(|it| it.since.0).collect()
}

#[test]
fn a_window_holds_the_oldest_and_rows_the_rest() {
    let (mut heads, like) = (Heads::default(), like("k"));
    let many = i64::try_from(WINDOW).unwrap() + 3;
    let (all, id): (Vec<_>, _) = ((1..=many).rev().map(ready).collect(), like.id());
    for it in &all {
        heads.put(&like, it.clone());
    }
    assert_eq!(times(&heads, id), (1..=many - 3).collect::<Vec<_>>());
    for task in all.iter().filter(|it| it.since.0 <= many - 3) {
        heads.remove(id, task.task, Some(task.since));
    }
    // What was left out has no rows yet, and is there all the same once those are read.
    assert_eq!(heads.dry(|_| true), [id]);
    let asked = heads.window_rows();
    // A row of what was just taken is no task any more.
    let taken = all.last().unwrap().clone();
    heads.refill(id, vec![taken, ready(many + 5)], asked);
    assert_eq!(times(&heads, id), [many - 2, many - 1, many, many + 5]);
}

#[test]
fn a_head_that_holds_nothing_is_gone() {
    let (mut heads, like) = (Heads::default(), like("k"));
    let (id, first) = (like.id(), ready(7));
    assert!(heads.learn(vec![found(&like, first.clone(), true)]));
    assert!(!heads.learn(vec![found(&like, first.clone(), false)]));
    heads.remove(id, first.task, Some(first.since));
    heads.settled();
    // Nobody knows yet whether it comes first.
    let task = ready(8);
    heads.put(&like, task.clone());
    assert_eq!(times(&heads, id), Vec::<i64>::new());
    heads.settled();
    heads.refill(id, vec![task.clone()], WINDOW);
    assert_eq!(times(&heads, id), [8]);
    heads.remove(id, task.task, Some(task.since));
    assert!(!heads.may_hold(|_| true, |_| true));
    assert!(heads.is_new(id) && !heads.is_new(id));
    assert_ne!(id, self::like("l").id());
}

#[test]
fn what_another_process_made_older_is_read_again() {
    let (mut heads, like) = (Heads::default(), like("k"));
    heads.put(&like, ready(9));
    heads.settled();
    assert!(!heads.learn(vec![found(&like, ready(9), false)]));
    assert!(heads.learn(vec![found(&like, ready(4), true)]));
    assert_eq!(heads.dry(|_| true), [like.id()]);
    // Until it is read it says nothing new.
    assert!(!heads.learn(vec![found(&like, ready(4), true)]));
    heads.refill(like.id(), vec![ready(4), ready(9)], WINDOW);
    assert_eq!(times(&heads, like.id()), [4, 9]);
}

/// W103: so many heads of a publisher are held, and the others stay in their rows; urgent ones find room.
#[test]
fn heads_beyond_the_share_of_a_publisher_stay_in_rows() {
    let mut heads = Heads::default();
    let many = 10_050;
    for number in 0..many {
        heads.put(&like(&format!("k{number}")), ready(number + 1));
    }
    assert_eq!(heads.all.len(), 10_000);
    let urgent = Likeness { priority: 9, ..like("k") };
    heads.put(&urgent, ready(many + 1));
    // Rows may hold more of it, so they are read first; what this group put there has none yet.
    assert_eq!(heads.dry(|_| true), [urgent.id()]);
    heads.refill(urgent.id(), Vec::new(), WINDOW);
    assert_eq!(
        heads.next(UnixMillis(many + 2), |_| true, &Loose::new()).unwrap().head,
        urgent.id()
    );
    // The same place is found for what is left out, by its id.
    let (low, high) = range(like("k").publisher);
    assert!((0..many).all(|it| (low..=high).contains(&like(&format!("k{it}")).id())));
}

/// What a model of all heads says comes next, by the rule of the core over all of them.
fn linear(
    heads: &Heads,
    now: UnixMillis,
    may: impl Fn(&Need) -> bool,
    loose: &Loose,
) -> Option<TaskId> {
    let choices: Vec<_> = heads
        .all
        .iter()
        .filter(|(_, head)| may(&head.need))
        .filter_map(|(id, head)| {
            let first = loose.get(id).cloned().unwrap_or_else(|| head.tasks().next().cloned())?;
            Some(Choice {
                head: *id,
                need: Arc::clone(&head.need),
                key: Arc::clone(&head.key),
                weight: head.weight,
                priority: head.priority,
                ready: first,
            })
        })
        .collect();
    heads.first_of(&choices, now).map(|it| it.ready.task)
}

/// W46, W103: the index finds what the rule finds among all heads, whoever asks, however long they have waited, whatever
/// was granted before.
#[test]
fn the_index_finds_what_the_rule_finds() {
    for seed in 0..60 {
        let random = Random::seeded(seed);
        let below = |many: u64| u64::from_le_bytes(random.bytes()) % many;
        let signed = |many: u64| i64::try_from(below(many)).unwrap();
        let mut heads = Heads::default();
        let mut now = 10_000_000;
        let mut granted = 0;
        for _ in 0..600 {
            now += signed(4) * signed(60_000);
            if below(3) > 0 {
                let labels =
                    if below(2) == 0 { ["gpu".to_owned()].into() } else { BTreeSet::new() };
                let key = below(6);
                let it = Likeness {
                    publisher: Id::from_uuid(Uuid::from_u128(u128::from(below(3)) + 1)),
                    pipeline: if key < 3 { "sync" } else { "scan" }.parse().unwrap(),
                    weight: [1, 10, 100][usize::try_from(key % 3).unwrap()],
                    priority: u8::try_from(below(10)).unwrap(),
                    labels,
                    ..like(&format!("k{key}"))
                };
                // Some are ready only later by this clock, as another process's may say.
                let since = UnixMillis(now - signed(40) * 60_000 + 60_000);
                let ids = (Id::new(since, &random), Id::new(since, &random));
                let address = "a".parse().unwrap();
                heads.put(&it, Ready { task: ids.0, run: ids.1, address, since });
                continue;
            }
            let publisher = (below(4) > 0).then(|| Uuid::from_u128(u128::from(below(3)) + 1));
            let has_label = below(2) == 0;
            let may = |need: &Need| {
                publisher.is_none_or(|it| need.publisher.uuid() == it)
                    && (has_label || need.labels.is_empty())
            };
            // The oldest of some is not for this one: something behind it, or nothing.
            let mut loose = Loose::new();
            for (id, head) in &heads.all {
                if below(5) == 0 {
                    loose.insert(*id, head.tasks().nth(1).cloned());
                }
            }
            let wanted = linear(&heads, UnixMillis(now), may, &loose);
            let choice = heads.next(UnixMillis(now), may, &loose);
            assert_eq!(choice.as_ref().map(|it| it.ready.task), wanted, "seed {seed}");
            if let Some(choice) = choice {
                heads.remove(choice.head, choice.ready.task, Some(choice.ready.since));
                heads.granted(&choice, UnixMillis(now));
                granted += 1;
            }
        }
        assert!(granted > 60, "{granted}");
    }
}
