//! What the documents and the shipped files say, tried.

mod catalogue;
mod machines;
mod packaging;
mod readme;
