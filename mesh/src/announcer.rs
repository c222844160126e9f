//! Tells the others that this instance is alive, and listens to them telling.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use lapin::message::Delivery;
use tokio::{sync::Notify, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::{
    envelope,
    link::{Care, Outgoing, QueueName, Subscription},
    mesh::{Member, Mesh},
    registry::{Announcement, Registry},
    topology,
};

/// How often an instance says that it is alive.
const EVERY: Duration = Duration::from_secs(5);
/// How long everybody has to answer before silence means absence.
const TIME_TO_SPEAK: Duration = Duration::from_millis(500);

/// Starts announcing and listening, until `leaving`.
pub(crate) fn start(mesh: &Mesh, leaving: CancellationToken) {
    let asked = Arc::new(Notify::new());
    let listening = listen(mesh, Arc::clone(&asked), leaving.clone());
    let member = mesh.downgrade();
    let keep = async move {
        if let Some(mesh) = Mesh::upgrade(&member) {
            mesh.member().link.subscribe(listening).await;
        }
        keep_announcing(member, &asked).await;
    };
    tokio::spawn(async move {
        tokio::select! {
            () = leaving.cancelled() => {}
            () = keep => {}
        }
    });
}

async fn keep_announcing(member: Weak<Member>, asked: &Notify) {
    let Some(mut ready) = member.upgrade().map(|member| member.link.ready()) else { return };
    let Some(mut beginnings) = Mesh::upgrade(&member).map(|mesh| mesh.beginnings()) else { return };
    let mut tick = tokio::time::interval(EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut prune = tokio::time::interval(Duration::from_secs(1));
    // Never: until a session begins there is nothing to settle.
    let mut settle = Box::pin(tokio::time::sleep(Duration::from_secs(u32::MAX.into())));
    loop {
        let event = tokio::select! {
            changed = ready.changed() => match changed {
                Ok(()) => Event::Session,
                Err(_) => return,
            },
            () = &mut settle => Event::Settle,
            _ = prune.tick() => Event::Prune,
            _ = tick.tick() => Event::Speak,
            () = asked.notified() => Event::Speak,
            // A queue more: whoever probed for it before was told that nobody is there.
            _ = beginnings.next() => Event::Speak,
        };
        let Some(mesh) = Mesh::upgrade(&member) else { return };
        let far = tokio::time::Instant::now() + Duration::from_secs(u32::MAX.into());
        match event {
            Event::Speak => announce(&mesh, false),
            Event::Prune => mesh.registry().prune(),
            Event::Settle => {
                mesh.registry().settle();
                settle.as_mut().reset(far);
            }
            Event::Session => {
                mesh.registry().forget();
                settle.as_mut().reset(far);
                if *ready.borrow_and_update() {
                    announce(&mesh, false);
                    ask(&mesh);
                    settle.as_mut().reset(tokio::time::Instant::now() + TIME_TO_SPEAK);
                }
            }
        }
    }
}

enum Event {
    /// The link was lost, or is there again.
    Session,
    /// Everybody has had the time to speak.
    Settle,
    Prune,
    Speak,
}

/// Says once that this instance is alive, or that it leaves.
pub(crate) fn announce(mesh: &Mesh, leaving: bool) {
    let identity = mesh.identity();
    let announcement = mesh.announcement(leaving);
    let Ok(body) = serde_json::to_vec(&announcement) else { return };
    say(mesh, topology::announce_key(identity.service, &identity.instance), body);
}

/// Asks all instances that this member cares for to announce themselves.
fn ask(mesh: &Mesh) {
    let manifest = mesh.manifest();
    if manifest.watches_all {
        return say(mesh, topology::ASK_ALL.to_owned(), Vec::new());
    }
    for service in manifest.called_services() {
        say(mesh, topology::ask_key(&service), Vec::new());
    }
}

fn say(mesh: &Mesh, key: String, body: Vec<u8>) {
    let Some(session) = mesh.member().link.session() else { return };
    let contract = key.split('.').next().unwrap_or_default();
    let outgoing = Outgoing {
        exchange: topology::CONTROL.into(),
        properties: envelope::common(contract, mesh.identity()),
        routing_key: key.into(),
        body: body.into(),
        care: Care::None,
    };
    // What is lost here is said again in five seconds.
    let _ = session.send_notice(outgoing);
}

/// Announcements go to the registry; a question makes this instance speak.
fn listen(mesh: &Mesh, asked: Arc<Notify>, leaving: CancellationToken) -> Subscription {
    let identity = mesh.identity();
    let registry = Arc::clone(&mesh.member().registry);
    let deliver = move |delivery: Delivery| {
        if delivery.routing_key.as_str().starts_with("ask.") {
            asked.notify_one();
        } else {
            hear(&registry, &delivery);
        }
    };
    let bind = |key: String| (topology::CONTROL.to_owned(), key);
    let mut bindings =
        vec![bind(topology::ASK_ALL.into()), bind(topology::ask_key(identity.service))];
    if mesh.manifest().watches_all {
        bindings.push(bind(topology::ANNOUNCE_ALL.to_owned()));
    } else {
        let called = mesh.manifest().called_services();
        bindings.extend(called.iter().map(|s| bind(topology::announce_binding(s))));
    }
    Subscription {
        queue: QueueName::Own(topology::control_queue(identity.service, &identity.instance)),
        bindings,
        prefetch: None,
        deliver: Arc::new(deliver),
        closing: leaving,
    }
}

/// Only a service itself may say that it is there: the broker has checked the sender's name.
fn hear(registry: &Registry, delivery: &Delivery) {
    let sender = delivery.properties.user_id().as_ref().map(|user| user.as_str());
    match serde_json::from_slice::<Announcement>(&delivery.data) {
        Ok(announcement) if sender == Some(announcement.service.as_str()) => {
            registry.hear(announcement);
        }
        Ok(_) | Err(_) => {
            let key = delivery.routing_key.as_str();
            tracing::warn!(key, ?sender, "an announcement that cannot be believed");
        }
    }
}
