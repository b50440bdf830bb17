mod api;
mod port;
mod world;
