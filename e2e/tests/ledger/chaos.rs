//! What happens to the system meanwhile: every process dies once, by SIGKILL, at a random moment,
//! and is started again; then the broker's application is stopped and started.

use std::{sync::Arc, time::Duration};

use e2e::System;
use harness::Node;
use tokio::sync::Mutex;

/// Change it to see another run; it is printed with a failure.
const SEED: u64 = 20_261_121;

pub async fn rage(system: &Arc<Mutex<System>>, node: &Node) {
    let mut random = Random(SEED);
    println!("chaos seed {SEED}");
    let mut names = system.lock().await.names();
    while !names.is_empty() {
        let name = names.swap_remove(random.below(names.len() as u64) as usize);
        tokio::time::sleep(Duration::from_millis(200 + random.below(800))).await;
        let mut system = system.lock().await;
        println!("kill {name}");
        system.kill(&name);
        tokio::time::sleep(Duration::from_millis(random.below(500))).await;
        system.run(&name);
    }
    // Once with all of a service gone at the same moment.
    {
        let mut system = system.lock().await;
        println!("kill all of order-svc");
        system.kill_all("order-svc");
        tokio::time::sleep(Duration::from_millis(random.below(1000))).await;
        for name in system.instances_of("order-svc") {
            system.run(&name);
        }
        system.is_healthy().await;
    }
    println!("stop and start the broker's application");
    node.stop_app().await.unwrap();
    tokio::time::sleep(Duration::from_millis(random.below(1000))).await;
    node.start_app().await.unwrap();
    system.lock().await.is_healthy().await;
}

/// xorshift64*: repeatable, and good enough to choose a victim.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) % limit
    }
}
