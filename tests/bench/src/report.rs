//! The rows: a table for people, `target/bench.json` for programs.

use std::fs;
use std::path::Path;

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use crate::measure::{self, Measured, Turn};

/// One line of the table. What a row does not measure is left out.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Row {
    /// What was measured.
    pub(crate) name: String,
    /// Answers a second.
    pub(crate) per_second: Option<f64>,
    /// Median answer time in milliseconds.
    pub(crate) p50_ms: Option<f64>,
    /// 99th percentile of the answer time in milliseconds.
    pub(crate) p99_ms: Option<f64>,
    /// Resident memory of the server after the load, in MiB.
    pub(crate) rss_mb: Option<f64>,
    /// Answers a second as a share of the limit's.
    pub(crate) ratio: Option<f64>,
    /// The server's CPU time for one answer, in microseconds.
    pub(crate) cpu_us: Option<f64>,
    /// The limit's CPU time for one answer as a share of the server's.
    pub(crate) cpu_ratio: Option<f64>,
    /// The share of the time that the server's core was busy with it.
    pub(crate) busy: Option<f64>,
    /// A figure that none of the columns has, such as rows written for each token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) note: Option<String>,
    /// The figure that is required, and whether it was reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) required: Option<String>,
    /// Whether the required figure was reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) met: Option<bool>,
}

impl Row {
    /// A row of measured medians.
    pub(crate) fn of(name: &str, measured: Measured, rss_mb: f64) -> Self {
        Self {
            name: name.to_owned(),
            per_second: Some(measured.per_second),
            p50_ms: Some(measured.p50_ms),
            p99_ms: Some(measured.p99_ms),
            cpu_us: Some(measured.cpu_us),
            busy: Some(measured.busy),
            rss_mb: Some(rss_mb),
            ..Self::default()
        }
    }

    /// The limit's row of these rounds.
    pub(crate) fn limit(name: &str, turns: &[Turn], rss_mb: f64) -> Self {
        let limits: Vec<Measured> = turns.iter().map(|turn| turn.limit).collect();
        Self { ratio: Some(1.0), cpu_ratio: Some(1.0), ..Self::of(name, measure::medians(&limits), rss_mb) }
    }

    /// The server's row of these rounds.
    pub(crate) fn server(name: &str, turns: &[Turn], rss_mb: f64) -> Self {
        let servers: Vec<Measured> = turns.iter().map(|turn| turn.server).collect();
        Self {
            ratio: Some(measure::ratio(turns)),
            cpu_ratio: Some(measure::cpu_ratio(turns)),
            ..Self::of(name, measure::medians(&servers), rss_mb)
        }
    }

    /// Names a row that was put together by hand.
    pub(crate) fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// Adds a remark.
    pub(crate) fn with_note(mut self, note: String) -> Self {
        self.note = Some(note);
        self
    }

    /// Asks for a ratio of at least this.
    pub(crate) fn at_least(mut self, wanted: f64) -> Self {
        self.met = self.ratio.map(|ratio| ratio >= wanted);
        self.required = Some(format!("ratio >= {wanted:.2}"));
        self
    }

    /// Asks for anything else.
    pub(crate) fn requires(mut self, what: &str, met: bool) -> Self {
        self.required = Some(what.to_owned());
        self.met = Some(met);
        self
    }
}

/// All rows, in the order in which they were measured.
#[derive(Debug, Default)]
pub(crate) struct Report(Vec<Row>);

impl Report {
    /// Adds a row and tells it on stderr, so that a long run can be followed.
    pub(crate) fn add(&mut self, row: Row) {
        let ratio = row.ratio.map(|ratio| format!(", ratio {ratio:.3}")).unwrap_or_default();
        let rate = row.per_second.map(|rate| format!(" {rate:.0}/s")).unwrap_or_default();
        let note = row.note.as_deref().map(|note| format!(", {note}")).unwrap_or_default();
        eprintln!("  {}:{rate}{ratio}{note}", row.name);
        self.0.push(row);
    }

    /// Writes the rows as JSON.
    pub(crate) fn write(&self, path: &Path) -> anyhow::Result<()> {
        if let Some(dir) = path.parent() {
            fs::create_dir_all(dir)?;
        }
        fs::write(path, serde_json::to_string_pretty(&self.0)? + "\n")?;
        Ok(())
    }

    /// The table.
    pub(crate) fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(presets::ASCII_MARKDOWN);
        table.set_header([
            "name",
            "per_second",
            "p50_ms",
            "p99_ms",
            "rss_mb",
            "ratio",
            "cpu_us",
            "cpu_ratio",
            "busy",
            "required",
            "note",
        ]);
        for row in &self.0 {
            let met = row.met.map_or("", |met| if met { " met" } else { " SHORT" });
            table.add_row([
                row.name.clone(),
                shown(row.per_second, 0),
                shown(row.p50_ms, 2),
                shown(row.p99_ms, 2),
                shown(row.rss_mb, 1),
                shown(row.ratio, 3),
                shown(row.cpu_us, 1),
                shown(row.cpu_ratio, 3),
                shown(row.busy, 2),
                row.required.as_ref().map(|what| format!("{what}:{met}")).unwrap_or_default(),
                row.note.clone().unwrap_or_default(),
            ]);
        }
        for column in 1..9 {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        table
    }
}

fn shown(figure: Option<f64>, digits: usize) -> String {
    figure.map(|figure| format!("{figure:.digits$}")).unwrap_or_default()
}
