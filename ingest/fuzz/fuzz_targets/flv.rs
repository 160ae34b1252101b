#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ingest::testing::fuzz::flv(data));
