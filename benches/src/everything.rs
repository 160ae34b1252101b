//! A server with everything switched on that has a switch.

use crate::Common;
use crate::server::Server;
use anyhow::Context as _;
use tempfile::TempDir;
use tokio::process::Command;

/// Its name in its certificate.
const NAME: &str = "localhost";

/// What only has to be on, or listens on a port of its own.
const SWITCHES: [(&str, &str); 12] = [
    ("SHOAL_HTTPS_LISTEN", "127.0.0.1:0"),
    ("SHOAL_RTMPS_LISTEN", "127.0.0.1:0"),
    ("SHOAL_STUN_LISTEN", "127.0.0.1:0"),
    ("SHOAL_FEDERATION_ENABLED", "on"),
    ("SHOAL_SIGNUP_ENABLED", "on"),
    ("SHOAL_SIGNUP_REQUIRES_EMAIL_VERIFICATION", "on"),
    ("SHOAL_VIDEOS_IMPORT_ENABLED", "on"),
    ("SHOAL_TRANSCODING_ENABLED", "on"),
    ("SHOAL_TRANSCODING_AUDIO_ONLY", "on"),
    ("SHOAL_LIVE_ALLOW_REPLAY", "on"),
    ("SHOAL_SWARM_POLICY", "on"),
    ("SHOAL_SWARM_THIRD_PARTY", "on"),
];

/// Starts one; the folder holds its certificate.
pub(crate) async fn start(common: &Common) -> anyhow::Result<(Server, TempDir)> {
    let folder = TempDir::with_prefix("shoal-bench-certificate-")?;
    let (certificate, key) = (folder.path().join("certificate.pem"), folder.path().join("key.pem"));
    let mut command = Command::new("openssl");
    command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]);
    command.args(["-subj", &format!("/CN={NAME}"), "-addext", &format!("subjectAltName=DNS:{NAME}"), "-keyout"]).arg(&key);
    let output = command.arg("-out").arg(&certificate).output().await.context("openssl is needed")?;
    anyhow::ensure!(output.status.success(), "openssl: {}", String::from_utf8_lossy(&output.stderr));
    let (certificate, key) = (certificate.display().to_string(), key.display().to_string());
    let files = [
        ("SHOAL_HTTPS_CERTIFICATE", certificate.as_str()),
        ("SHOAL_HTTPS_KEY", key.as_str()),
        ("SHOAL_RTMPS_CERTIFICATE", certificate.as_str()),
        ("SHOAL_RTMPS_KEY", key.as_str()),
        // A bucket costs a client, and nothing is in it.
        ("SHOAL_STORAGE_BUCKET", "media"),
        ("SHOAL_STORAGE_ENDPOINT", "http://127.0.0.1:9"),
        ("SHOAL_STORAGE_ACCESS_KEY_ID", "id"),
        ("SHOAL_STORAGE_SECRET_ACCESS_KEY", "secret"),
    ];
    let settings: Vec<_> = SWITCHES.into_iter().chain(files).collect();
    let server = Server::start_with(common, &settings).await?;
    Ok((server, folder))
}
