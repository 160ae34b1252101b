//! Rebuilds when a migration or the web client changes, and lets the crate compile before the web
//! client was built.

use std::path::Path;

fn main() {
    println!("cargo:rerun-if-changed=migrations");
    println!("cargo:rerun-if-changed=web/app/build");
    // rust-embed wants the folder; the server answers pages with a hint while it is empty.
    let client = Path::new("web/app/build");
    if !client.exists() {
        let _ = std::fs::create_dir_all(client);
    }
}
