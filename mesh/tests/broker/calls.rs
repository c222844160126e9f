//! Calls that are answered.

use std::time::Duration;

use mesh::{CallError, Rejection, Request, TraceContext, testing::TestMesh};

use crate::vocabulary::{
    Echo, EchoError, Refuse, Relay, Who, anna, front, hello, manifests, start_echo, start_relay,
};

#[tokio::test]
async fn a_question_is_answered() {
    let test = TestMesh::start(&manifests()).await;
    let echo = start_echo(&test).await;
    let front = front(&test).await;
    assert_eq!(front.call(hello()).await.unwrap(), "hello");
    assert_eq!(front.calls_in_flight(), 0);
    echo.stop().await.unwrap();
    test.finish().await;
}

#[tokio::test]
async fn a_thousand_questions_at_once_get_each_its_own_answer() {
    let test = TestMesh::start(&manifests()).await;
    let _echo = start_echo(&test).await;
    let front = front(&test).await;
    let questions = (0..1000).map(|n| {
        let front = &front;
        async move {
            let text = format!("number {n}");
            assert_eq!(front.call(Echo { text: text.clone() }).await.unwrap(), text);
        }
    });
    futures::future::join_all(questions).await;
}

#[tokio::test]
async fn a_refusal_arrives_in_the_words_of_the_contract() {
    let test = TestMesh::start(&manifests()).await;
    let _echo = start_echo(&test).await;
    let front = front(&test).await;
    match front.call(Refuse {}).await {
        Err(CallError::Refused(EchoError::WrongDay { day })) => assert_eq!(day, "Sunday"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_refused_with_the_field_and_the_reason() {
    #[derive(Debug, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
    struct Misshapen {
        text: u32,
    }
    impl Request for Misshapen {
        const ROUTE: &'static str = Echo::ROUTE;
        const EFFECT: mesh::Effect = mesh::Effect::Repeatable;
        type Reply = String;
        type Error = mesh::Never;
    }
    let test = TestMesh::start(&manifests()).await;
    let _echo = start_echo(&test).await;
    let front = front(&test).await;
    let Err(CallError::Rejected(rejection)) = front.call(Misshapen { text: 7 }).await else {
        panic!("it was not refused")
    };
    assert_eq!(rejection.code, Rejection::INVALID_REQUEST);
    assert_eq!(rejection.field_errors()[0].field, "text");
    assert!(rejection.detail.contains("expected a string"), "{rejection}");
}

#[tokio::test]
async fn a_nested_call_inherits_the_deadline_the_trace_and_the_caller() {
    let test = TestMesh::start(&manifests()).await;
    let (_echo, _relay) = (start_echo(&test).await, start_relay(&test).await);
    let front = front(&test).await;
    let trace = TraceContext::start();
    let asked = front.call(Relay { sleep_ms: Some(200) });
    let asked = asked.caller(&anna()).within(Duration::from_secs(3)).trace(trace);
    let seen = asked.await.unwrap();
    assert_eq!(seen.user, Some(anna().user_id.to_string()));
    assert_eq!(seen.trace_id, trace.trace_id());
    assert!(seen.left_ms <= 2800, "the deadline started anew: {} ms left", seen.left_ms);
}

#[tokio::test]
async fn nobody_is_spoken_for_who_is_not_named() {
    let test = TestMesh::start(&manifests()).await;
    let _echo = start_echo(&test).await;
    let front = front(&test).await;
    assert_eq!(front.call(Who {}).await.unwrap().user, None);
}
