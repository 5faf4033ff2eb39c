//! Case 27: the process that reads the log stops reading.

use super::harness::Lab;
use super::stalled_log::Stalled;

/// More refusals than pipe and buffers have room for.
const REQUESTS: usize = 24_000;

fn start(lab: &Lab) -> Stalled {
    Stalled::start(lab.command(&["serve", "--listen", "127.0.0.1:0", "--admin-listen", "off"]))
}

fn refused() -> String {
    let form = "grant_type=client_credentials&client_id=x&client_secret=y";
    format!(
        "POST /token HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n{form}",
        form.len()
    )
}

#[test]
fn case_27_requests_go_on_and_sigterm_ends_the_server_while_nobody_reads_the_log() {
    let lab = Lab::new();
    let mut server = start(&lab);
    let statuses = server.send(&refused(), REQUESTS);
    assert_eq!(statuses.iter().filter(|status| **status == 401).count(), REQUESTS);
    assert_eq!(server.send("GET /health HTTP/1.1\r\nHost: a\r\n\r\n", 1), [200]);
    println!("figure: {:?} from SIGTERM to the end", server.terminate());
}

#[test]
fn case_27_what_was_lost_is_counted_and_json_lines_stay_whole() {
    let lab = Lab::new().with("AUTH_SERVER_LOG__FORMAT", "json");
    let mut server = start(&lab);
    server.send(&refused(), REQUESTS);
    let lines = server.read_up_to("log lines were lost");
    let documents: Vec<serde_json::Value> =
        lines.iter().map(|line| serde_json::from_str(line).expect(line)).collect();
    let lost = documents.last().and_then(|line| line["fields"]["lines"].as_u64()).expect("their number");
    let kept = lines.iter().filter(|line| line.contains("request refused")).count();
    assert!(kept + usize::try_from(lost).expect("a number") >= REQUESTS, "{kept} kept, {lost} lost");
    assert_eq!(server.send(&refused(), 1), [401]);
}
