//! Countersign: the desk where elevation requests are answered.

mod api;
mod backup;
#[cfg(feature = "demo")]
mod call;
mod cli;
mod config;
#[cfg(feature = "demo")]
mod demo;
mod doctor;
mod endpoint_api;
mod hooks;
mod http;
mod key_file;
#[cfg(feature = "demo")]
mod load;
mod portal;
mod reconcile;
mod router;
mod serve;
mod sheet;
mod telemetry;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: no threads can be started: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(cli.run()) {
        Ok(cli::End::Well) => ExitCode::SUCCESS,
        Ok(cli::End::Found) => ExitCode::FAILURE,
        Ok(cli::End::NotLooked) => ExitCode::from(2),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
