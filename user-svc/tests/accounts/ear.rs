//! A member that hears all that user-svc tells.

use std::sync::{Arc, Mutex};

use common_messages::user::{
    UserDisabled, UserLoggedIn, UserRegistered, UserRoleChanged, UserSessionRevoked, UserUpdated,
};
use mesh::{Ctx, Event, Heard, Manifest, Service, testing::eventually};
use serde_json::Value;

use crate::system::System;

/// What was heard: the key, and the event.
type Notes = Arc<Mutex<Vec<(&'static str, Value)>>>;

/// Hears from when it was made, and what was told before.
pub struct Ear(Notes);

pub fn manifest() -> Manifest {
    Manifest::new("ear-svc")
        .hears::<UserRegistered>()
        .hears::<UserLoggedIn>()
        .hears::<UserUpdated>()
        .hears::<UserRoleChanged>()
        .hears::<UserDisabled>()
        .hears::<UserSessionRevoked>()
}

async fn note<E: Event>(ctx: Ctx<Notes>, event: E) -> Heard {
    ctx.app().lock().unwrap().push((E::KEY, serde_json::to_value(event).unwrap()));
    Ok(())
}

impl Ear {
    pub async fn open(system: &System) -> Self {
        let notes = Notes::default();
        let service = Service::new(system.mesh.join("ear-svc").await, Arc::clone(&notes))
            .on(note::<UserRegistered>)
            .on(note::<UserLoggedIn>)
            .on(note::<UserUpdated>)
            .on(note::<UserRoleChanged>)
            .on(note::<UserDisabled>)
            .on(note::<UserSessionRevoked>);
        // Until the test's runtime ends.
        tokio::spawn(service.run_until(std::future::pending()));
        Self(notes)
    }

    /// Everything of this kind, once there are so many.
    pub async fn heard<E: Event>(&self, count: usize) -> Vec<E> {
        let what = format!("{count} of {}", E::KEY);
        let heard = eventually(&what, async || {
            let heard = self.so_far(E::KEY);
            (heard.len() >= count).then_some(heard)
        });
        heard.await.into_iter().map(|event| serde_json::from_value(event).unwrap()).collect()
    }

    fn so_far(&self, key: &str) -> Vec<Value> {
        let notes = self.0.lock().unwrap();
        notes.iter().filter(|(other, _)| *other == key).map(|(_, event)| event.clone()).collect()
    }
}
