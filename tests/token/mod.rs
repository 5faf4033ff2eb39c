//! `/token`, end to end.

mod formats;
mod machine_to_machine;
mod sdk;
