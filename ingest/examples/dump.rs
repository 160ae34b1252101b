//! Accepts every publish and prints what comes in: `cargo run --release -p ingest --example dump -- 127.0.0.1:1935`.

use ingest::{Config, Event, Server};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listen = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:1935".into());
    let mut server = Server::bind(Config::new(listen.parse()?)).await?;
    println!("listening on {}", server.local_addr());
    let mut number = 0_u32;
    while let Some(publish) = server.accept().await {
        number += 1;
        println!("#{number} publish by {}", publish.encoder().unwrap_or("an unnamed encoder"));
        tokio::spawn(async move {
            let mut reader = publish.accept().await;
            loop {
                match reader.next().await {
                    Event::Unit(unit) => println!(
                        "#{number} {:?} dts {} pts {} {} bytes{}",
                        unit.kind,
                        unit.dts,
                        unit.pts,
                        unit.data.len(),
                        if unit.keyframe { " keyframe" } else { "" }
                    ),
                    Event::End(end) => {
                        println!("#{number} {end:?}, {} groups dropped", reader.dropped_groups());
                        return;
                    }
                    other => println!("#{number} {other:?}"),
                }
            }
        });
    }
    Ok(())
}
