//! The pages that deep links lead to.

use serde_json::json;

use crate::client::Halo;

#[tokio::test]
async fn a_deep_link_shows_the_ticket_and_nothing_runs() {
    let halo = Halo::start().await;
    let id = halo.ticket(json!({ "summary": "<script>alert(1)</script>" })).await;
    let open = async |path: &str| {
        let answer = halo.http.get(format!("{}{path}", halo.sim.url())).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    for path in [format!("/ticket?id={id}"), format!("/tickets?id={id}"), "/".to_owned()] {
        let (status, page) = open(&path).await;
        assert_eq!(status, 200, "{path}");
        assert!(page.contains("&lt;script&gt;alert(1)") && !page.contains("<script"));
    }
    assert_eq!(open("/ticket?id=1").await.0, 404);
}
