//! The platform as clients see it: the REST API, logins, pages, the page's socket, the server's life,
//! on SQLite and on PostgreSQL.

#[path = "../support/mod.rs"]
mod support;

mod api;
mod exports;
mod imports;
mod lifecycle;
mod logins;
mod pages;
mod people;
mod pictures;
mod rate_limits;
mod registrations;
mod shapes;
mod socket;
mod socket_io;
mod store;
mod two_factor;
mod uploads;
mod video_parts;
