//! Kills a command again and again, and says what it met.

use std::{
    fs,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{World, aim::Aim};
use crate::harness::{Engine, counts::times};

/// What became of a command that was shot at.
pub(super) struct Shot {
    /// Whether its act is in the database.
    pub(super) done: bool,
    /// Its document, if it had printed it: the act is acknowledged.
    pub(super) answer: Option<Value>,
}

#[derive(Default)]
struct Tally {
    before: usize,
    inside: usize,
    after: usize,
    done: usize,
    acknowledged: usize,
}

/// Shoots at one kind of command.
pub(super) struct Gun {
    name: &'static str,
    engine: Engine,
    kills: usize,
    aim: Option<Aim>,
    tally: Tally,
    began: Instant,
}

/// How the process ended.
struct End {
    after: Duration,
    ended: bool,
    inside: bool,
    stdout: String,
    stderr: String,
}

impl Gun {
    /// `full`: how many kills under `./test full`, on each database.
    pub(super) fn new(world: &World, name: &'static str, full: usize) -> Self {
        let (kills, began) = (times(full), Instant::now());
        Self { name, engine: world.engine, kills, aim: None, tally: Tally::default(), began }
    }

    /// The rounds: the first one measures the command and kills nobody.
    pub(super) fn rounds(&self) -> std::ops::RangeInclusive<usize> {
        0..=self.kills
    }

    /// Starts a command, kills it, waits until the database has heard of its end, and looks what came of it.
    pub(super) async fn shoot(&mut self, world: &World, arguments: &[&str]) -> Shot {
        let before = world.acts();
        let mut all = arguments.to_vec();
        all.push("--json");
        let mut command = world.lab.auth.command(&all);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let began = Instant::now();
        let child = command.spawn().expect("auth-server");
        let end = match &mut self.aim {
            None => wait(child, began),
            Some(aim) => kill(child, aim.next(), self.engine),
        };
        world.settled().await;
        let acts = world.acts() - before;
        assert!((0..=1).contains(&acts), "{arguments:?} was written down {acts} times");
        let answer: Option<Value> = serde_json::from_str(&end.stdout).ok();
        let refused = answer.as_ref().is_some_and(|answer| answer.get("error").is_some());
        assert!(!refused && (!end.ended || answer.is_some()), "{arguments:?}: {}{}", end.stdout, end.stderr);
        let shot = Shot { done: acts == 1, answer };
        assert!(shot.done || shot.answer.is_none(), "{arguments:?} was acknowledged and is gone");
        self.count(&end, &shot);
        shot
    }

    fn count(&mut self, end: &End, shot: &Shot) {
        let Some(aim) = &mut self.aim else {
            self.aim = Some(Aim::new(end.after));
            return;
        };
        aim.learn(end.after, shot.done, end.ended);
        let tally = &mut self.tally;
        let moment = match (end.ended, end.inside) {
            (true, _) => &mut tally.after,
            (false, true) => &mut tally.inside,
            (false, false) => &mut tally.before,
        };
        *moment += 1;
        tally.done += usize::from(shot.done);
        tally.acknowledged += usize::from(shot.answer.is_some());
    }

    /// Prints what was met.
    pub(super) fn report(self) {
        let Tally { before, inside, after, done, acknowledged } = self.tally;
        println!(
            "figure: f03 {} kills of `{}` on {:?}: {before} before it had the database open, {inside} inside, {after} \
             after its end; {done} done, {acknowledged} acknowledged, none lost or half done; {:.0} s",
            self.kills,
            self.name,
            self.engine,
            self.began.elapsed().as_secs_f64()
        );
    }
}

fn wait(child: Child, began: Instant) -> End {
    let output = child.wait_with_output().expect("output");
    let after = began.elapsed();
    End {
        after,
        ended: true,
        inside: false,
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

fn kill(mut child: Child, after: Duration, engine: Engine) -> End {
    std::thread::sleep(after);
    let ended = child.try_wait().expect("wait").is_some();
    let inside = !ended && has_database_open(child.id(), engine);
    let _ = child.kill();
    let mut end = wait(child, Instant::now());
    (end.after, end.ended, end.inside) = (after, ended, inside);
    end
}

/// Whether the process had the SQLite file open, or a TCP connection, which is the one to PostgreSQL.
fn has_database_open(pid: u32, engine: Engine) -> bool {
    let Ok(open) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    let open = open.flatten().filter_map(|entry| fs::read_link(entry.path()).ok());
    let open: Vec<String> = open.map(|target| target.display().to_string()).collect();
    if engine == Engine::Sqlite {
        return open.iter().any(|target| target.ends_with("auth-server.db"));
    }
    let sockets: Vec<&str> =
        open.iter().filter_map(|target| target.strip_prefix("socket:[")?.strip_suffix(']')).collect();
    let connections = fs::read_to_string(format!("/proc/{pid}/net/tcp")).unwrap_or_default();
    connections
        .lines()
        .any(|line| line.split_whitespace().nth(9).is_some_and(|inode| sockets.contains(&inode)))
}
