//! A minute as columns of blocks, one or more rows high.

const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// What the scale ends at where nothing much happens: one record is no mountain.
const LEAST_SCALE: u64 = 8;

/// The newest values of `seconds` at the right of `cells` columns, the top row first. Where several
/// seconds share a column it shows the highest.
pub fn bars(values: &[u64], seconds: usize, cells: usize, rows: usize) -> Vec<String> {
    let most = values.iter().copied().max().unwrap_or(0).max(LEAST_SCALE);
    let missing = seconds.saturating_sub(values.len());
    let levels = u64::try_from(rows * LEVELS.len()).unwrap_or(1) - 1;
    let heights: Vec<usize> = (0..cells)
        .map(|cell| {
            let from = (cell * seconds / cells).saturating_sub(missing);
            let upto = ((cell + 1) * seconds / cells).saturating_sub(missing);
            let highest = values
                .get(from..upto)
                .and_then(|part| part.iter().max().copied());
            let level = u128::from(highest.unwrap_or(0)) * u128::from(levels) / u128::from(most);
            usize::try_from(level).unwrap_or(0)
        })
        .collect();
    let row = |below: usize| -> String {
        let sign = |height: &usize| match height.checked_sub(below) {
            Some(over) => LEVELS.get(over).copied().unwrap_or('█'),
            None => ' ',
        };
        heights.iter().map(sign).collect()
    };
    (0..rows)
        .rev()
        .map(|index| row(index * LEVELS.len()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::bars;

    #[test]
    fn the_newest_stand_at_the_right() {
        assert_eq!(bars(&[8, 4, 0], 5, 5, 1), ["▁▁█▄▁"]);
        assert_eq!(bars(&[0, 16], 2, 2, 2), [" █", "▁█"]);
    }

    #[test]
    fn seconds_that_share_a_column_show_their_highest() {
        assert_eq!(bars(&[0, 8, 0, 0], 4, 2, 1), ["█▁"]);
        assert_eq!(bars(&[], 60, 3, 1), ["▁▁▁"]);
    }
}
