//! Certificates: read from PEM files, and again when those change.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_util::sync::CancellationToken;

use crate::config::Tls;

/// How often the files' times are looked at: two system calls.
const RELOAD: Duration = Duration::from_secs(2);

#[derive(Debug)]
struct Resolver(ArcSwap<CertifiedKey>);

impl ResolvesServerCert for Resolver {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

/// A rustls configuration for `tls`, speaking `protocols` (ALPN), whose certificate follows its
/// files until `stop`. `None` when TLS is off.
pub fn server_config(tls: &Tls, protocols: &[&[u8]], stop: CancellationToken) -> io::Result<Option<Arc<ServerConfig>>> {
    let (Some(_), Some(certificate), Some(key)) = (tls.listen, &tls.certificate, &tls.key) else {
        return Ok(None);
    };
    let resolver = Arc::new(Resolver(ArcSwap::from_pointee(load(certificate, key)?)));
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_cert_resolver(resolver.clone());
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    tokio::spawn(follow(resolver, certificate.clone(), key.clone(), stop));
    Ok(Some(Arc::new(config)))
}

fn load(certificate: &Path, key: &Path) -> io::Result<CertifiedKey> {
    let named =
        |path: &Path, error: &dyn std::fmt::Display| io::Error::new(io::ErrorKind::InvalidData, format!("{}: {error}", path.display()));
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| named(certificate, &error))?;
    if chain.is_empty() {
        return Err(named(certificate, &"holds no certificate"));
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| named(key, &error))?;
    let signer = ring::sign::any_supported_type(&private).map_err(|error| named(key, &error))?;
    let certified = CertifiedKey::new(chain, signer);
    certified.keys_match().map_err(|error| named(key, &error))?;
    Ok(certified)
}

async fn follow(resolver: Arc<Resolver>, certificate: PathBuf, key: PathBuf, stop: CancellationToken) {
    let mut seen = (modified(&certificate), modified(&key));
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(RELOAD) => {}
        }
        let now = (modified(&certificate), modified(&key));
        if now == seen {
            continue;
        }
        // Both files are rarely written in the same instant: a pair that does not match is tried
        // again, and the old certificate serves until then.
        match load(&certificate, &key) {
            Ok(fresh) => {
                resolver.0.store(Arc::new(fresh));
                seen = now;
                tracing::info!(certificate = %certificate.display(), "tls.reload");
            }
            Err(error) => tracing::warn!(%error, "tls.reload"),
        }
    }
}

fn modified(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}
