//! Case 27: the process that reads the log stops reading.

use crate::harness::{AUDIENCE, ISSUER};
use crate::program::Place;
use crate::stalled_log::Stalled;

/// More refusals than pipe and buffers have room for.
const REQUESTS: usize = 30_000;
const REFUSED: &str = "GET /api_v0.0.1 HTTP/1.1\r\nHost: a\r\n\r\n";

fn start(place: &Place) -> Stalled {
    let listen = ["serve", "--listen", "127.0.0.1:0", "--admin-listen", "off"];
    let trust = ["--issuer", ISSUER, "--audience", AUDIENCE, "--public-key", "public.pem"];
    let route = ["--route", "/api_v0.0.1=protected.json"];
    Stalled::start(place.command(&[&listen[..], &trust, &route].concat()))
}

#[test]
fn case_27_requests_go_on_and_sigterm_ends_the_server_while_nobody_reads_the_log() {
    let place = Place::new();
    let mut server = start(&place);
    let statuses = server.send(REFUSED, REQUESTS);
    assert!(statuses.iter().all(|status| *status == 401), "{statuses:?}");
    assert_eq!(server.send("GET /health HTTP/1.1\r\nHost: a\r\n\r\n", 1), [200]);
    println!("figure: {:?} from SIGTERM to the end", server.terminate());
}

#[test]
fn case_27_what_was_lost_is_counted() {
    let place = Place::new();
    let mut server = start(&place);
    server.send(REFUSED, REQUESTS);
    let lines = server.read_up_to("log lines were lost");
    let lost: usize = lines.last().unwrap().rsplit("lines=").next().unwrap().parse().unwrap();
    let kept = lines.iter().filter(|line| line.contains("request refused")).count();
    assert!(kept + lost >= REQUESTS, "{kept} kept, {lost} lost");
    assert_eq!(server.send(REFUSED, 1), [401]);
}
