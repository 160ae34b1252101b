use serde::{Deserialize, Serialize};

/// What users may bring.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Videos {
    /// Largest file that is taken.
    pub max_file_bytes: u64,
    /// Users may have files fetched from elsewhere.
    pub import_enabled: bool,
}

impl Default for Videos {
    fn default() -> Self {
        // Eight hours at 12 Mbit/s.
        Self { max_file_bytes: 48 << 30, import_enabled: true }
    }
}
