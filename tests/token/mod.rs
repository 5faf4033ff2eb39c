//! `/token`, end to end.

mod machine_to_machine;
mod sdk;
