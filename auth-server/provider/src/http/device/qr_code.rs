//! `GET /device/qr.svg`: the complete link as a picture, for apps that can show one and not draw it, and for our page.
//! Whether a device shows the code is not looked up.

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Request, StatusCode, header};
use qrcode::QrCode;
use qrcode::render::svg;
use trefoil_core::device::UserCode;

use crate::app::App;
use crate::http::site::pages::guard;
use crate::protocol::Params;

/// The least width and height, in pixels.
const SIZE: u32 = 240;

pub(in crate::http) async fn qr_code(State(app): State<App>, request: Request<Body>) -> Response {
    let query = request.uri().query().unwrap_or_default().as_bytes();
    let params = Params::parse(query, app.policy().max_parameters).ok();
    let code = params.and_then(|params| UserCode::read(params.get("user_code")?));
    let picture = code.and_then(|code| draw(&link(&app, &code)));
    let Some(picture) = picture else { return StatusCode::BAD_REQUEST.into_response() };
    let mut response = Response::new(Body::from(picture));
    let headers = response.headers_mut();
    guard(headers);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("image/svg+xml"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'"));
    response
}

/// `verification_uri_complete`.
pub(super) fn link(app: &App, code: &UserCode) -> String {
    format!("{}?user_code={code}", app.issuer().endpoint("/device"))
}

/// `None` for a URL that is too long for a QR code: some 2,900 characters.
fn draw(url: &str) -> Option<String> {
    let code = QrCode::new(url).ok()?;
    Some(code.render::<svg::Color>().min_dimensions(SIZE, SIZE).build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_is_one_of_its_link_without_anything_that_a_policy_forbids() {
        let link = |code: &str| draw(&format!("https://auth.example.com/device?user_code={code}")).unwrap();
        let svg = link("WDJB-MJHT");
        assert!(svg.contains("<svg") && !svg.contains("style=") && !svg.contains("href"), "{svg}");
        assert_ne!(svg, link("WDJB-MJHX"));
        assert_eq!(draw(&"x".repeat(5_000)), None);
    }
}
