//! The checker names every fault: each rule is broken once by the proxy.

use conformance::{RuleId, proxy};
use futures_util::{StreamExt, stream};

/// Runs at a time; each is a stream of its own with a dozen clients.
const AT_ONCE: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_broken_rule_is_named() {
    let control = proxy::prove(None).await.expect("a run");
    assert!(control.passed(), "nothing was broken: {control}");
    let silent: Vec<String> = stream::iter(RuleId::ALL)
        .map(|&rule| async move {
            let report = proxy::prove(Some(rule)).await.expect("a run");
            (!report.names(rule)).then(|| format!("{}:\n{report}", rule.name()))
        })
        .buffer_unordered(AT_ONCE)
        .filter_map(|silent| async { silent })
        .collect()
        .await;
    assert!(silent.is_empty(), "{} of {} rules were broken and not named: {}", silent.len(), RuleId::ALL.len(), silent.join("\n"));
}
