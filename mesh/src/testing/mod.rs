//! A mesh of one's own for each test: a vhost with the users and permissions of the manifests,
//! on the real broker that `MESH_TEST_AMQP_URL` and `MESH_TEST_MANAGEMENT_URL` name.
//!
//! Everything here panics with a sentence when the ground is missing: a test without its broker
//! has failed.
#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot run must fail loudly")]

pub mod denial;
mod management;

use std::time::Duration;

use lapin::{Connection, ConnectionProperties, options::QueueDeclareOptions, types::FieldTable};
use serde_json::Value;
use tokio::time::Instant;

pub use self::management::Management;
use crate::{Manifests, Mesh, MeshConfig, definitions::definitions, identity::draw_name};

/// The password of every member in every test.
pub const PASSWORD: &str = "password-of-tests";
/// How long a test waits for what must happen before it says that it did not.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// A vhost of its own, gone when dropped.
#[derive(Debug)]
pub struct TestMesh {
    vhost: String,
    amqp_url: String,
    management: Management,
    manifests: Manifests,
}

impl TestMesh {
    /// Makes a vhost in which the members of `manifests` can live.
    pub async fn start(manifests: &Manifests) -> Self {
        let var = |name| {
            std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run ./dev test"))
        };
        Self::on(manifests, &var("MESH_TEST_AMQP_URL"), &var("MESH_TEST_MANAGEMENT_URL")).await
    }

    /// The same on another broker: `management_url` bears an administrator's credentials.
    pub async fn on(manifests: &Manifests, amqp_url: &str, management_url: &str) -> Self {
        let vhost = format!("test-{}", draw_name());
        let management = Management::at(management_url);
        let all = definitions(manifests, &vhost, |_| PASSWORD.to_owned(), None);
        // The users are every test's: two tests that make them at the same moment can collide.
        eventually("the definitions are imported", async || {
            management.try_post("definitions", &all).await.ok()
        })
        .await;
        let admin = serde_json::json!({ "configure": ".*", "write": ".*", "read": ".*" });
        management.put(&format!("permissions/{vhost}/{}", management.user()), &admin).await;
        let amqp_url = format!("{amqp_url}/{vhost}");
        Self { vhost, amqp_url, management, manifests: manifests.clone() }
    }

    /// The vhost's name.
    pub fn vhost(&self) -> &str {
        &self.vhost
    }

    /// The vhost's address, without credentials.
    pub fn amqp_url(&self) -> &str {
        &self.amqp_url
    }

    /// The broker's management API.
    pub fn management(&self) -> &Management {
        &self.management
    }

    /// A configuration for members of this mesh: the defaults, and a short grace.
    pub fn config(&self) -> MeshConfig {
        let config = MeshConfig::at(&self.amqp_url, PASSWORD).expect("the test broker's address");
        MeshConfig { grace: Duration::from_secs(5), ..config }
    }

    /// Joins as `name` and waits for the connection.
    pub async fn join(&self, name: &str) -> Mesh {
        self.join_with(name, self.config()).await
    }

    /// Joins with a configuration of one's own.
    pub async fn join_with(&self, name: &str, config: MeshConfig) -> Mesh {
        let mesh = Mesh::start(&self.manifests, name, config).expect("join the test mesh");
        tokio::time::timeout(PATIENCE, mesh.connected()).await.expect("connect to the test broker");
        mesh
    }

    /// A connection as `user`, past the mesh: for tests of what the broker allows.
    pub async fn raw(&self, user: &str, password: &str) -> Connection {
        let url = self.amqp_url.replace("://", &format!("://{user}:{password}@"));
        let connecting = Connection::connect(&url, ConnectionProperties::default());
        connecting.await.expect("connect to the test broker")
    }

    /// Messages ready in `queue`, or `None` if there is no such queue.
    pub async fn depth(&self, queue: &str) -> Option<u32> {
        let connection = self.raw(self.management.user(), self.management.password()).await;
        let channel = connection.create_channel().await.expect("a channel");
        let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let declared = channel.queue_declare(queue.into(), passive, FieldTable::default()).await;
        let depth = declared.ok().map(|queue| queue.message_count());
        // The connection was only for this; how it ends does not matter.
        let _ = connection.close(200, "".into()).await;
        depth
    }

    /// The names of the connections to this vhost.
    pub async fn connections(&self) -> Vec<String> {
        let list = self.management.get(&format!("vhosts/{}/connections", self.vhost)).await;
        let name = |connection: &Value| connection["name"].as_str().map(str::to_owned);
        list.as_array().map(|list| list.iter().filter_map(name).collect()).unwrap_or_default()
    }

    /// Waits until the management API lists so many connections to this vhost, which takes it a
    /// few seconds, and returns them all.
    pub async fn listed_connections(&self, at_least: usize) -> Vec<String> {
        eventually("the connections are listed", async || {
            let names = self.connections().await;
            (names.len() >= at_least).then_some(names)
        })
        .await
    }

    /// Closes connections from the broker's side.
    pub async fn cut(&self, connections: &[String]) {
        let cut = connections.iter().map(|name| async move {
            self.management.delete(&format!("connections/{}", management::escape(name))).await;
        });
        futures::future::join_all(cut).await;
    }

    /// Checks that no request was left behind, and takes the vhost away.
    pub async fn finish(self) {
        for member in self.manifests.iter().filter(|member| member.is_service()) {
            let left = self.depth(&crate::topology::request_queue(member.name)).await;
            assert_eq!(left, Some(0), "requests left for {}", member.name);
        }
    }
}

impl Drop for TestMesh {
    fn drop(&mut self) {
        // A client of its own: the test's belongs to a runtime that waits for this.
        let (management, path) = (self.management.afresh(), format!("vhosts/{}", self.vhost));
        let deletion = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            if let Ok(runtime) = runtime {
                runtime.block_on(management.try_delete(&path));
            }
        });
        // A vhost that stays behind harms no other test.
        let _ = deletion.join();
    }
}

/// Ends the process, as a crash would, if `MESH_FAILPOINT` names this place. Compiled into test
/// builds only.
pub(crate) fn failpoint(place: &str) {
    if std::env::var("MESH_FAILPOINT").is_ok_and(|named| named == place) {
        tracing::error!(place, "ending here, as asked by MESH_FAILPOINT");
        std::process::abort();
    }
}

/// Waits until `probe` gives a value; panics with `what` if it does not within [`PATIENCE`].
pub async fn eventually<T>(what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = probe().await {
            return value;
        }
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
