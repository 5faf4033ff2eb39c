//! Pages: templates and texts are part of the program, every value is escaped, nothing comes from another host.

use std::sync::OnceLock;

use axum::body::Body;
use axum::response::Response;
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};
use http::{HeaderValue, StatusCode, header};
use minijinja::value::Kwargs;
use minijinja::{AutoEscape, Environment, Value};

const TEMPLATES: &[(&str, &str)] = &[
    ("layout.html", include_str!("../../../templates/layout.html")),
    ("login.html", include_str!("../../../templates/login.html")),
    ("logout.html", include_str!("../../../templates/logout.html")),
    ("consent.html", include_str!("../../../templates/consent.html")),
    ("error.html", include_str!("../../../templates/error.html")),
    ("device.html", include_str!("../../../templates/device.html")),
    ("done.html", include_str!("../../../templates/done.html")),
    ("form_post.html", include_str!("../../../templates/form_post.html")),
    ("account.html", include_str!("../../../templates/account.html")),
];
const ENGLISH: &str = include_str!("../../../locales/en.ftl");

/// What a page needs beside its values.
pub(crate) struct Page {
    template: &'static str,
    status: StatusCode,
    /// Where its forms may lead, beside here: an origin or a scheme.
    leads_to: Option<String>,
    has_script: bool,
}

impl Page {
    /// A page of this template.
    pub(crate) fn new(template: &'static str) -> Self {
        Self { template, status: StatusCode::OK, leads_to: None, has_script: false }
    }

    /// The same with another status.
    pub(crate) fn status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// The same for forms whose answer leads there.
    pub(crate) fn leading_to(self, uri: &str) -> Self {
        Self { leads_to: source_of(uri), ..self }
    }

    /// The same with the script of ours that submits its form.
    pub(crate) fn with_script(self) -> Self {
        Self { has_script: true, ..self }
    }

    /// The page with its values. `base` is the path that links begin with.
    pub(crate) fn render(self, base: &str, values: Value) -> Response {
        let context = minijinja::context! { base => base, ..values };
        let html = environment().get_template(self.template).and_then(|template| template.render(context));
        match html {
            Ok(html) => self.response(html),
            Err(error) => {
                tracing::error!(%error, template = self.template, "a page could not be written");
                let failed = Self { status: StatusCode::INTERNAL_SERVER_ERROR, ..self };
                failed.response("<!doctype html><title>Error</title><p>The server failed.".to_owned())
            }
        }
    }

    fn response(self, html: String) -> Response {
        let mut response = Response::new(Body::from(html));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        let script = if self.has_script { "script-src 'self'; " } else { "" };
        let leads_to = self.leads_to.map(|source| format!(" {source}")).unwrap_or_default();
        let policy = format!(
            "default-src 'none'; style-src 'self'; img-src 'self'; {script}form-action 'self'{leads_to}; \
             frame-ancestors 'none'; base-uri 'none'"
        );
        // What a client registered as its redirect URI is printable ASCII; anything else leads nowhere.
        let fallback = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
        let policy = HeaderValue::try_from(policy).unwrap_or(fallback);
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        guard(headers);
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
        response
    }
}

/// What every answer to a browser carries.
pub(crate) fn guard(headers: &mut http::HeaderMap) {
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// A URI as a source of a content security policy: its origin, or its scheme.
fn source_of(uri: &str) -> Option<String> {
    let (scheme, rest) = uri.split_once(':')?;
    let authority =
        rest.strip_prefix("//").map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    let is_web = scheme == "https" || scheme == "http";
    let is_plain = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.:[]_".contains(&b));
    match authority {
        Some(authority) if is_web && is_plain(authority) => Some(format!("{scheme}://{authority}")),
        _ if !is_web && is_plain(scheme) => Some(format!("{scheme}:")),
        _ => None,
    }
}

fn environment() -> &'static Environment<'static> {
    static MADE: OnceLock<Environment<'static>> = OnceLock::new();
    MADE.get_or_init(|| {
        let mut environment = Environment::new();
        environment.set_auto_escape_callback(|_| AutoEscape::Html);
        environment.set_undefined_behavior(minijinja::UndefinedBehavior::Lenient);
        for (name, text) in TEMPLATES {
            if let Err(error) = environment.add_template(name, text) {
                tracing::error!(%error, "a template is broken");
            }
        }
        environment.add_function("t", |key: String, values: Kwargs| text(&key, &values));
        environment
    })
}

fn text(key: &str, values: &Kwargs) -> Result<String, minijinja::Error> {
    let mut args = FluentArgs::new();
    for name in values.args() {
        args.set(name.to_owned(), values.get::<Value>(name)?.to_string());
    }
    Ok(translated(key, &args))
}

/// A text of the pages.
pub(crate) fn translated(key: &str, args: &FluentArgs<'_>) -> String {
    let bundle = english();
    let Some(pattern) = bundle.get_message(key).and_then(|message| message.value()) else {
        return key.to_owned();
    };
    bundle.format_pattern(pattern, Some(args), &mut Vec::new()).into_owned()
}

fn english() -> &'static FluentBundle<FluentResource> {
    static MADE: OnceLock<FluentBundle<FluentResource>> = OnceLock::new();
    MADE.get_or_init(|| {
        let mut bundle = FluentBundle::new_concurrent(vec![unic_langid::langid!("en")]);
        // The marks around values would end up in attributes and in what people copy.
        bundle.set_use_isolating(false);
        let resource = match FluentResource::try_new(ENGLISH.to_owned()) {
            Ok(resource) => resource,
            Err((resource, errors)) => {
                tracing::error!(?errors, "the texts of the pages are broken");
                resource
            }
        };
        bundle.add_resource_overriding(resource);
        bundle
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The keys that templates name.
    fn named() -> BTreeSet<String> {
        let all = TEMPLATES.iter().flat_map(|(_, text)| text.split("t(\"").skip(1));
        all.map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
    }

    #[test]
    fn every_text_of_a_template_is_in_the_file_of_texts_and_every_template_reads() {
        for key in named() {
            assert!(english().get_message(&key).is_some(), "{key}");
        }
        for (name, _) in TEMPLATES {
            assert!(environment().get_template(name).is_ok(), "{name}");
        }
        assert!(FluentResource::try_new(ENGLISH.to_owned()).is_ok());
    }

    #[tokio::test]
    async fn a004_markup_in_values_is_escaped() {
        let values = minijinja::context! {
            client => "<script>alert(1)</script>", user => "\"><img src=x>", asks => [minijinja::context! { name => "<b>" }], id => "\"x",
            metadata => minijinja::context! { policy_uri => "https://a.example/\"><script>" },
        };
        let response = Page::new("consent.html").render("", values);
        let body = axum::body::to_bytes(response.into_body(), 100_000).await.unwrap();
        let html = String::from_utf8(body.to_vec()).unwrap();
        for bad in ["<script>", "<img src=x", "<b>", "\"\"x"] {
            assert!(!html.contains(bad), "{bad}: {html}");
        }
        assert!(html.contains("&lt;script&gt;"), "{html}");
    }

    #[test]
    fn d51_a_form_may_lead_to_the_origin_or_the_scheme_of_one_client() {
        for (uri, source) in [
            ("https://app.example.com/cb?x=1", Some("https://app.example.com")),
            ("http://[::1]:8080/cb", Some("http://[::1]:8080")),
            ("com.example.app:/cb", Some("com.example.app:")),
            ("https://a;b/cb", None),
        ] {
            assert_eq!(source_of(uri).as_deref(), source, "{uri}");
        }
    }
}
