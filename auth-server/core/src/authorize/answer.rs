//! What goes back to the client through the browser: RFC 6749 section 4.1.2, RFC 9207, and the response modes of OAuth
//! 2.0 Multiple Response Types and Form Post.

use serde::{Deserialize, Serialize};

/// How an answer travels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    /// In the query of the redirect URI.
    #[default]
    Query,
    /// In its fragment.
    Fragment,
    /// In a form that the browser posts.
    FormPost,
}

impl ResponseMode {
    /// All of them, as the metadata lists them.
    pub const NAMES: [&'static str; 3] = ["query", "fragment", "form_post"];

    /// The mode of that name.
    pub fn of_name(name: &str) -> Option<Self> {
        match name {
            "query" => Some(Self::Query),
            "fragment" => Some(Self::Fragment),
            "form_post" => Some(Self::FormPost),
            _ => None,
        }
    }
}

/// An answer on its way to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Where to.
    pub uri: String,
    /// How.
    pub mode: ResponseMode,
    /// What: names and values.
    pub params: Vec<(&'static str, String)>,
}

impl Answer {
    /// The URL that the browser is sent to; for [`ResponseMode::FormPost`] the bare URI, as the values are in the form.
    pub fn url(&self) -> String {
        let mut pairs = form_urlencoded::Serializer::new(String::new());
        pairs.extend_pairs(self.params.iter().map(|(name, value)| (*name, value.as_str())));
        let pairs = pairs.finish();
        match self.mode {
            ResponseMode::FormPost => self.uri.clone(),
            ResponseMode::Fragment => format!("{}#{pairs}", self.uri),
            // RFC 6749 section 3.1.2: a query that is there stays.
            ResponseMode::Query => {
                let joint = match self.uri.split_once('?') {
                    None => "?",
                    Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
                    Some(_) => "&",
                };
                format!("{}{joint}{pairs}", self.uri)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(uri: &str, mode: ResponseMode) -> String {
        let params = vec![("code", "a b".to_owned()), ("state", "x&y\r\n<".to_owned())];
        Answer { uri: uri.to_owned(), mode, params }.url()
    }

    #[test]
    fn a004_values_are_encoded_and_a_query_that_is_there_stays() {
        let query = "code=a+b&state=x%26y%0D%0A%3C";
        for (uri, expected) in [
            ("https://a/cb", format!("https://a/cb?{query}")),
            ("https://a/cb?t=1", format!("https://a/cb?t=1&{query}")),
            ("https://a/cb?", format!("https://a/cb?{query}")),
            ("com.example.app:/cb", format!("com.example.app:/cb?{query}")),
        ] {
            assert_eq!(url(uri, ResponseMode::Query), expected);
        }
        assert_eq!(url("https://a/cb?t=1", ResponseMode::Fragment), format!("https://a/cb?t=1#{query}"));
        assert_eq!(url("https://a/cb", ResponseMode::FormPost), "https://a/cb");
    }
}
