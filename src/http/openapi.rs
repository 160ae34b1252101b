//! The API's description.

use utoipa::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};

/// What the description says besides its paths.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Shoal",
        description = "PeerTube's REST API as far as this server has it, and Shoal's own under /api/shoal/v1.",
        license(name = "AGPL-3.0-or-later")
    ),
    // Only the default of a type parameter names it, which is not seen.
    components(schemas(super::model::ActorSummary)),
    modifiers(&Bearer)
)]
pub(super) struct Document;

struct Bearer;

impl utoipa::Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        document.components.get_or_insert_with(Default::default).add_security_scheme("bearer", scheme);
    }
}

/// As JSON.
pub fn document_json() -> String {
    super::api().to_openapi().to_pretty_json().unwrap_or_default()
}
