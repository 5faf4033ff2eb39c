//! A connection in the hands of one call.

use std::collections::VecDeque;
use std::time::Instant;

use super::connections::{Connections, count};
use super::open::Ready;

/// A connection in use, which goes back when this is dropped.
pub(super) struct Lease<C: Ready> {
    pub(super) held: Option<Held<C>>,
    home: Connections<C>,
}

/// A connection and what is known of it.
pub(super) struct Held<C> {
    pub(super) connection: C,
    /// That of the connections when its handshake began.
    pub(super) generation: u64,
    pub(super) idle_since: Instant,
}

impl<C: Ready> Lease<C> {
    pub(super) fn new(held: Held<C>, home: &Connections<C>) -> Self {
        Self { held: Some(held), home: home.clone() }
    }

    /// The connection, which a lease has until it is dropped or discarded.
    pub(super) fn connection(&mut self) -> Result<&mut C, sqlx::Error> {
        self.held.as_mut().map(|held| &mut held.connection).ok_or(sqlx::Error::PoolClosed)
    }

    /// Closes it without a word to the server, after a call that had no answer in time. A new one is opened in its
    /// place at once, so that who comes next has one of which it is known that it works.
    pub(super) fn discard(mut self) {
        self.close();
    }

    fn close(&mut self) {
        let Some(held) = self.held.take() else { return };
        let mut state = self.home.state();
        state.open -= 1;
        self.home.begin_one(&mut state);
        drop(state);
        drop(held);
    }

    /// Closes it and every connection of its generation: the lent ones when they come back. After a failover they lead
    /// to a dead or read-only server. Those that are newer are no worse for this one's failure. Who comes next opens a
    /// new one: opened now, it would lead to the same server.
    pub(super) fn discard_with_all(mut self) {
        let Some(held) = self.held.take() else { return };
        let mut state = self.home.state();
        let mut dropped = VecDeque::new();
        state.open -= 1;
        if held.generation == state.generation {
            state.generation += 1;
            dropped = std::mem::take(&mut state.idle);
            state.open = state.open.saturating_sub(count(&dropped));
        }
        drop(state);
        drop(dropped);
        drop(held);
        self.home.open_more();
    }
}

impl<C: Ready> Drop for Lease<C> {
    fn drop(&mut self) {
        // A panic may have left it inside a transaction.
        if std::thread::panicking() {
            return self.close();
        }
        if let Some(held) = self.held.take() {
            self.home.give(held);
        }
    }
}
