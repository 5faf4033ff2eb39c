use super::*;

/// A reader of what is written, that can stand still.
struct Reader {
    written: Mutex<Vec<u8>>,
    still: Mutex<bool>,
    moves: Condvar,
}

impl Reader {
    const fn new() -> Self {
        Self { written: Mutex::new(Vec::new()), still: Mutex::new(false), moves: Condvar::new() }
    }

    fn stand_still(&self, still: bool) {
        *self.still.lock().unwrap() = still;
        self.moves.notify_all();
    }

    fn text(&self) -> String {
        String::from_utf8(self.written.lock().unwrap().clone()).unwrap()
    }

    fn eventually(&self, what: &str, holds: impl Fn(&str) -> bool) {
        let begun = Instant::now();
        while !holds(&self.text()) {
            assert!(begun.elapsed() < Duration::from_secs(30), "never happened: {what}");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

struct Pipe(&'static Reader);

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        drop(self.0.moves.wait_while(self.0.still.lock().unwrap(), |still| *still).unwrap());
        self.0.written.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn lines_wait_only_while_a_server_serves_and_keep_their_order() {
    static READER: Reader = Reader::new();
    static SINK: Sink<Pipe> = Sink::new(|| Pipe(&READER), |_| {});
    SINK.write(b"1", false);
    assert_eq!(READER.text(), "1", "no server: written at once");
    SINK.start();
    SINK.start();
    SINK.write(b"2", false);
    assert_eq!(READER.text(), "12", "no server yet: waited for");
    SINK.state().servers += 1;
    SINK.write(b"3", false);
    SINK.write(b"4", true);
    assert_eq!(READER.text(), "1234", "an error takes the lines before it along");
    SINK.write(b"5", false);
    READER.eventually("a batch is written by itself", |text| text == "12345");
    SINK.write(b"6", false);
    SINK.end();
    assert_eq!(READER.text(), "123456", "the end of a server waits for its lines");
    SINK.write(b"7", false);
    assert_eq!(READER.text(), "1234567");
}

#[test]
fn case_27_a_reader_that_stands_still_holds_up_no_logger_and_losses_are_counted() {
    static READER: Reader = Reader::new();
    static SINK: Sink<Pipe> =
        Sink::new(|| Pipe(&READER), |lost| SINK.write(format!("lost {lost}\n").as_bytes(), true));
    const LINES: usize = 60_000;
    let line = format!("{}\n", "x".repeat(99));
    SINK.start();
    SINK.state().servers += 1;
    READER.stand_still(true);
    // Each call would wait for ever, or for so long that the test would not end.
    for n in 0..LINES {
        SINK.write(line.as_bytes(), n % 100 == 0);
    }
    SINK.write(b"an error\n", true);
    SINK.flush();
    SINK.end();
    assert_eq!(READER.text(), "");
    READER.stand_still(false);
    READER.eventually("the loss is reported", |text| text.contains("lost "));
    let text = READER.text();
    let (reports, kept): (Vec<_>, Vec<_>) = text.lines().partition(|line| line.starts_with("lost "));
    let lost: usize = reports[0].strip_prefix("lost ").unwrap().parse().unwrap();
    assert_eq!((reports.len(), kept.len() + lost), (1, LINES + 1));
    assert!((MOST_WAITING / 2..4 * MOST_WAITING).contains(&text.len()), "{} bytes were kept", text.len());
    SINK.write(b"and on\n", true);
    assert!(READER.text().ends_with("and on\n"));
}
