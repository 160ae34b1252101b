//! The platform as clients see it: the REST API, logins, pages, the page's socket, the server's life,
//! on SQLite and on PostgreSQL.

#[path = "../support/mod.rs"]
mod support;

mod api;
mod imports;
mod exports;
mod lifecycle;
mod logins;
mod pages;
mod people;
mod pictures;
mod registrations;
mod shapes;
mod socket;
mod store;
mod uploads;
mod video_parts;
mod two_factor;
