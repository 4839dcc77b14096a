//! Countersign: the desk where elevation requests are answered.

mod api;
mod endpoint_api;
mod http;

fn main() {
    let _routers = (api::router(), endpoint_api::router());
}
