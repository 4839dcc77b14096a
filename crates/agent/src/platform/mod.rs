//! What only the operating system knows.
//!
//! For: users, clocks, file owners, packages, private files. Not for: anything that could be written once for all.
//! Called by every other module. One module per system, all with the same functions; `unsafe` stays inside.

#[cfg(target_os = "linux")]
mod dpkg;
#[cfg(target_os = "linux")]
mod linux;

#[cfg(target_os = "linux")]
pub use linux::{
    Moment, NoMoment, NoUser, NotPrivate, User, command_bytes, create_once, host_name, identity, invoker, is_program,
    make_private_dir, now, open_program, operating_system, package_of, parent_process, pause, replace_private,
    require_private_dir, require_private_file, wall_clock,
};
#[cfg(not(target_os = "linux"))]
compile_error!("countersign-agent runs on Linux so far");
