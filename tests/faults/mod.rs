//! The fault catalogue: what is killed, cut, held up or full, and what must still be true.

mod clocks;
mod cold_start;
mod contention;
mod database_lost;
mod disconnects;
mod disk;
mod durability;
mod failover;
mod jwks;
mod killed;
mod pair;
mod pool;
mod sigterm;
mod slow;
