//! The peer: Debian's nginx with its RTMP module, which cuts MPEG-TS segments.

use anyhow::{Context as _, bail};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

/// From start to listening.
const READY_WITHIN: Duration = Duration::from_secs(10);

/// A running nginx; killed when dropped.
pub(crate) struct Nginx {
    child: Child,
    pub rtmp: SocketAddr,
    directory: TempDir,
}

impl Nginx {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let directory = TempDir::with_prefix("shoal-bench-nginx-")?;
        // Workers of a root's nginx run as another user.
        let open: std::fs::Permissions = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        std::fs::set_permissions(directory.path(), open)?;
        let rtmp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let root = directory.path().display();
        let configuration = format!(
            "load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;\n\
             daemon off;\nworker_processes 1;\npid {root}/nginx.pid;\nerror_log {root}/error.log;\n\
             events {{ worker_connections 1024; }}\n\
             rtmp {{ server {{ listen {rtmp}; chunk_size 4096; application live {{\n\
             live on; hls on; hls_path {root}/hls; hls_fragment 2s; hls_playlist_length 60s; }} }} }}\n"
        );
        let path = directory.path().join("nginx.conf");
        std::fs::write(&path, configuration)?;
        let child = Command::new("nginx")
            .arg("-c")
            .arg(&path)
            .arg("-p")
            .arg(directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("nginx with libnginx-mod-rtmp is needed (make bench installs it)")?;
        let began = Instant::now();
        while TcpStream::connect(rtmp).await.is_err() {
            if began.elapsed() > READY_WITHIN {
                bail!("nginx does not listen");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(Self { child, rtmp, directory })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id().unwrap_or(0)
    }

    /// The playlist that it wrote for a stream.
    pub(crate) fn playlist(&self, key: &str) -> PathBuf {
        self.directory.path().join("hls").join(format!("{key}.m3u8"))
    }

    /// Ends the master process and, through it, its worker.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        if let Some(pid) = rustix::process::Pid::from_raw(i32::try_from(self.pid())?) {
            rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        }
        tokio::time::timeout(READY_WITHIN, self.child.wait()).await??;
        Ok(())
    }
}
