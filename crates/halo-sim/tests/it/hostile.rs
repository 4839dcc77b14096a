//! Bodies that no client should send: refused, and the simulator lives on.

use serde_json::json;

use crate::client::Halo;

#[tokio::test]
async fn nonsense_is_refused_and_survived() {
    let halo = Halo::start().await;
    let send = async |path: &str, kind: &str, body: Vec<u8>| {
        let request = halo.http.post(format!("{}{path}", halo.sim.url())).bearer_auth(&halo.token);
        request.header("content-type", kind).body(body).send().await.unwrap().status().as_u16()
    };
    let json = "application/json";
    let deep = "[".repeat(100_000).into_bytes();
    for path in ["/api/Tickets", "/api/Actions", "/api/Attachment", "/api/Tickets/Object"] {
        assert_eq!(send(path, json, deep.clone()).await, 400, "{path}");
        assert_eq!(send(path, json, b"[{\"id\":".to_vec()).await, 400);
        assert_eq!(send(path, json, vec![0xff, 0xfe, 0]).await, 400);
        assert_eq!(send(path, json, Vec::new()).await, 400);
        assert_eq!(send(path, "text/plain", b"[]".to_vec()).await, 415);
    }
    assert_eq!(send("/sim/v1/faults", json, deep.clone()).await, 400);
    assert_eq!(send("/sim/v1/faults", json, b"[[1]]".to_vec()).await, 422);
    assert_eq!(send("/sim/v1/webhooks", json, b"{\"url\":7}".to_vec()).await, 422);
    assert_eq!(send("/auth/token", "application/x-www-form-urlencoded", deep).await, 400);
    assert_eq!(send("/api/Client", json, b"[1]".to_vec()).await, 403);
    assert_eq!(halo.post("/Tickets/Object", json!([1])).await.0, 400);
    let long = "x".repeat(2_000_000);
    let id = halo.ticket(json!({ "summary": long, "details": "\u{0}\u{202e}<script>" })).await;
    assert_eq!(halo.get(&format!("/Tickets/{id}")).await.1["details"], "\u{0}\u{202e}<script>");
    for path in
        ["/Tickets/abc", "/Tickets/99999999999999999999", "/Actions/-1?ticket_id=1", "/%00", "/Tickets/1/2/3", "//"]
    {
        assert!(halo.get(path).await.0.is_client_error(), "{path}");
    }
    assert_eq!(halo.get("/Tickets?pageinate=true&page_no=99999999999&page_size=100").await.0, 200);
    assert_eq!(halo.get("/Tickets?advanced_search=[1]").await.0, 400);
}

#[tokio::test]
async fn a_body_has_an_end() {
    let halo = Halo::start().await;
    let request = halo.http.post(format!("{}/api/Tickets", halo.sim.url())).bearer_auth(&halo.token);
    let answer = request.header("content-type", "application/json").body(vec![b' '; 31_000_000]).send().await;
    // The refusal may overtake the body: then the connection ends.
    assert!(answer.map_or_else(|error| error.is_request(), |answer| answer.status() == 413));
    assert_eq!(halo.get("/Tickets").await.0, 200);
}
