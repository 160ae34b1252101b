//! Object storage of the test's own: SeaweedFS in a temporary folder, on free ports of this machine.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use shoal::config::{Delivery, Secret, Storage, StorageKind};
use tempfile::TempDir;

const ACCESS_KEY: &str = "shoal-test";
const SECRET_KEY: &str = "shoal-test-secret";
/// It starts four servers, one after the other, and elects a leader.
const START_LIMIT: Duration = Duration::from_secs(60);

/// Runs until it is dropped.
pub struct Seaweed {
    child: Child,
    folder: TempDir,
    port: u16,
}

impl Seaweed {
    /// Starts one with a bucket `media`; fails loudly when SeaweedFS is not installed, as the Makefile installs it.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let identities = serde_json::json!({ "identities": [{
            "name": "shoal",
            "credentials": [{ "accessKey": ACCESS_KEY, "secretKey": SECRET_KEY }],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }] });
        let identities_path = folder.path().join("s3.json");
        std::fs::write(&identities_path, identities.to_string()).expect("written");
        std::fs::create_dir(folder.path().join("data")).expect("a folder");
        let ports = free_ports();
        let [master, master_grpc, volume, volume_grpc, filer, filer_grpc, s3, s3_grpc] = ports;
        let log = std::fs::File::create(folder.path().join("log")).expect("a file");
        let mut command = Command::new(program());
        command.arg("server").args([
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            "-filer",
            "-s3",
            "-volume.max=64",
            "-master.volumeSizeLimitMB=64",
            // Nothing leaves this machine, and no second one stumbles over a fixed port.
            "-master.telemetry=false",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
        ]);
        command.arg(format!("-dir={}", folder.path().join("data").display()));
        for (name, port) in [
            ("master.port", master),
            ("master.port.grpc", master_grpc),
            ("volume.port", volume),
            ("volume.port.grpc", volume_grpc),
            ("filer.port", filer),
            ("filer.port.grpc", filer_grpc),
            ("s3.port", s3),
            ("s3.port.grpc", s3_grpc),
        ] {
            command.arg(format!("-{name}={port}"));
        }
        command.arg(format!("-s3.config={}", identities_path.display()));
        command.current_dir(folder.path()).stdin(Stdio::null()).stdout(log.try_clone().expect("a file")).stderr(log);
        let child = command.spawn().expect("SeaweedFS starts");
        let seaweed = Self { child, folder, port: s3 };
        seaweed.make_bucket().await;
        seaweed
    }

    /// The configuration of a server that keeps its files there.
    pub fn storage(&self, delivery: Delivery) -> Storage {
        Storage {
            kind: StorageKind::S3,
            delivery,
            bucket: Some("media".into()),
            endpoint: Some(format!("http://127.0.0.1:{}", self.port)),
            access_key_id: Some(ACCESS_KEY.into()),
            secret_access_key: Some(Secret::new(SECRET_KEY)),
            ..Storage::default()
        }
    }

    /// Makes the bucket as soon as it answers, and waits until it takes files.
    async fn make_bucket(&self) {
        use object_store::ObjectStore as _;
        let store = object_store::aws::AmazonS3Builder::new()
            .with_endpoint(format!("http://127.0.0.1:{}", self.port))
            .with_allow_http(true)
            .with_region("us-east-1")
            .with_bucket_name("media")
            .with_access_key_id(ACCESS_KEY)
            .with_secret_access_key(SECRET_KEY)
            .build()
            .expect("a client");
        // A signed address for PUT of nothing below the bucket is PUT of the bucket.
        let began = std::time::Instant::now();
        loop {
            let signed = object_store::signer::Signer::signed_url(
                &store,
                reqwest::Method::PUT,
                &object_store::path::Path::default(),
                Duration::from_secs(60),
            )
            .await
            .expect("signed");
            let made = reqwest::Client::new().put(signed).send().await;
            if made.is_ok_and(|response| response.status().is_success() || response.status() == reqwest::StatusCode::CONFLICT) {
                break;
            }
            self.wait(began).await;
        }
        // The volume server has to be known before anything can be written.
        let probe = object_store::path::Path::from("probe");
        while store.put_opts(&probe, "probe".into(), Default::default()).await.is_err() {
            self.wait(began).await;
        }
    }

    async fn wait(&self, began: std::time::Instant) {
        let log = || std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        assert!(began.elapsed() < START_LIMIT, "SeaweedFS does not start: {}", log());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

impl Drop for Seaweed {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Ports that are free now: eight, for it listens for HTTP and gRPC on each of four.
fn free_ports() -> [u16; 8] {
    let listeners: [TcpListener; 8] = std::array::from_fn(|_| TcpListener::bind("127.0.0.1:0").expect("a port"));
    listeners.map(|listener| listener.local_addr().expect("an address").port())
}

/// `target/seaweedfs/bin/weed`, or wherever the package has put it below that.
fn program() -> PathBuf {
    let executable = std::env::current_exe().expect("this program");
    let folder = executable.ancestors().map(|folder| folder.join("seaweedfs")).find(|folder| folder.is_dir());
    let folder = folder.expect("SeaweedFS is installed (make deps-test)");
    let plain = folder.join("bin/weed");
    if plain.exists() { plain } else { find(&folder, 8).expect("SeaweedFS has its program weed (make deps-test)") }
}

fn find(folder: &Path, depth: usize) -> Option<PathBuf> {
    let entries: Vec<PathBuf> = std::fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    let own = entries.iter().find(|path| path.is_file() && path.file_name().is_some_and(|name| name == "weed")).cloned();
    let below = || entries.iter().filter(|path| path.is_dir() && depth > 0).find_map(|path| find(path, depth - 1));
    own.or_else(below)
}
