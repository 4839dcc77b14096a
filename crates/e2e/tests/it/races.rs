//! Two technicians decide at the same moment.

use serde_json::json;

use crate::{
    endpoints::Computer,
    http::{Reply, text},
    programs::Server,
    wait::Dice,
};

const ROUNDS: u64 = 50;
/// Below the limit of requests that one computer may have in ten minutes.
const PER_COMPUTER: u64 = 25;

#[tokio::test]
async fn exactly_one_decision_wins() {
    let mut dice = Dice::seeded("exactly_one_decision_wins");
    let server = Server::start("").await;
    let key = server.enrollment_key().await;
    let mut technicians = Vec::new();
    for (name, email) in [("Maria Ruiz", "maria@example.com"), ("Priya Nair", "priya@example.com")] {
        let new = json!({ "email": email, "name": name, "role": "l2" });
        let made = server.api.post("/api/v1/technicians", new).await.ok();
        let wish = json!({ "name": "e2e", "technician_id": made["id"], "decide": true });
        let token = server.api.post("/api/v1/tokens", wish).await.ok();
        technicians.push((name, server.api.with(text(&token, "token"))));
    }
    let mut computer = Computer::enroll(&server.api, &key, "Sample Dental Group", "PC-0").await;
    let mut won = [0; 2];
    for round in 0..ROUNDS {
        if round % PER_COMPUTER == 0 && round > 0 {
            computer = Computer::enroll(&server.api, &key, "Sample Dental Group", &format!("PC-{round}")).await;
        }
        let id = dice.request_id();
        computer.ask(&id, round).await.ok();
        let path = format!("/api/v1/requests/{id}/decision");
        let wish = |verdict: &str| json!({ "verdict": verdict, "scope": "once" });
        let verdicts = [["approve", "deny"], ["deny", "approve"], ["approve", "approve"]][dice.below(3)];
        let (one, other) = tokio::join!(
            technicians[0].1.post(&path, wish(verdicts[0])),
            technicians[1].1.post(&path, wish(verdicts[1]))
        );
        let winner = usize::from(one.status != 200);
        let (first, second): (Reply, Reply) = if winner == 0 { (one, other) } else { (other, one) };
        let decision = &first.body["decision"];
        assert_eq!(first.status, 200, "round {round}: {first:?}");
        second.problem(409, "already_decided");
        assert_eq!(decision["by"], technicians[winner].0, "round {round}");
        assert_eq!((&second.body["by"], &second.body["at"]), (&decision["by"], &decision["at"]), "round {round}");
        let now = server.api.get(&format!("/api/v1/requests/{id}")).await.ok();
        assert_eq!((&now["decision"], text(decision, "verdict")), (decision, verdicts[winner]), "round {round}");
        won[winner] += 1;
    }
    println!("won by the first: {}, by the second: {}", won[0], won[1]);
}
