mod authorize;
mod fuzz;
mod language;
mod oslo;
mod overrides;
mod personas;
