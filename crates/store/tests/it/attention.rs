//! Steps by cause, a ticket that is replaced, and what was told of a cause.

use countersign_domain::{cause::Cause, decision::Verdict, effect::StepKind, role::Access, time::Time};
use countersign_store::{
    AlertRow, AlertStage, AttemptResult, CauseIs, Claimed, Completed, Error, Next, Refused, StepState, StepsQuery,
    Store,
};

use crate::support::{Desk, NOW, both, claim_one, ended, entry, retry_refused, stranger, ticket};

const STUCK: Next = Next::Attention { doubt_at: None };

async fn stands(store: &Store, step: &Claimed, cause: Cause, next: Next) {
    let mut completed: Completed = ended(step, AttemptResult::Refused, next);
    completed.attempt.cause = Some(cause);
    store.complete(completed).await.unwrap();
}

fn of(state: StepState, cause: CauseIs) -> StepsQuery {
    StepsQuery { state: Some(state), cause, limit: 9, ..StepsQuery::default() }
}

fn alert(cause: Cause) -> AlertRow {
    AlertRow {
        cause,
        target: "mail".to_owned(),
        stage: AlertStage::Raise,
        began_at: NOW,
        told_at: None,
        next_at: NOW,
        tries: 0,
        failure: None,
        version: 0,
    }
}

both! {
    async fn steps_stand_together_by_cause_and_company(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        let other = Desk::set_up(&store, "Demo Freight Lines").await;
        desk.accept(&store, "one").await;
        let open = claim_one(&store, NOW).await;
        stands(&store, &open, Cause::TicketNotPermitted, STUCK).await;
        other.accept(&store, "two").await;
        let open = claim_one(&store, NOW).await;
        stands(&store, &open, Cause::RateLimited, Next::Again { at: NOW.plus_seconds(60), doubt_at: None }).await;
        let attention = store.causes(&Access::All, StepState::Attention, None).await.unwrap();
        assert_eq!(attention.len(), 1);
        assert_eq!((attention[0].cause, attention[0].steps), (Some(Cause::TicketNotPermitted), 1));
        assert_eq!(attention[0].since, Some(NOW.plus_seconds(1)));
        let waiting = store.causes(&Access::All, StepState::Waiting, None).await.unwrap();
        assert_eq!((waiting[0].cause, waiting[0].next_at), (Some(Cause::RateLimited), Some(NOW.plus_seconds(60))));
        // Each sees his own companies alone.
        for access in [other.access(), stranger()] {
            assert!(store.causes(&access, StepState::Attention, None).await.unwrap().is_empty());
            assert!(store.steps(&access, &of(StepState::Attention, CauseIs::Any)).await.unwrap().is_empty());
            let companies = store.companies_of_steps(&access, StepState::Attention, None, 9).await.unwrap();
            assert!(companies.is_empty());
        }
        let company = Some(&other.company.id);
        assert!(store.causes(&Access::All, StepState::Attention, company).await.unwrap().is_empty());
        let this = CauseIs::This(Cause::TicketNotPermitted);
        let steps = store.steps(&desk.access(), &of(StepState::Attention, this)).await.unwrap();
        assert_eq!((steps.len(), steps[0].company.as_deref()), (1, Some("Sample Dental Group")));
        assert!(steps[0].program.is_some() && steps[0].company_id.as_ref() == Some(&desk.company.id));
        let tries = store.attempts_of(&[steps[0].id.clone()]).await.unwrap();
        assert_eq!((tries.len(), tries[0].cause.as_deref()), (1, Some("ticket_not_permitted")));
        assert!(store.steps(&Access::All, &of(StepState::Attention, CauseIs::None)).await.unwrap().is_empty());
        let companies = store.companies_of_steps(&Access::All, StepState::Attention, None, 9).await.unwrap();
        assert_eq!((companies.len(), companies[0].steps), (1, 1));
        assert_eq!(store.all_causes().await.unwrap().len(), 2);
        // The cause stays while it is sent again, with its first time, and goes when it is done.
        let again = claim_one(&store, NOW.plus_seconds(60)).await;
        assert_eq!(store.all_causes().await.unwrap().len(), 2);
        stands(&store, &again, Cause::NoAnswer, Next::Again { at: NOW, doubt_at: Some(NOW) }).await;
        let waiting = store.causes(&Access::All, StepState::Waiting, None).await.unwrap();
        assert_eq!((waiting[0].cause, waiting[0].since), (Some(Cause::NoAnswer), Some(NOW.plus_seconds(1))));
        let again = claim_one(&store, NOW).await;
        store.complete(ended(&again, AttemptResult::Done, Next::Done)).await.unwrap();
        assert_eq!(store.all_causes().await.unwrap().len(), 1);
    }

    async fn of_many_attempts_the_first_and_the_last_are_shown(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        desk.accept(&store, "one").await;
        for _ in 0..30 {
            let step = claim_one(&store, NOW).await;
            stands(&store, &step, Cause::ServerFault, Next::Again { at: NOW, doubt_at: None }).await;
        }
        let step = store.steps(&Access::All, &of(StepState::Waiting, CauseIs::Any)).await.unwrap().remove(0);
        let tries: Vec<i64> = store.attempts_of(&[step.id]).await.unwrap().iter().map(|attempt| attempt.n).collect();
        assert_eq!((tries.len(), tries[0], tries[1], tries[20]), (21, 1, 11, 30));
    }

    async fn a_gone_ticket_is_replaced_once_and_the_lane_goes_on(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        let request = desk.accept(&store, "one").await;
        let lane = request.id.to_string();
        let open = claim_one(&store, NOW).await;
        let mut opened = ended(&open, AttemptResult::Done, Next::Done);
        opened.ticket = Some(ticket(&lane, "48102"));
        store.complete(opened).await.unwrap();
        assert!(store.transition(desk.decided(&[request], Verdict::Approve)).await.unwrap());
        let record = claim_one(&store, NOW).await;
        let audit = || entry("ticket.replaced", &lane, Some(&desk.company.id), NOW);
        // Only a step that stands before a ticket that is gone.
        stands(&store, &record, Cause::ActionNotPermitted, STUCK).await;
        assert!(matches!(store.replace_ticket(&record.id, NOW, audit()).await, Err(Error::Stale)));
        store.retry_steps(vec![(record.id.clone(), audit())], NOW).await.unwrap();
        let record = claim_one(&store, NOW).await;
        stands(&store, &record, Cause::TicketGone, STUCK).await;
        // Let go while the person reads; he may have his new ticket before it is sent, and after it ended alike.
        retry_refused(&store, Time(0), Refused::All).await;
        let record = claim_one(&store, NOW).await;
        assert!(matches!(store.replace_ticket(&record.id, NOW, audit()).await, Err(Error::Stale)), "it is being sent");
        stands(&store, &record, Cause::TicketGone, STUCK).await;
        retry_refused(&store, Time(0), Refused::All).await;
        store.replace_ticket(&record.id, NOW, audit()).await.unwrap();
        assert!(matches!(store.replace_ticket(&record.id, NOW, audit()).await, Err(Error::Stale)));
        assert_eq!(store.former_tickets(&lane).await.unwrap(), ["48102"]);
        assert_eq!(store.known_tickets(&["48102".to_owned()]).await.unwrap(), ["48102"]);
        let again = store.claim(NOW, 10, Some("50000".to_owned())).await.unwrap();
        assert_eq!(again.len(), 1, "the step comes after the new ticket");
        assert_eq!((again[0].kind, again[0].attempt), (StepKind::OpenTicket, 2));
        assert_eq!((again[0].floor.as_deref(), again[0].doubt_at), (Some("50000"), None));
        let mut opened = ended(&again[0], AttemptResult::Done, Next::Done);
        opened.ticket = Some(ticket(&lane, "50001"));
        store.complete(opened).await.unwrap();
        assert_eq!(claim_one(&store, NOW).await.kind, StepKind::RecordDecision);
        let shown = store.step(&Access::All, &record.id).await.unwrap().unwrap();
        assert_eq!(shown.ticket.map(|(id, _)| id).as_deref(), Some("50001"));
    }

    async fn an_attached_ticket_that_is_gone_before_anything_was_told_is_replaced(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        let lane = desk.accept(&store, "one").await.id.to_string();
        let audit = || entry("ticket.attached", &lane, Some(&desk.company.id), NOW);
        let open = claim_one(&store, NOW).await;
        let sent = store.attach_ticket(ticket(&lane, "77"), NOW, audit()).await;
        assert!(matches!(sent, Err(Error::Stale)), "it is being sent");
        stands(&store, &open, Cause::TicketNotPermitted, STUCK).await;
        store.attach_ticket(ticket(&lane, "77"), NOW, audit()).await.unwrap();
        let note = claim_one(&store, NOW).await;
        assert_eq!((&note.id, note.kind), (&open.id, StepKind::RecordRequest));
        stands(&store, &note, Cause::TicketGone, STUCK).await;
        store.replace_ticket(&note.id, NOW, audit()).await.unwrap();
        assert_eq!(store.former_tickets(&lane).await.unwrap(), ["77"]);
        assert!(store.all_causes().await.unwrap().is_empty(), "it stands for nothing any more");
        let again = claim_one(&store, NOW).await;
        assert_eq!((again.id, again.kind, again.doubt_at), (open.id, StepKind::OpenTicket, None));
    }

    async fn one_of_two_who_tell_an_alert_may(home) {
        let store = home.open().await;
        let (a, b) = tokio::join!(store.keep_alert(alert(Cause::Hidden)), store.keep_alert(alert(Cause::Hidden)));
        assert_eq!(u8::from(a.unwrap()) + u8::from(b.unwrap()), 1);
        let kept = store.alerts().await.unwrap().remove(0);
        assert_eq!((kept.version, kept.stage, kept.began_at), (1, AlertStage::Raise, NOW));
        let told = AlertRow {
            stage: AlertStage::Told,
            told_at: Some(NOW),
            next_at: Time(NOW.0 + 5),
            failure: Some("the server says 535".to_owned()),
            tries: 2,
            ..kept.clone()
        };
        let (a, b) = tokio::join!(store.keep_alert(told.clone()), store.keep_alert(told.clone()));
        assert_eq!(u8::from(a.unwrap()) + u8::from(b.unwrap()), 1);
        assert!(!store.forget_alert(&kept).await.unwrap(), "it changed meanwhile");
        let kept = store.alerts().await.unwrap().remove(0);
        assert_eq!(kept, AlertRow { version: 2, ..told });
        assert!(store.forget_alert(&kept).await.unwrap());
        assert!(store.alerts().await.unwrap().is_empty());
    }
}
