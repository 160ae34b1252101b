//! A client that hangs up ends its request at whatever that waits for. Work that blocks goes on, and keeps its permit until it ends.
//! Files that were written for rows to be go.

use std::io;
use std::path::PathBuf;

use tokio::task::spawn_blocking;

use crate::store::{self, Tx};

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

/// Files that no row names yet: gone when this is, unless they were kept.
#[derive(Debug, Default)]
pub struct Unnamed(Vec<PathBuf>);

impl Unnamed {
    /// Writes one, away from the threads that serve.
    pub(crate) async fn written(path: PathBuf, bytes: Vec<u8>) -> io::Result<Self> {
        let work = move || {
            let mut files = Self::default();
            files.write(path, &bytes).map(|()| files)
        };
        blocking((), work).await?
    }

    /// Copies one, away from the threads that serve.
    pub(crate) async fn copied(from: PathBuf, to: PathBuf) -> io::Result<Self> {
        let work = move || {
            // Before it is there, as below.
            let files = Self(vec![to.clone()]);
            std::fs::copy(from, to).map(|_| files)
        };
        blocking((), work).await?
    }

    /// Writes one more, in a folder that need not exist. Blocks.
    pub(crate) fn write(&mut self, path: PathBuf, bytes: &[u8]) -> io::Result<()> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        // Before it is written: what is there by halves goes too.
        self.0.push(path.clone());
        std::fs::write(path, bytes)
    }

    /// These and those.
    pub(crate) fn add(&mut self, mut others: Self) {
        self.0.append(&mut others.0);
    }

    /// Rows name them from this commit on. `then` follows it, as in [`Tx::commit_then`].
    pub(crate) async fn commit(self, tx: Tx, then: impl FnOnce() + Send + 'static) -> store::Result<()> {
        tx.commit_then(move || {
            self.keep();
            then();
        })
        .await
    }

    /// Rows name them now.
    pub fn keep(mut self) {
        self.0.clear();
    }
}

impl Drop for Unnamed {
    fn drop(&mut self) {
        // Unlinking is quick.
        for path in &self.0 {
            let _ = std::fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, mpsc};
    use std::time::Duration;

    use tokio::sync::Semaphore;
    use tokio::time::timeout;

    use super::*;
    use crate::store::Store;

    #[tokio::test]
    async fn a_commit_that_nobody_waits_for_keeps_its_files() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open("", folder.path()).await.expect("a store");
        let (new, old) = (folder.path().join("new"), folder.path().join("old"));
        std::fs::write(&old, b"picture").expect("written");
        let mut files = Unnamed::default();
        files.write(new.clone(), b"picture").expect("written");
        let mut tx = store.write().await.expect("the store");
        tx.settings().put("picture", "new").await.expect("put");
        let replaced = old.clone();
        let mut asked = Box::pin(files.commit(tx, move || {
            let _ = std::fs::remove_file(replaced);
        }));
        tokio::select! {
            biased;
            _ = &mut asked => panic!("it waits"),
            () = std::future::ready(()) => {}
        }
        drop(asked);
        let gone = async {
            while old.exists() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        assert!(timeout(Duration::from_secs(10), gone).await.is_ok(), "it goes on");
        let mut tx = store.read().await.expect("the store");
        assert_eq!(tx.settings().value("picture").await.expect("read").as_deref(), Some("new"));
        assert!(new.exists());
    }

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
    async fn files_that_nobody_waits_for_go() {
        let folder = tempfile::tempdir().expect("a folder");
        let (kept, left) = (folder.path().join("kept"), folder.path().join("new").join("left"));
        let mut files = Unnamed::default();
        files.write(kept.clone(), b"picture").expect("written");
        files.keep();

        let (go, wait) = mpsc::channel::<()>();
        let path = left.clone();
        let mut asked = Box::pin(blocking((), move || {
            let mut files = Unnamed::default();
            files.write(path, b"picture").expect("written");
            let _ = wait.recv();
            files
        }));
        tokio::select! {
            biased;
            _ = &mut asked => panic!("it waits"),
            () = std::future::ready(()) => {}
        }
        drop(asked);
        go.send(()).expect("it waits");
        let gone = async {
            while !folder.path().join("new").exists() || left.exists() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        assert!(timeout(Duration::from_secs(10), gone).await.is_ok());
        assert!(kept.exists());
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
