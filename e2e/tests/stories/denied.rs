//! Least privilege, by the manifests that ship: what a stolen password is good for.

use common_messages::services;
use mesh::testing::{TestMesh, denial};

#[tokio::test]
async fn no_service_can_do_what_its_manifest_does_not_say() {
    let all = services::all().unwrap();
    let test = TestMesh::start(&all).await;
    let refusals = denial::refusals(&test, &all).await;
    assert!(refusals.len() > 60, "only {} attempts", refusals.len());
    for refusal in refusals {
        println!("{refusal}");
    }
}
