//! What the documents and the shipped files say, tried.

mod machines;
mod packaging;
mod readme;
