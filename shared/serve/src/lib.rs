//! What both servers need to listen.
