//! `shoal bench` as a program of its own, so that a measurement need not wait for the server to be built.

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(bench::run(std::env::args().skip(1).collect()))
}
