//! How many connections the process' file descriptors allow.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit on descriptors as far as `wanted` connections need and the hard limit allows, and returns
/// how many connections there may be: a quarter of the descriptors is kept back, so that a flood of connections
/// leaves some for the database and for files.
pub(super) fn places(wanted: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    let needed = (wanted as u64).saturating_mul(4) / 3 + 64;
    let raised = limit.maximum.map_or(needed, |hard| hard.min(needed));
    let mut soft = limit.current.unwrap_or(u64::MAX);
    if soft < raised {
        let wider = Rlimit { current: Some(raised), maximum: limit.maximum };
        match setrlimit(Resource::Nofile, wider) {
            Ok(()) => soft = raised,
            Err(error) => tracing::warn!(%error, soft, "the limit on open files stays low"),
        }
    }
    share(soft, wanted)
}

fn share(descriptors: u64, wanted: usize) -> usize {
    let most = usize::try_from(descriptors / 4 * 3).unwrap_or(usize::MAX);
    if most < wanted {
        tracing::warn!(
            connections = most,
            wanted,
            "fewer connections than limits.max_connections: open files"
        );
    }
    wanted.min(most).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f26_a_quarter_of_the_descriptors_is_kept_back() {
        assert_eq!(share(64, 10_000), 48);
        assert_eq!(share(1_000_000, 10_000), 10_000);
        assert_eq!(share(0, 10_000), 1);
    }
}
