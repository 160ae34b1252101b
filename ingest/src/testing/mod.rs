//! Clients for tests.
