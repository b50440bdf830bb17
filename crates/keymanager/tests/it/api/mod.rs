mod access;
mod others;
mod secrets;
