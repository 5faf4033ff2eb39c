//! The routes: which path is answered with what, to whom.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use http::Method;
use thiserror::Error;

use crate::path::clean;
use trefoil_resource_layer::Demand;

/// One route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    path: String,
    name: &'static str,
    target: Target,
    methods: Vec<Method>,
    allow: Arc<str>,
    demand: Arc<Demand>,
}

/// What a route is answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// One file, at exactly the route's path.
    File(PathBuf),
    /// Every regular file below a folder, under the route's path.
    Dir(PathBuf),
}

/// A route that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidRoute {
    /// The path is not one that a request could be routed by.
    #[error(
        "route `{0}`: a path begins with `/` and has no empty, `.` or `..` segment, no escape and none of `;`, `\\`, `#`, `?`"
    )]
    Path(String),
    /// The path is one of the server's own.
    #[error("route `{0}`: that path is the server's own; choose another")]
    Reserved(String),
    /// A method that files cannot be served by.
    #[error("route `{path}`: method `{method}` is not served from files; use \"GET\" (it covers HEAD)")]
    Method {
        /// The route's path.
        path: String,
        /// The method.
        method: String,
    },
    /// The same path twice.
    #[error("route `{0}` is there twice; keep one")]
    Twice(String),
}

impl Route {
    /// Makes a route. `methods` are names such as `GET`, which covers HEAD; none given means GET.
    pub fn new(path: &str, target: Target, methods: &[String], demand: Demand) -> Result<Self, InvalidRoute> {
        let is_plain = clean(path).is_ok_and(|decoded| decoded == path) && path.is_ascii();
        if !is_plain {
            return Err(InvalidRoute::Path(path.to_owned()));
        }
        let path = match &target {
            Target::Dir(_) if path != "/" => path.trim_end_matches('/').to_owned(),
            Target::Dir(_) | Target::File(_) => path.to_owned(),
        };
        if path == "/health" || path == "/.well-known" || path.starts_with("/.well-known/") {
            return Err(InvalidRoute::Reserved(path));
        }
        let methods = served_methods(&path, methods)?;
        let allow = methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", ").into();
        // Routes are made once, at the start, and last as long as the process.
        let name = Box::leak(path.clone().into_boxed_str());
        Ok(Self { path, name, target, methods, allow, demand: Arc::new(demand) })
    }

    /// The path, without a slash at its end where the route is a folder.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The path as the name that metrics count the route under.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What it is answered with.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Whether the route takes that method.
    pub fn takes(&self, method: &Method) -> bool {
        self.methods.contains(method)
    }

    /// The value of `Allow`.
    pub fn allow(&self) -> &Arc<str> {
        &self.allow
    }

    /// The scopes that it asks for.
    pub fn demand(&self) -> &Arc<Demand> {
        &self.demand
    }
}

fn served_methods(path: &str, names: &[String]) -> Result<Vec<Method>, InvalidRoute> {
    for name in names {
        if name != "GET" && name != "HEAD" {
            return Err(InvalidRoute::Method { path: path.to_owned(), method: name.clone() });
        }
    }
    let only_head = !names.is_empty() && names.iter().all(|name| name == "HEAD");
    Ok(if only_head { vec![Method::HEAD] } else { vec![Method::GET, Method::HEAD] })
}

/// All routes; finds the one for a path.
#[derive(Debug, Default)]
pub struct RouteTable {
    /// Few paths, fixed at the start: to compare some costs less than to hash one.
    exact: BTreeMap<String, usize>,
    dirs: Vec<(String, usize)>,
    routes: Vec<Route>,
}

/// A route that was found, and the rest of the path below it (empty for a file).
#[derive(Debug, PartialEq, Eq)]
pub struct Found<'t, 'p> {
    /// Its place in the table.
    pub index: usize,
    /// The route.
    pub route: &'t Route,
    /// What of the path comes after the folder's, without the slash between.
    pub below: &'p str,
}

impl RouteTable {
    /// Takes the routes; a path may be there once.
    pub fn new(routes: Vec<Route>) -> Result<Self, InvalidRoute> {
        let mut table = Self::default();
        for (index, route) in routes.iter().enumerate() {
            let taken = match route.target {
                Target::File(_) => table.exact.insert(route.path.clone(), index).is_some(),
                Target::Dir(_) => {
                    let prefix = route.path.trim_end_matches('/').to_owned();
                    let taken = table.dirs.iter().any(|(other, _)| *other == prefix);
                    table.dirs.push((prefix, index));
                    taken
                }
            };
            if taken {
                return Err(InvalidRoute::Twice(route.path.clone()));
            }
        }
        // The longest folder is asked first.
        table.dirs.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
        table.routes = routes;
        Ok(table)
    }

    /// Finds the route of a path that [`clean`] returned: a file's exact path first, then the longest folder, cut at
    /// a slash.
    pub fn find<'t, 'p>(&'t self, path: &'p str) -> Option<Found<'t, 'p>> {
        if let Some(index) = self.exact.get(path) {
            return Some(Found { index: *index, route: self.routes.get(*index)?, below: "" });
        }
        self.dirs.iter().find_map(|(prefix, index)| {
            let below = path.strip_prefix(prefix.as_str())?.strip_prefix('/')?;
            Some(Found { index: *index, route: self.routes.get(*index)?, below })
        })
    }

    /// The routes in the order they were given.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> Route {
        Route::new(path, Target::File("f.json".into()), &[], Demand::default()).unwrap()
    }

    fn dir(path: &str) -> Route {
        Route::new(path, Target::Dir("d".into()), &[], Demand::default()).unwrap()
    }

    fn found<'t>(table: &'t RouteTable, path: &str) -> Option<&'t str> {
        table.find(path).map(|found| found.route.path())
    }

    #[test]
    fn a_file_has_its_exact_path_and_a_folder_ends_at_a_slash() {
        let table = RouteTable::new(vec![dir("/public/"), file("/public/one"), dir("/public/deep")]).unwrap();
        assert_eq!(found(&table, "/public/one"), Some("/public/one"));
        assert_eq!(found(&table, "/public/two"), Some("/public"));
        assert_eq!(found(&table, "/public/deep/x"), Some("/public/deep"));
        assert_eq!(found(&table, "/public/deeper"), Some("/public"));
        for none in ["/public", "/publicity", "/Public/x", "/", "/x"] {
            assert_eq!(found(&table, none), None, "{none}");
        }
        assert_eq!(table.find("/public/deep/a/b").unwrap().below, "a/b");
    }

    #[test]
    fn a_folder_at_the_root_takes_every_path() {
        let table = RouteTable::new(vec![dir("/")]).unwrap();
        assert_eq!(table.find("/a/b").unwrap().below, "a/b");
    }

    #[test]
    fn a110_get_covers_head_and_no_other_method() {
        let route = file("/a");
        assert!(route.takes(&Method::GET) && route.takes(&Method::HEAD));
        for method in [Method::OPTIONS, Method::POST, Method::TRACE, Method::from_bytes(b"get").unwrap()] {
            assert!(!route.takes(&method), "{method}");
        }
        assert_eq!(&**route.allow(), "GET, HEAD");
    }

    #[test]
    fn paths_that_no_request_reaches_and_the_servers_own_are_refused() {
        for path in ["a", "", "/a//b", "/a/../b", "/a%20b", "/a;b", "/health", "/.well-known/x", "/é"] {
            let made = Route::new(path, Target::File("f".into()), &[], Demand::default());
            assert!(made.is_err(), "{path}");
        }
        let twice = RouteTable::new(vec![file("/a"), file("/a")]).unwrap_err();
        assert_eq!(twice.to_string(), "route `/a` is there twice; keep one");
        let post = Route::new("/a", Target::File("f".into()), &["POST".to_owned()], Demand::default());
        assert!(post.unwrap_err().to_string().contains("method `POST`"));
    }
}
