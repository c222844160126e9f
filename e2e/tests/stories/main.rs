//! Stories of the whole system. Run by `./dev test`, which builds the programs and starts the
//! broker first.

mod accounts;
mod away;
mod bad_input;
mod denied;
mod observed;
mod orders;
mod readme;
mod schema;
mod sessions;
