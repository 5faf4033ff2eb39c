//! Faults 1 to 3: kill -9 of a command or of a server at any moment. What was acknowledged is there, and nothing is
//! half done. The long counts run under `./test full`, a tenth of them otherwise.

mod aim;
mod clients;
mod gun;
mod keys;
mod migrations;
mod rotating;
mod secrets;
mod servers;
mod standing;
mod tokens;
mod whole;
mod world;

use gun::Gun;
use world::World;
