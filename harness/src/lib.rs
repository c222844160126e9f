//! Starts and watches what Warren consists of, on one machine and for one checkout.
//!
//! `./dev` uses it to run the system, and the tests use it for a broker and a database of
//! their own. Nothing here knows a message: only processes, ports, passwords and files.
//!
//! # Layout
//! - [`node`]: a private RabbitMQ node, with ports, data and users of its own.
//! - [`management`]: what is asked of a broker over its management API.
//! - [`postgres`]: a private PostgreSQL server.
//! - [`stack`]: the list of Warren's services, and what each is started with.
//! - [`supervisor`]: keeps a service running until told otherwise.
//! - [`process`]: one child process, which cannot outlive us; [`spec`]: what to start, and how.
//! - [`leftovers`]: ends what an interrupted run left behind.
//! - [`logs`]: their log files.
//! - [`secrets`]: random passwords, made once.
//! - [`ports`]: free ports on loopback.
//! - [`checkout`]: where things are in a checkout.
//!
//! # Nothing stays behind
//! Every child runs in a process group of its own, is recorded in a file, and is sent a
//! signal by the kernel when the thread that keeps it ends, which is when we end, however we
//! end. The next start reads those files and ends whatever is still there.

pub mod checkout;
pub mod leftovers;
pub mod logs;
pub mod management;
pub mod node;
pub mod ports;
pub mod postgres;
pub mod process;
pub mod secrets;
pub mod spec;
pub mod stack;
pub mod supervisor;

pub use management::Management;
pub use node::Node;
pub use postgres::Postgres;
