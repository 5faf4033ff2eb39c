//! When to kill: half of the shots spread over the whole life of a command, half close to its commit.

use std::time::Duration;

/// Never repeats, and leaves no gap: the fractional parts of its multiples (Weyl).
pub(super) const GOLDEN: f64 = 0.618_033_988_749_895;

/// What has been learnt of a command's course.
pub(super) struct Aim {
    whole: Duration,
    /// The commit, as a part of the whole.
    commit: f64,
    shots: u32,
}

impl Aim {
    /// `whole`: how long one run took that nobody killed.
    pub(super) fn new(whole: Duration) -> Self {
        Self { whole, commit: 0.8, shots: 0 }
    }

    /// The moment of the next kill, after the start.
    pub(super) fn next(&mut self) -> Duration {
        self.shots += 1;
        let random = (f64::from(self.shots) * GOLDEN).fract();
        let part =
            if self.shots.is_multiple_of(2) { random * 1.1 } else { self.commit + (random - 0.5) * 0.3 };
        self.whole.mul_f64(part.max(0.0))
    }

    /// What the kill `after` the start met: whether the act was done, and whether the command had ended.
    pub(super) fn learn(&mut self, after: Duration, done: bool, ended: bool) {
        let step = if done { -0.05 } else { 0.05 };
        self.commit = (self.commit + step).clamp(0.2, 1.1);
        if !ended {
            self.whole = self.whole.max(after);
        }
    }
}

#[test]
fn half_of_the_shots_follow_the_commit_and_half_are_everywhere() {
    let whole = Duration::from_millis(100);
    let mut aim = Aim::new(whole);
    let mut shots = Vec::new();
    for _ in 0..100 {
        let after = aim.next();
        aim.learn(after, after > whole / 2, after > whole);
        shots.push(after);
    }
    let close = shots.iter().filter(|at| **at > whole * 3 / 10 && **at < whole * 7 / 10).count();
    assert!(close > 50, "{close} of 100 are close to the commit at a half");
    for tenth in 0..10_u32 {
        let (from, to) = (whole * tenth / 10, whole * (tenth + 1) / 10);
        assert!(shots.iter().any(|at| *at >= from && *at < to), "none in the {tenth}th tenth");
    }
}
