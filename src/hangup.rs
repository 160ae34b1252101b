//! A client that hangs up ends its request at whatever that waits for. Work that blocks goes on, and keeps its permit until it ends.

use std::io;

use tokio::task::spawn_blocking;

/// Runs `work` away from the threads that serve. `permit` goes along and is given back when the work ends, whether or not anybody
/// still waits for it: who asks and hangs up, again and again, could have any number at work at once otherwise. Fails if `work` panics.
pub(crate) async fn blocking<P: Send + 'static, T: Send + 'static>(permit: P, work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
    let work = spawn_blocking(move || {
        let done = work();
        drop(permit);
        done
    });
    work.await.map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, mpsc};
    use std::time::Duration;

    use tokio::sync::Semaphore;
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn a_permit_is_held_until_the_work_ends() {
        let turns = Arc::new(Semaphore::new(1));
        let turn = turns.clone().try_acquire_owned().expect("nobody has it");
        let (go, wait) = mpsc::channel::<()>();
        let mut asked = Box::pin(blocking(turn, move || wait.recv()));
        tokio::select! {
            biased;
            _ = &mut asked => panic!("it waits"),
            () = std::future::ready(()) => {}
        }
        drop(asked);
        assert_eq!(turns.available_permits(), 0, "nobody waits for it, and it goes on");
        go.send(()).expect("it waits");
        assert!(timeout(Duration::from_secs(10), turns.acquire()).await.is_ok(), "it ended");
    }

    #[tokio::test]
    async fn a_permit_is_given_back_by_who_panics() {
        let turns = Arc::new(Semaphore::new(1));
        let turn = turns.clone().try_acquire_owned().expect("nobody has it");
        let broken: io::Result<()> = blocking(turn, || panic!("as decoders do")).await;
        assert!(broken.is_err());
        assert_eq!(turns.available_permits(), 1);
    }
}
