//! Tables for people.

use comfy_table::{Attribute, Cell, ContentArrangement, Table, presets};

use super::output::Screen;

/// A table with a header: columns aligned, two spaces between them, fitted to the terminal's width.
pub(crate) fn list(screen: Screen, header: &[&str], rows: &[Vec<String>]) -> String {
    let mut table = empty(screen);
    table.set_header(header.iter().map(|name| Cell::new(name.to_uppercase()).add_attribute(Attribute::Bold)));
    table.add_rows(rows);
    tidy(table)
}

/// Names and values, one pair a line. A pair whose value is empty is left out.
pub(crate) fn pairs(screen: Screen, rows: &[(&str, String)]) -> String {
    let mut table = empty(screen);
    for (name, value) in rows.iter().filter(|(_, value)| !value.is_empty()) {
        table.add_row([Cell::new(name).add_attribute(Attribute::Bold), Cell::new(value)]);
    }
    tidy(table)
}

fn empty(screen: Screen) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_content_arrangement(if screen.terminal {
        ContentArrangement::Dynamic
    } else {
        ContentArrangement::Disabled
    });
    if screen.styled {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    table
}

fn tidy(mut table: Table) -> String {
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt()
}

/// `12 clients`, `1 client`.
pub(crate) fn count(number: usize, one: &str, many: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {many}") }
}

/// The items with commas between, or a dash for none.
pub(crate) fn joined<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    let texts: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    if texts.is_empty() { "-".to_owned() } else { texts.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIPE: Screen = Screen { styled: false, terminal: false };

    #[test]
    fn a_table_in_a_pipe_is_plain_and_aligned() {
        let rows = [vec!["a".to_owned(), "1".to_owned()], vec!["longer".to_owned(), "2".to_owned()]];
        assert_eq!(list(PIPE, &["name", "n"], &rows), "NAME    N\na       1\nlonger  2");
    }

    #[test]
    fn empty_values_are_left_out_of_pairs() {
        let rows = [("name", "x".to_owned()), ("gone", String::new()), ("id", "y".to_owned())];
        assert_eq!(pairs(PIPE, &rows), "name  x\nid    y");
    }
}
