//! How commits lead to one another, drawn: a lane for each line of history that is waited for.

use history::Parents;
use names::CommitId;

/// The lanes as they stand below the last commit: each waits for a commit.
#[derive(Debug, Default)]
pub(super) struct Lanes(Vec<CommitId>);

impl Lanes {
    /// Draws one commit, children coming before parents, beside its `text` of whole lines.
    pub(super) fn draw(&mut self, id: CommitId, parents: &Parents, text: &str) -> String {
        let mut out = String::new();
        let at = self.0.iter().position(|waited| *waited == id).unwrap_or_else(|| {
            self.0.push(id);
            self.0.len() - 1
        });
        // Other lanes that waited for the same commit end here.
        let ending: Vec<_> =
            (at + 1..self.0.len()).filter(|lane| self.0.get(*lane) == Some(&id)).collect();
        if !ending.is_empty() {
            out.push_str(&row(
                self.0.len(),
                |lane| if ending.contains(&lane) { "/" } else { "|" },
                "",
            ));
        }
        let mut lane = 0;
        self.0.retain(|_| {
            lane += 1;
            !ending.contains(&(lane - 1))
        });
        let mut lines = text.lines();
        let first = lines.next().unwrap_or_default();
        out.push_str(&row(self.0.len(), |lane| if lane == at { "*" } else { "|" }, first));
        match (parents.first(), parents.second()) {
            (None, _) => drop(self.0.remove(at)),
            (Some(first), second) => {
                if let Some(lane) = self.0.get_mut(at) {
                    *lane = first;
                }
                if let Some(second) = second {
                    self.0.insert(at + 1, second);
                    out.push_str(&row(
                        self.0.len(),
                        |lane| if lane == at + 1 { "\\" } else { "|" },
                        "",
                    ));
                }
            }
        }
        for line in lines {
            out.push_str(&row(self.0.len(), |_| "|", line));
        }
        out
    }
}

fn row(lanes: usize, sign: impl Fn(usize) -> &'static str, text: &str) -> String {
    let signs: Vec<_> = (0..lanes).map(sign).collect();
    format!("{} {text}", signs.join(" ")).trim_end().to_owned() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: char) -> CommitId {
        CommitId::from_bytes([name as u8; 32])
    }

    #[test]
    fn a_branch_leaves_and_comes_back() {
        let mut lanes = Lanes::default();
        let mut out = String::new();
        for (name, parents) in [('m', "bc"), ('c', "a"), ('b', "a"), ('a', "")] {
            let mut ids = parents.chars().map(id);
            let parents = Parents::new(ids.next(), ids.next());
            out.push_str(&lanes.draw(id(name), &parents, &format!("{name}\n")));
        }
        insta::assert_snapshot!(out, @r"
        * m
        | \
        | * c
        * | b
        | /
        * a
        ");
    }
}
