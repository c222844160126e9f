//! One file for each command of `./dev`, and for what several of them need.

pub mod definitions;
pub mod demo;
pub mod down;
pub mod health;
pub mod logs;
pub mod parts;
pub mod test;
pub mod up;

use std::process::{ExitCode, ExitStatus};

/// Ours, after that of the program that did the work.
pub fn exit_code(status: Option<ExitStatus>) -> ExitCode {
    if status.is_some_and(|status| status.success()) {
        return ExitCode::SUCCESS;
    }
    let code = status.and_then(|status| status.code()).and_then(|code| u8::try_from(code).ok());
    code.map_or(ExitCode::FAILURE, ExitCode::from)
}
