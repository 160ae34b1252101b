//! A correct origin breaks no rule, and enough was looked at to say so.

use conformance::origin::Origin;
use conformance::{Checker, Config};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_correct_origin_passes() {
    let origin = Origin::start().await.expect("a free port");
    let mut config = Config::new(origin.master_url());
    config.clients = 18;
    config.duration = origin.lasts() + Duration::from_secs(4);
    let report = Checker::run(config).await.expect("a stream to check");
    assert!(report.passed(), "{report}");
    for (what, least) in [
        ("playlists", 200),
        ("blocking reloads", 200),
        ("delta updates", 20),
        ("deltas equal to the whole", 20),
        ("parts looked into", 60),
        ("segments looked into", 14),
        ("decode times followed", 60),
        ("digests compared", 50),
        ("hints compared", 40),
        ("hints followed", 20),
        ("rendition reports", 100),
        ("clocks compared", 8),
        ("edges dated", 30),
        ("bad requests", 10),
        ("parts past the end", 1),
        ("unknown names", 3),
        ("heads and ranges", 1),
        ("removed resources asked for", 20),
        ("joins", 5),
        ("switches", 10),
        ("requests after the end", 5),
        ("variants compared", 5),
    ] {
        assert!(report.counter(what) >= least, "{what}: {report}");
    }
}
