//! Columns with the widths of `kafka-consumer-groups.sh`: wider where a cell needs it.

use wire::shown;

/// A column: its heading and how wide it is at least.
pub(super) type Column = (&'static str, usize);

/// A blank line, the heading and the rows, as Kafka's tool prints them.
pub(super) fn table(columns: &[Column], rows: &[Vec<String>]) -> String {
    let heading: Vec<String> = columns.iter().map(|(name, _)| (*name).to_owned()).collect();
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            row.iter()
                .map(|cell| shown::line(cell).into_owned())
                .collect()
        })
        .collect();
    let widths: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(index, (name, least))| {
            let cells = rows.iter().filter_map(|row| row.get(index));
            let widest = cells.map(|cell| cell.chars().count()).max().unwrap_or(0);
            widest.max(*least).max(name.len())
        })
        .collect();
    let mut text = String::from("\n");
    for row in std::iter::once(&heading).chain(&rows) {
        let line: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        text.push_str(line.join(" ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::table;

    #[test]
    fn columns_are_as_wide_as_kafkas() {
        let rows = [vec!["billing".to_owned(), "0".to_owned(), "-".to_owned()]];
        assert_eq!(
            table(&[("GROUP", 15), ("PARTITION", 10), ("HOST", 15)], &rows),
            "\nGROUP           PARTITION  HOST\nbilling         0          -\n"
        );
    }
}
