//! Who waits for a connection, in the order in which they get one.

use std::collections::VecDeque;

use tokio::sync::oneshot;

/// Those who go first, and the others; in each of them, who came first is served first. Were a poll to overtake the
/// polls before it, too, one that comes often would keep another from ever having the only connection.
pub(super) struct Queue<T> {
    first: VecDeque<oneshot::Sender<T>>,
    others: VecDeque<oneshot::Sender<T>>,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { first: VecDeque::new(), others: VecDeque::new() }
    }
}

impl<T> Queue<T> {
    /// A place behind those who are served before it.
    pub(super) fn join(&mut self, first: bool) -> oneshot::Receiver<T> {
        let (place, waiting) = oneshot::channel();
        if first { &mut self.first } else { &mut self.others }.push_back(place);
        waiting
    }

    /// Whose turn it is.
    pub(super) fn next(&mut self) -> Option<oneshot::Sender<T>> {
        self.first.pop_front().or_else(|| self.others.pop_front())
    }

    /// How many still wait; those who have gone are forgotten.
    pub(super) fn count(&mut self) -> usize {
        self.first.retain(|place| !place.is_closed());
        self.others.retain(|place| !place.is_closed());
        self.first.len() + self.others.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(queue: &mut Queue<u8>, waiting: Vec<oneshot::Receiver<u8>>) -> Vec<u8> {
        for number in 0.. {
            let Some(place) = queue.next() else { break };
            let _ = place.send(number);
        }
        waiting.into_iter().map(|mut place| place.try_recv().unwrap()).collect()
    }

    #[test]
    fn f11_who_goes_first_overtakes_the_others_and_nobody_else() {
        let mut queue = Queue::default();
        let waiting = [false, true, false, true].map(|first| queue.join(first));
        assert_eq!(queue.count(), 4);
        assert_eq!(order(&mut queue, waiting.into()), [2, 0, 3, 1]);
        assert!(queue.next().is_none());
    }

    #[test]
    fn who_has_gone_waits_no_more() {
        let mut queue = Queue::<u8>::default();
        let (gone, stays) = (queue.join(true), queue.join(false));
        drop(gone);
        assert_eq!(queue.count(), 1);
        assert_eq!(order(&mut queue, vec![stays]), [0]);
    }
}
