//! What systemd is told about this process. Without systemd nothing happens.

use sd_notify::NotifyState;

/// Tells systemd (`Type=notify`) that the service accepts connections.
pub fn ready() {
    tell(&NotifyState::Ready);
}

/// Tells systemd that the service is on its way out.
pub fn stopping() {
    tell(&NotifyState::Stopping);
}

fn tell(state: &NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(std::slice::from_ref(state)) {
        tracing::warn!(%error, "systemd could not be notified");
    }
}
