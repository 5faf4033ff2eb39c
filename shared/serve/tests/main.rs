//! The accept loop over real sockets.

#[cfg(test)]
mod end;
#[cfg(test)]
mod flood;
#[cfg(test)]
mod framing;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod sizes;
#[cfg(test)]
mod stall;
#[cfg(test)]
mod tls;
