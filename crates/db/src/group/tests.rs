//! When a group is full. What callers see of it is tested from outside (`tests/it/group.rs`).

use std::time::{Duration, Instant};

use super::line::{GROUP_AGE, GROUP_CALLERS, Group, age_after};

#[test]
fn a_group_with_nobody_in_it_is_never_full() {
    let group = Group::<()>::new();
    assert!(!group.is_full(GROUP_AGE, Instant::now() + 100 * GROUP_AGE));
}

#[test]
fn a_group_is_full_when_the_first_has_waited_long_enough() {
    let (mut group, start) = (Group::new(), Instant::now());
    group.add((), start);
    group.add((), start + GROUP_AGE / 2);
    assert!(!group.is_full(GROUP_AGE, start + GROUP_AGE / 2));
    assert!(group.is_full(GROUP_AGE, start + GROUP_AGE));
}

#[test]
fn a_group_is_full_when_many_are_in_it() {
    let (mut group, start) = (Group::new(), Instant::now());
    (1..GROUP_CALLERS).for_each(|_| group.add((), start));
    assert!(!group.is_full(GROUP_AGE, start));
    group.add((), start);
    assert!(group.is_full(GROUP_AGE, start));
}

#[test]
fn a_clock_that_seems_to_go_back_does_not_fill_a_group() {
    let (mut group, start) = (Group::new(), Instant::now() + GROUP_AGE);
    group.add((), start);
    assert!(!group.is_full(GROUP_AGE, start.checked_sub(GROUP_AGE).unwrap()));
}

#[test]
fn a_group_grows_older_on_a_slow_disk_within_bounds() {
    let ages =
        [0, 1, 2, 10, 1_000].map(|ms| age_after(Duration::from_millis(ms), GROUP_AGE).as_millis());
    assert_eq!(ages, [5, 5, 8, 40, 50]);
}
