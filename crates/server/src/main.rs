//! Countersign: the desk where elevation requests are answered.

mod api;
mod endpoint_api;
mod http;
mod portal;

fn main() {}
