//! What each member's broker user may not do, and what receivers do not believe.

use lapin::{
    BasicProperties, Connection,
    options::{BasicPublishOptions, ConfirmSelectOptions},
};
use mesh::{
    testing::{PASSWORD, TestMesh, denial},
    topology,
};

use crate::vocabulary::{front, hello, manifests, start_echo};

#[tokio::test]
async fn nobody_can_do_what_the_manifests_do_not_say() {
    let test = TestMesh::start(&manifests()).await;
    let refusals = denial::refusals(&test, &manifests()).await;
    assert!(refusals.len() > 100, "only {} attempts", refusals.len());
}

#[tokio::test]
async fn nobody_can_sign_with_anothers_name() {
    let test = TestMesh::start(&manifests()).await;
    let channel = test.raw("stranger", PASSWORD).await.create_channel().await.unwrap();
    let forged = BasicProperties::default().with_user_id("front".into());
    let options = BasicPublishOptions::default();
    let (exchange, key) = (topology::RPC.into(), "echo.say".into());
    channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
    let published = channel.basic_publish(exchange, key, options, b"{}", forged).await.unwrap();
    let error = published.await.expect_err("a forged user_id was accepted");
    assert!(error.to_string().contains("user_id"), "{error}");
}

#[tokio::test]
async fn without_the_right_password_nobody_enters() {
    let test = TestMesh::start(&manifests()).await;
    let url = test.amqp_url().replace("://", "://front:guess@");
    let connected = Connection::connect(&url, lapin::ConnectionProperties::default()).await;
    assert!(connected.is_err());
}

#[tokio::test]
async fn a_message_without_a_validated_sender_is_not_handled() {
    let test = TestMesh::start(&manifests()).await;
    let echo = start_echo(&test).await;
    let front = front(&test).await;
    let admin = test.raw(test.management().user(), test.management().password()).await;
    let channel = admin.create_channel().await.unwrap();
    channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
    let anonymous = BasicProperties::default()
        .with_content_type("application/vnd.mesh.v1+json".into())
        .with_correlation_id("1".into())
        .with_reply_to("x".into());
    let admin_name: String = test.management().user().to_owned();
    for properties in [anonymous.clone(), anonymous.with_user_id(admin_name.into())] {
        let options = BasicPublishOptions::default();
        let (exchange, key) = (topology::RPC.into(), "echo.say".into());
        channel
            .basic_publish(exchange, key, options, b"{}", properties)
            .await
            .unwrap()
            .await
            .unwrap();
    }
    front.call(hello()).await.unwrap();
    let handled = echo.mesh.requests_handled();
    assert_eq!(handled, 1, "a message of nobody was handled");
    echo.stop().await.unwrap();
    test.finish().await;
}
