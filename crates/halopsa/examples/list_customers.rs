//! Lists the customers of a HaloPSA.
//!
//! `HALO_URL=https://example.halopsa.com HALO_CLIENT_ID=… HALO_CLIENT_SECRET=… cargo run --example list_customers`

use std::env::var;
use std::sync::Arc;

use halopsa::{Client, Config, CustomerFilter, End, Unlimited};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    rustls::crypto::ring::default_provider().install_default().map_err(|_| anyhow::anyhow!("a TLS provider is set"))?;
    let http = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(std::time::Duration::from_secs(10))
        .build()?;
    let halo = var("HALO_URL")?;
    let (resource, auth) = (format!("{halo}/api").parse()?, format!("{halo}/auth").parse()?);
    let config = Config::new(resource, auth, var("HALO_CLIENT_ID")?, var("HALO_CLIENT_SECRET")?);
    let client = Client::new(http.into(), config, Arc::new(Unlimited));

    let mut pages = client.customers(&CustomerFilter::default());
    while let Some(page) = pages.next().await? {
        for customer in page {
            println!("{:>6}  {}", customer.id, customer.name);
        }
    }
    if pages.end() == Some(End::Doubtful) {
        eprintln!("Halo counts more customers than it gave.");
    }
    Ok(())
}
