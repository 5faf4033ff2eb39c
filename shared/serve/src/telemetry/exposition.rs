//! Measurements as text: the exposition format of Prometheus, version 0.0.4.

use std::fmt::{Display, Write};
use std::sync::atomic::Ordering;

use metrics::Key;

use super::recorder::{BOUNDS, Series};

/// All measurements, those of one name together.
pub(super) fn text(series: &Series) -> String {
    let mut page = Page { text: String::with_capacity(4096), series, name: String::new() };
    for (key, count) in &series.counters {
        page.head(key, "counter");
        page.line(key, ("", None), count.load(Ordering::Relaxed));
    }
    for (key, bits) in &series.gauges {
        page.head(key, "gauge");
        page.line(key, ("", None), f64::from_bits(bits.load(Ordering::Relaxed)));
    }
    for (key, buckets) in &series.histograms {
        page.head(key, "histogram");
        let (counts, sum) = buckets.cumulated();
        for (bound, count) in BOUNDS.iter().zip(counts) {
            page.line(key, ("_bucket", Some(bound.to_string())), count);
        }
        let all = counts.last().copied().unwrap_or_default();
        page.line(key, ("_bucket", Some("+Inf".to_owned())), all);
        page.line(key, ("_sum", None), sum);
        page.line(key, ("_count", None), all);
    }
    page.text
}

struct Page<'a> {
    text: String,
    series: &'a Series,
    /// Whose lines come just now.
    name: String,
}

// Writing into a `String` cannot fail, so the results of `write!` below are dropped.
impl Page<'_> {
    /// What comes before the first line of a name.
    fn head(&mut self, key: &Key, kind: &str) {
        if self.name == key.name() {
            return;
        }
        key.name().clone_into(&mut self.name);
        let name = &self.name;
        if let Some(help) = self.series.help.get(name) {
            let help = help.replace('\\', "\\\\").replace('\n', "\\n");
            let _ = writeln!(self.text, "# HELP {name} {help}");
        }
        let _ = writeln!(self.text, "# TYPE {name} {kind}");
    }

    fn line(&mut self, key: &Key, (suffix, bound): (&str, Option<String>), value: impl Display) {
        let _ = write!(self.text, "{}{suffix}", key.name());
        let labels = key.labels().map(|label| (label.key(), label.value()));
        let mut separator = '{';
        for (name, value) in labels.chain(bound.as_deref().map(|bound| ("le", bound))) {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(self.text, "{separator}{name}=\"{value}\"");
            separator = ',';
        }
        if separator == ',' {
            self.text.push('}');
        }
        let _ = writeln!(self.text, " {value}");
    }
}

#[cfg(test)]
mod tests {
    use metrics::with_local_recorder;

    use super::super::recorder::Recorder;
    use super::*;

    #[test]
    fn measurements_are_written_as_prometheus_reads_them() {
        let recorder = Recorder::default();
        with_local_recorder(&recorder, || {
            metrics::describe_counter!("a_total", "what\nit \\ means");
            metrics::counter!("a_total", "kind" => "x\"\\\ny").increment(2);
            metrics::counter!("a_total", "kind" => "x\"\\\ny").increment(1);
            metrics::counter!("a_total", "kind" => "z").absolute(7);
            metrics::gauge!("b").set(1.5);
            for seconds in [0.0005, 0.0006, 0.3, 11.0] {
                metrics::histogram!("c_seconds", "endpoint" => "/token").record(seconds);
            }
        });
        let text = text(&recorder.read());
        let (before, buckets) = text.split_once("# TYPE c_seconds histogram\n").unwrap();
        assert_eq!(
            before,
            "# HELP a_total what\\nit \\\\ means\n# TYPE a_total counter\n\
             a_total{kind=\"x\\\"\\\\\\ny\"} 3\na_total{kind=\"z\"} 7\n# TYPE b gauge\nb 1.5\n"
        );
        for line in [
            r#"c_seconds_bucket{endpoint="/token",le="0.0005"} 1"#,
            r#"c_seconds_bucket{endpoint="/token",le="0.001"} 2"#,
            r#"c_seconds_bucket{endpoint="/token",le="0.25"} 2"#,
            r#"c_seconds_bucket{endpoint="/token",le="1"} 3"#,
            r#"c_seconds_bucket{endpoint="/token",le="10"} 3"#,
            r#"c_seconds_bucket{endpoint="/token",le="+Inf"} 4"#,
            r#"c_seconds_count{endpoint="/token"} 4"#,
        ] {
            assert!(buckets.lines().any(|found| found == line), "{line} in\n{buckets}");
        }
        let sum = buckets.lines().find_map(|line| line.strip_prefix("c_seconds_sum{endpoint=\"/token\"} "));
        assert!((sum.unwrap().parse::<f64>().unwrap() - 11.3011).abs() < 1e-9);
    }

    #[test]
    fn counting_from_many_threads_loses_nothing() {
        let recorder = Recorder::default();
        let histogram = with_local_recorder(&recorder, || metrics::histogram!("d"));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..10_000).for_each(|_| histogram.record(0.5)));
            }
        });
        let text = text(&recorder.read());
        assert!(text.contains("d_sum 20000\nd_count 40000\n"), "{text}");
    }
}
