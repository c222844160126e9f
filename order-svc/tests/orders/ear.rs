//! Somebody who listens, durably, to what order-svc tells.

use std::sync::{Arc, Mutex};

use common_messages::order::{OrderCreated, OrderStatusChanged};
use mesh::{Ctx, Heard, Manifest, Mesh, Service};

pub const NAME: &str = "ear-svc";

pub fn manifest() -> Manifest {
    Manifest::new(NAME).hears::<OrderCreated>().hears::<OrderStatusChanged>()
}

/// What was heard.
#[derive(Debug, Clone, Default)]
pub struct Ear {
    pub created: Arc<Mutex<Vec<OrderCreated>>>,
    pub changed: Arc<Mutex<Vec<OrderStatusChanged>>>,
}

async fn created(ctx: Ctx<Ear>, event: OrderCreated) -> Heard {
    ctx.app().created.lock().unwrap().push(event);
    Ok(())
}

async fn changed(ctx: Ctx<Ear>, event: OrderStatusChanged) -> Heard {
    ctx.app().changed.lock().unwrap().push(event);
    Ok(())
}

pub fn service(mesh: Mesh, ear: Ear) -> Service<Ear> {
    Service::new(mesh, ear).on(created).on(changed)
}
