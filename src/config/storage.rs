//! Where the files of finished videos are kept.

use serde::{Deserialize, Deserializer, Serialize};

use super::{Error, Secret};

/// Where the files of finished videos are kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Storage {
    /// Where the files of new videos stay.
    pub kind: StorageKind,
    /// How viewers get files that are in object storage.
    pub delivery: Delivery,
    /// How long an address that viewers are redirected to is good for, in seconds.
    pub address_lifetime_s: u64,
    /// The bucket; absent: no object storage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
    /// Address of the service; absent: Amazon's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// The region that requests are signed for.
    pub region: String,
    /// What all names in the bucket begin with.
    pub prefix: String,
    /// The bucket is part of the path, not of the host name.
    pub path_style: bool,
    /// Who signs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_key_id: Option<String>,
    /// What with; never printed.
    #[serde(skip_serializing, deserialize_with = "secret")]
    pub secret_access_key: Option<Secret>,
}

/// A place for files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StorageKind {
    /// `data_dir`.
    Disk,
    /// A bucket of an S3-compatible service.
    S3,
}

/// How viewers get files that are in object storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Delivery {
    /// They are sent there, with an address that is good for a while.
    Redirect,
    /// Through this server.
    Proxy,
}

impl Default for Storage {
    fn default() -> Self {
        Self {
            kind: StorageKind::Disk,
            delivery: Delivery::Redirect,
            address_lifetime_s: 3600,
            bucket: None,
            endpoint: None,
            region: "us-east-1".into(),
            prefix: String::new(),
            path_style: true,
            access_key_id: None,
            secret_access_key: None,
        }
    }
}

impl Storage {
    pub(super) fn check(&self) -> Result<(), Error> {
        let invalid = |key: &'static str, reason: &str| Err(Error::Invalid { key, reason: reason.to_owned() });
        if self.kind == StorageKind::S3 && self.bucket.is_none() {
            return invalid("storage.bucket", "is needed to keep files in object storage");
        }
        if self.bucket.as_deref().is_some_and(|bucket| !is_bucket(bucket)) {
            return invalid("storage.bucket", "has 3 to 63 of a-z, 0-9, . and -");
        }
        if self.bucket.is_some() && (self.access_key_id.is_none() || self.secret_access_key.is_none()) {
            return invalid("storage.access_key_id", "and storage.secret_access_key are needed for object storage");
        }
        let is_address = |address: &str| address.starts_with("https://") || address.starts_with("http://");
        if self.endpoint.as_deref().is_some_and(|endpoint| !is_address(endpoint)) {
            return invalid("storage.endpoint", "must begin with http:// or https://");
        }
        let is_prefix = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
        if !self.prefix.chars().all(is_prefix) || self.prefix.split('/').any(|part| part == "..") {
            return invalid("storage.prefix", "is made of letters, digits, -, _, . and /");
        }
        // Version 4 signatures are good for a week at most; and what is redirected to must outlive the redirect.
        if !(60..=604_800).contains(&self.address_lifetime_s) {
            return invalid("storage.address_lifetime_s", "must lie between a minute (60) and a week (604800)");
        }
        Ok(())
    }
}

fn is_bucket(name: &str) -> bool {
    (3..=63).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'-')
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(Secret::new))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Config;

    const GOOD: &str = "[storage]\nkind = \"s3\"\nbucket = \"tv-media\"\nendpoint = \"http://127.0.0.1:8333\"\naccess_key_id = \"a\"\n\
        secret_access_key = \"hush\"\n";

    fn parse(text: &str) -> Result<Config, Error> {
        Config::parse(text, Path::new("shoal.toml"), |_| None)
    }

    #[test]
    fn the_secret_is_read_and_never_shown() {
        let config = parse(GOOD).expect("good");
        assert_eq!(config.storage.secret_access_key.as_ref().map(Secret::expose), Some("hush"));
        assert!(!config.to_toml().contains("hush") && !format!("{config:?}").contains("hush"));
        assert_eq!(config.storage.delivery, Delivery::Redirect);
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        for (from, to, key) in [
            ("bucket = \"tv-media\"\n", "", "storage.bucket"),
            ("tv-media", "TV media", "storage.bucket"),
            ("access_key_id = \"a\"\n", "", "storage.access_key_id"),
            ("http://", "ftp://", "storage.endpoint"),
            ("kind = \"s3\"", "kind = \"s3\"\nprefix = \"../x\"", "storage.prefix"),
            ("kind = \"s3\"", "kind = \"s3\"\naddress_lifetime_s = 5", "storage.address_lifetime_s"),
            ("kind = \"s3\"", "kind = \"tape\"", "kind"),
        ] {
            let error = parse(&GOOD.replace(from, to)).expect_err(to).to_string();
            assert!(error.contains(key), "{key}: {error}");
        }
    }
}
