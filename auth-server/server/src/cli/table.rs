//! Tables for people. What identifies something is never cut: on a narrow terminal prose is wrapped between words, and
//! columns that matter less are left out, which a last line says.

use unicode_width::UnicodeWidthStr;

use super::output::Screen;
use trefoil_serve::terminal::escaped;

/// Between two columns.
const GAP: usize = 2;
/// A last column of prose is not made narrower than this. None is made narrower than its longest word.
const NARROWEST: usize = 24;
/// How far prose that stands beneath its row is moved in.
const INDENT: usize = 4;

/// What a column may suffer where the terminal is narrow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Fixed,
    Optional,
    Prose,
}

/// A column of a list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    name: &'static str,
    kind: Kind,
}

/// A column that is always there and whole: identifiers above all.
pub(crate) const fn fixed(name: &'static str) -> Column {
    Column { name, kind: Kind::Fixed }
}

/// A column that is left out where there is no room; the rightmost first.
pub(crate) const fn optional(name: &'static str) -> Column {
    Column { name, kind: Kind::Optional }
}

/// A column that is wrapped between words. As the last one it goes beneath its row where it would get too narrow, and
/// takes the one before it along if need be.
pub(crate) const fn prose(name: &'static str) -> Column {
    Column { name, kind: Kind::Prose }
}

/// A table with a header, columns aligned, fitted to the terminal's width.
pub(crate) fn list(screen: Screen, columns: &[Column], rows: &[Vec<String>]) -> String {
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|cell| escaped(cell).into_owned()).collect()).collect();
    let Some(layout) = Layout::fitting(screen.width, columns, &rows) else {
        return records(screen, columns, &rows);
    };
    let header = columns.iter().map(|column| column.name.to_uppercase()).collect::<Vec<_>>();
    let mut lines: Vec<String> = layout.lines(&header).iter().map(|line| screen.bold(line)).collect();
    lines.extend(rows.iter().flat_map(|row| layout.lines(row)));
    let left_out = layout.left_out(columns);
    if !left_out.is_empty() {
        let footer = format!("(no room for: {}; --json has everything)", left_out.join(", "));
        lines.push(String::new());
        lines.extend(wrapped(&footer, screen.width));
    }
    lines.join("\n")
}

/// Each row by itself, as pairs: for a terminal on which not even the fixed columns fit beside each other.
fn records(screen: Screen, columns: &[Column], rows: &[Vec<String>]) -> String {
    let record = |row: &Vec<String>| {
        let cells: Vec<_> =
            columns.iter().zip(row).map(|(column, cell)| (column.name, cell.clone())).collect();
        pairs(screen, &cells)
    };
    rows.iter().map(record).collect::<Vec<_>>().join("\n\n")
}

/// Names and values, one pair a line. A pair whose value is empty is left out; a value may have several lines.
pub(crate) fn pairs(screen: Screen, rows: &[(&str, String)]) -> String {
    let rows: Vec<_> = rows
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (escaped(name), value))
        .collect();
    let widest = rows.iter().map(|(name, _)| name.width()).max().unwrap_or(0);
    let room = screen.width.map(|width| width.saturating_sub(widest + GAP));
    let mut lines = Vec::new();
    for (name, value) in rows {
        let pad = widest - name.width() + GAP;
        let mut lead = format!("{}{:pad$}", screen.bold(&name), "");
        for part in value.split('\n').flat_map(|line| wrapped(&escaped(line), room)) {
            lines.push(format!("{lead}{part}").trim_end().to_owned());
            lead = " ".repeat(widest + GAP);
        }
    }
    lines.join("\n")
}

/// How the columns are laid out.
struct Layout {
    /// The width of each column; `None` for one that is left out, or that stands beneath.
    widths: Vec<Option<usize>>,
    /// The first column that stands beneath its row, with all that follow.
    beneath: Option<usize>,
    /// The columns of the terminal; `None` where stdout is none.
    room: Option<usize>,
}

impl Layout {
    /// The widths that fit the terminal; `None` where there are none.
    fn fitting(room: Option<usize>, columns: &[Column], rows: &[Vec<String>]) -> Option<Self> {
        let cells = |n: usize| rows.iter().filter_map(move |row| row.get(n)).map(String::as_str);
        let measure = |n: usize, of: fn(&str) -> usize| cells(n).map(of).max().unwrap_or(0);
        let last = columns.len().saturating_sub(1);
        let mut natural = Vec::new();
        let mut minimum = Vec::new();
        for (n, column) in columns.iter().enumerate() {
            let width = measure(n, UnicodeWidthStr::width).max(column.name.width());
            let narrowest = if n == last { NARROWEST } else { 0 };
            let narrow = measure(n, longest_word).max(column.name.width()).max(narrowest);
            natural.push(Some(width));
            minimum.push(if column.kind == Kind::Prose { narrow.min(width) } else { width });
        }
        let mut layout = Self { widths: natural, beneath: None, room };
        if layout.shrunk(&minimum) {
            return Some(layout);
        }
        if columns.last().is_some_and(|last| last.kind == Kind::Prose) {
            // The last column, or the last two.
            for first in [last, last.saturating_sub(1)].into_iter().filter(|first| *first > 0) {
                layout.beneath = Some(first);
                layout.hide(first);
                if layout.shrunk(&minimum) {
                    return Some(layout);
                }
            }
        }
        for (n, _) in columns.iter().enumerate().rev().filter(|(_, column)| column.kind == Kind::Optional) {
            layout.hide(n);
            if layout.shrunk(&minimum) {
                return Some(layout);
            }
        }
        None
    }

    fn hide(&mut self, column: usize) {
        self.widths.iter_mut().skip(column).take(1).for_each(|width| *width = None);
    }

    fn total(&self) -> usize {
        let shown = self.widths.iter().flatten();
        shown.clone().sum::<usize>() + GAP * shown.count().saturating_sub(1)
    }

    /// Takes from the widest column that may lose something until all fit; `false` where they do not.
    fn shrunk(&mut self, minimum: &[usize]) -> bool {
        while self.room.is_some_and(|room| self.total() > room) {
            let widest = self
                .widths
                .iter_mut()
                .zip(minimum)
                .filter_map(|(width, minimum)| width.as_mut().filter(|width| **width > *minimum))
                .max_by_key(|width| **width);
            let Some(widest) = widest else { return false };
            *widest -= 1;
        }
        true
    }

    fn lines(&self, row: &[String]) -> Vec<String> {
        let shown = || row.iter().zip(&self.widths).filter_map(|(cell, width)| Some((cell, (*width)?)));
        let cells: Vec<Vec<String>> = shown().map(|(cell, width)| wrapped(cell, Some(width))).collect();
        let height = cells.iter().map(Vec::len).max().unwrap_or(0);
        let line = |n: usize| {
            let mut line = String::new();
            for (cell, (_, width)) in cells.iter().zip(shown()) {
                let part = cell.get(n).map_or("", String::as_str);
                line.push_str(part);
                line.push_str(&" ".repeat(width.saturating_sub(part.width()) + GAP));
            }
            line.trim_end().to_owned()
        };
        let mut lines: Vec<String> = (0..height).map(line).collect();
        let beneath = self.beneath.and_then(|first| row.get(first..)).unwrap_or_default();
        let beneath: Vec<&str> = beneath.iter().map(String::as_str).filter(|cell| !cell.is_empty()).collect();
        if !beneath.is_empty() {
            let room = self.room.map(|room| room.saturating_sub(INDENT));
            lines
                .extend(wrapped(&beneath.join(" "), room).iter().map(|part| format!("{:INDENT$}{part}", "")));
        }
        lines
    }

    fn left_out(&self, columns: &[Column]) -> Vec<&'static str> {
        let above = self.beneath.unwrap_or(columns.len());
        let hidden = self.widths.iter().zip(columns).take(above).filter(|(width, _)| width.is_none());
        hidden.map(|(_, column)| column.name).collect()
    }
}

fn longest_word(text: &str) -> usize {
    text.split(' ').map(UnicodeWidthStr::width).max().unwrap_or(0)
}

/// The text in lines of at most this width, broken between words alone: a longer word has a line for itself.
fn wrapped(text: &str, width: Option<usize>) -> Vec<String> {
    let Some(width) = width.filter(|width| text.width() > *width) else { return vec![text.to_owned()] };
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let Some(line) = lines.last_mut() else { break };
        if line.is_empty() {
            line.push_str(word);
        } else if line.width() + 1 + word.width() <= width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
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

    const KID: &str = "aMtTKyfRUQZ8hpXwFtUiqCz3NgLPxO1kM9bHs7VdEYo";

    fn at(width: usize) -> Screen {
        Screen { styled: false, width: Some(width) }
    }

    fn row(cells: &[&str]) -> Vec<String> {
        cells.iter().map(|cell| (*cell).to_owned()).collect()
    }

    #[test]
    fn a_table_in_a_pipe_is_plain_and_aligned() {
        let rows = [row(&["a", "1"]), row(&["longer", "2"])];
        let columns = [fixed("name"), prose("n")];
        assert_eq!(list(Screen::PLAIN, &columns, &rows), "NAME    N\na       1\nlonger  2");
    }

    #[test]
    fn u05_an_identifier_is_whole_at_any_width_and_columns_that_matter_less_go_first() {
        let columns = [fixed("kid"), fixed("alg"), optional("since"), optional("until")];
        let rows = [row(&[KID, "ES256", "2026-11-30T09:00:00Z (2 days ago)", "-"])];
        for width in 1..200 {
            let text = list(at(width), &columns, &rows);
            assert!(text.contains(KID) && text.contains("ES256"), "{width}: {text}");
            let widest = text.lines().filter(|line| !line.starts_with('(')).map(UnicodeWidthStr::width).max();
            assert!(widest <= Some(width.max("kid    ".len() + KID.len())), "{width}: {text}");
            assert_eq!(text.contains("UNTIL"), width >= 92, "{width}: {text}");
            let left_out = text.replace('\n', " ").contains("no room for: since, until");
            assert_eq!(left_out, (50..85).contains(&width), "{width}: {text}");
            assert_eq!(text.starts_with("kid    "), width < 50, "{width}: {text}");
        }
    }

    #[test]
    fn u05_prose_is_wrapped_between_words_and_goes_beneath_its_row_where_it_would_be_narrow() {
        let columns = [fixed("id"), prose("detail")];
        let rows = [row(&["c-1", "resources=api_v0.0.1 scope=read"]), row(&["c-2", ""])];
        assert_eq!(
            list(at(30), &columns, &rows),
            "ID   DETAIL\nc-1  resources=api_v0.0.1\n     scope=read\nc-2"
        );
        assert_eq!(
            list(at(26), &columns, &rows),
            "ID\n    DETAIL\nc-1\n    resources=api_v0.0.1\n    scope=read\nc-2"
        );
    }

    #[test]
    fn u05_values_of_pairs_are_wrapped_between_words_and_empty_ones_left_out() {
        let rows =
            [("scopes", format!("read, {KID}, write")), ("gone", String::new()), ("id", "x".to_owned())];
        assert_eq!(pairs(at(20), &rows), format!("scopes  read,\n        {KID},\n        write\nid      x"));
    }

    #[test]
    fn w17_cells_steer_nothing_and_stay_on_their_line() {
        let rows = [row(&["a\nb\u{1b}[2J", "\u{9b}31m"])];
        let text = list(Screen::PLAIN, &[fixed("a"), fixed("b")], &rows);
        assert_eq!(text.lines().nth(1), Some(r"a\nb\u001b[2J  \u009b31m"));
    }
}
