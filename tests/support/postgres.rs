//! A PostgreSQL cluster of the test's own: in a temporary folder, on a Unix socket, without any port.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Output};

use tempfile::TempDir;

/// Runs until it is dropped.
pub struct Cluster {
    folder: TempDir,
    binaries: PathBuf,
}

impl Cluster {
    /// Starts one; fails loudly when PostgreSQL is not installed, as the Makefile installs it.
    pub fn start() -> Self {
        let binaries = std::fs::read_dir("/usr/lib/postgresql")
            .expect("PostgreSQL is installed (apt install postgresql)")
            .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
            .filter(|path| path.join("initdb").exists())
            .max()
            .expect("PostgreSQL's initdb");
        let folder = tempfile::tempdir().expect("a folder");
        // PostgreSQL refuses to run as root: it runs as `postgres` then, who must be able to enter.
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777)).expect("permissions");
        let cluster = Self { folder, binaries };
        let data = cluster.data();
        cluster.run("initdb", &["-D", &data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]);
        let options = format!("-k {} -c listen_addresses= -c fsync=off -c max_connections=60", cluster.folder.path().display());
        cluster.run("pg_ctl", &["-D", &data, "-w", "-t", "60", "-s", "-l", &format!("{data}.log"), "-o", &options, "start"]);
        cluster
    }

    /// A new empty database; its URL.
    pub fn database(&self, name: &str) -> String {
        let socket = self.folder.path().display().to_string();
        self.run("createdb", &["-h", &socket, "-U", "postgres", name]);
        format!("postgres://postgres@localhost/{name}?host={socket}")
    }

    fn data(&self) -> String {
        self.folder.path().join("data").display().to_string()
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let output = self.command(program, arguments).unwrap_or_else(|error| panic!("{program}: {error}"));
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn command(&self, program: &str, arguments: &[&str]) -> std::io::Result<Output> {
        let program = self.binaries.join(program);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.args(arguments).current_dir("/").output()
    }
}

fn is_root() -> bool {
    std::fs::read_to_string("/proc/self/status")
        .is_ok_and(|status| status.lines().any(|line| line.starts_with("Uid:") && line.split_whitespace().nth(2) == Some("0")))
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let data = self.data();
        let _ = self.command("pg_ctl", &["-D", &data, "-m", "immediate", "-s", "stop"]);
        // The files belong to postgres: whoever runs as root can remove them, and so can postgres.
        let _ = std::fs::remove_dir_all(self.folder.path().join("data"));
    }
}
