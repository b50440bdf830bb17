mod authorize;
mod language;
mod oslo;
mod overrides;
mod personas;
