//! Words: which one somebody meant, and those in a sentence that stand for another.

/// The word that was probably meant: the nearest by letters to change, if it is near enough.
#[must_use]
pub fn did_you_mean<'k>(word: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let near = (word.chars().count() / 3).max(1);
    known
        .map(|name| (distance(word, name), name))
        .filter(|(distance, _)| *distance <= near)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// A sentence in which words in braces stand for something: `{start} starts it again`. What stands for nothing stays.
pub(in crate::state) fn filled(sentence: &str, named: impl Fn(&str) -> Option<String>) -> String {
    let mut filled = String::new();
    let mut rest = sentence;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let word = after
            .split_once('}')
            .and_then(|(name, behind)| Some((named(name)?, behind)));
        if let Some((word, behind)) = word {
            filled.push_str(&word);
            rest = behind;
        } else {
            // Somebody's own brace.
            filled.push('{');
            rest = after;
        }
    }
    filled.push_str(rest);
    filled
}

/// Letters to add, drop or change between two words (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut before: Vec<usize> = (0..=other.len()).collect();
    for (row, letter) in one.chars().enumerate() {
        let mut left = row + 1;
        let mut now = vec![left];
        for (diagonal, (above, other)) in before.iter().zip(before.iter().skip(1).zip(&other)) {
            left = (diagonal + usize::from(letter != *other))
                .min(above + 1)
                .min(left + 1);
            now.push(left);
        }
        before = now;
    }
    before.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{did_you_mean, distance};

    #[test]
    fn the_nearest_word_is_suggested_if_it_is_near() {
        let panes = ["processes", "replicas", "log"];
        assert_eq!(did_you_mean("repicas", panes.into_iter()), Some("replicas"));
        assert_eq!(did_you_mean("lgo", panes.into_iter()), None);
        assert_eq!(did_you_mean("logs", panes.into_iter()), Some("log"));
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
