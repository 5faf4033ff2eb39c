//! What the documents and the shipped files say, tried.

mod packaging;
mod readme;
