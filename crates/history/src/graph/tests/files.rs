//! What is written is read again; what was damaged is not believed.

use std::sync::Arc;

use names::CommitId;
use proptest::prelude::*;

use super::{
    super::*,
    histories::{History, file, made, stored},
};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn layers_say_what_was_written(made in made(), layers in prop::collection::vec(0..20_usize, 0..4)) {
        let history = History::of(&made);
        let graph = history.graph(&layers);
        prop_assert_eq!(graph.len() as usize, history.commits.len());
        for (at, commit) in history.positions().zip(&history.commits) {
            prop_assert_eq!(graph.find(&commit.id).unwrap(), Some(at));
            prop_assert_eq!(graph.id(at).unwrap(), commit.id);
            prop_assert_eq!(graph.root(at).unwrap(), commit.root);
            prop_assert_eq!(graph.link(at).unwrap(), commit.link);
            prop_assert_eq!(graph.filter(at).unwrap(), commit.filter.clone());
            for path in ["a", "src/b", "src/deep/er/a", "docs/none"] {
                let parts: Vec<_> = path.split('/').collect();
                let excludes = (1..=parts.len())
                    .any(|count| commit.filter.excludes(PathHash::of(&parts[..count].join("/"))));
                prop_assert_eq!(graph.excludes(at, &Way::of(path)).unwrap(), excludes);
            }
        }
        prop_assert_eq!(graph.find(&CommitId::of(b"none")).unwrap(), None);
    }

    #[test]
    fn layers_that_are_joined_are_the_layer_written_at_once(made in made(), cut in 0..60_usize) {
        let history = History::of(&made);
        let (before, after) = history.commits.split_at(cut.min(history.commits.len()));
        let layers =
            [Arc::new(stored(0, before)), Arc::new(stored(u32::try_from(before.len()).unwrap(), after))];
        prop_assert!(file(0, Of::Layers(&layers)) == file(0, Of::New(&history.commits)));
    }

    #[test]
    fn a_file_in_which_a_byte_changed_says_so_or_tells_the_truth(made in made(), at in any::<prop::sample::Index>(), flip in 1..=255_u8) {
        let history = History::of(&made);
        let mut bytes = file(0, Of::New(&history.commits));
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        let Ok(layer) = Stored::open(Box::new(InMemory(bytes))) else { return Ok(()) };
        let mut graph = Graph::new();
        graph.push(Arc::new(layer)).unwrap();
        for (at, commit) in history.positions().zip(&history.commits) {
            prop_assert!(graph.link(at).is_ok_and(|link| link == commit.link) || graph.link(at).is_err());
            prop_assert!(graph.find(&commit.id).is_ok_and(|it| it == Some(at)) || graph.find(&commit.id).is_err());
            prop_assert!(graph.filter(at).is_ok_and(|it| it == commit.filter) || graph.filter(at).is_err());
        }
    }

    #[test]
    fn a_filter_never_excludes_what_was_touched(paths in prop::collection::vec("[a-c]{1,2}(/[a-d]{1,3}){0,4}", 0..60)) {
        let filter = Filter::of(paths.iter().map(String::as_str));
        for path in &paths {
            let mut path = Some(path.as_str());
            while let Some(it) = path {
                prop_assert!(!filter.excludes(PathHash::of(it)));
                path = it.rsplit_once('/').map(|(above, _)| above);
            }
        }
    }
}

#[test]
fn a_filter_excludes_nearly_everything_else() {
    let paths: Vec<_> = (0..300).map(|n| format!("src/module{n}/file.rs")).collect();
    let filter = Filter::of(paths.iter().map(String::as_str));
    let wrong = (0..10_000).filter(|n| !filter.excludes(PathHash::of(&format!("docs/{n}"))));
    assert!(wrong.count() < 200);
    assert!(Filter::of([]).excludes(PathHash::of("a")));
    assert!(!Filter::UNKNOWN.excludes(PathHash::of("a")));
    let many: Vec<_> = (0..=MOST_CHANGES).map(|n| n.to_string()).collect();
    assert_eq!(Filter::of(many.iter().map(String::as_str)), Filter::UNKNOWN);
}

#[test]
fn layers_do_not_leave_a_gap() {
    let mut graph = Graph::new();
    assert!(graph.push(Arc::new(stored(1, &[]))).is_err());
    assert!(graph.link(Position(0)).is_err());
    assert_eq!(graph.find(&CommitId::of(b"x")).unwrap(), None);
}
