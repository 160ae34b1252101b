//! The fuzz targets on their corpus.

use std::path::Path;

use ingest::testing::fuzz::TARGETS;

#[test]
fn the_corpus_does_no_harm() {
    for (name, target) in TARGETS {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
        let mut inputs = 0;
        for entry in std::fs::read_dir(&directory).expect("a corpus") {
            let path = entry.expect("an entry").path();
            println!("{}", path.display());
            target(&std::fs::read(path).expect("an input"));
            inputs += 1;
        }
        assert!(inputs >= 8, "{name} has {inputs} inputs");
    }
}
