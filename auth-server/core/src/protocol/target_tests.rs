use trefoil_shared::jose::Algorithm;

use super::*;
use crate::model::TokenFormat;
use crate::protocol::samples;

fn client(resources: &[&str], scopes: &str) -> Client {
    let resources = resources.iter().map(|name| name.parse().unwrap()).collect();
    Client { resources, scopes: scopes.parse().unwrap(), ..samples::client() }
}

/// Decides with every resource of `registered` known; answers the resources' names and the scope.
fn run(form: &str, client: &Client, registered: &[Resource]) -> Outcome {
    let asked = Asked::from_params(&Params::parse(form.as_bytes(), 64)?)?;
    let wanted = wanted_resources(&asked, client)?;
    let known = |name: &&ResourceIndicator| registered.iter().find(|resource| resource.name == **name);
    let found = wanted.iter().filter_map(known).cloned().map(Arc::new).collect();
    let target = decide(asked, client, found)?;
    let names = target.resources.iter().map(|resource| resource.name.to_string()).collect();
    Ok((names, target.scope.scope().to_string()))
}

type Outcome = Result<(Vec<String>, String), Denied>;

fn for_these(names: &[&str], scope: &str) -> (Vec<String>, String) {
    (names.iter().map(ToString::to_string).collect(), scope.to_owned())
}

#[test]
fn d23_without_resource_the_owner_of_all_asked_scopes_is_meant() {
    let registered = [samples::resource("a", "read write"), samples::resource("b", "ship")];
    let client = client(&["a", "b"], "read write ship");
    assert_eq!(run("scope=ship", &client, &registered), Ok(for_these(&["b"], "ship")));
    assert_eq!(run("scope=read+write", &client, &registered), Ok(for_these(&["a"], "read write")));
    assert_eq!(
        run("scope=read+ship", &client, &registered),
        Err(Denied::Target(TargetDenied::ResourceAmbiguous))
    );
    assert_eq!(run("", &client, &registered), Err(Denied::Target(TargetDenied::ResourceAmbiguous)));
}

#[test]
fn d23_without_resource_two_owners_are_ambiguous() {
    let registered = [samples::resource("a", "read"), samples::resource("b", "read")];
    let client = client(&["a", "b"], "read");
    assert_eq!(run("scope=read", &client, &registered), Err(Denied::Target(TargetDenied::ResourceAmbiguous)));
}

#[test]
fn d23_without_resource_the_only_one_is_meant() {
    let registered = [samples::resource("a", "read write")];
    let client = client(&["a"], "read");
    assert_eq!(run("", &client, &registered), Ok(for_these(&["a"], "read")));
}

#[test]
fn d23_a_client_without_resources_may_ask_for_none() {
    assert_eq!(run("", &client(&[], "read"), &[]), Ok(for_these(&[], "read")));
    assert_eq!(run("scope=read", &client(&[], "read"), &[]), Ok(for_these(&[], "read")));
    assert_eq!(
        run("resource=a", &client(&[], "read"), &[]),
        Err(Denied::Target(TargetDenied::ResourceRefused))
    );
}

#[test]
fn a062_a_resource_that_is_unknown_or_not_the_clients_is_refused() {
    let registered = [samples::resource("a", "read"), samples::resource("b", "read")];
    let client = client(&["a", "gone"], "read");
    for form in ["resource=b", "resource=c", "resource=gone", "resource=a&resource=b"] {
        assert_eq!(
            run(form, &client, &registered),
            Err(Denied::Target(TargetDenied::ResourceRefused)),
            "{form}"
        );
    }
    assert_eq!(
        run("resource=a%20b", &client, &registered),
        Err(Denied::Target(TargetDenied::ResourceMalformed))
    );
    assert_eq!(
        run("resource=https://a/%23f", &client, &registered),
        Err(Denied::Target(TargetDenied::ResourceMalformed))
    );
}

#[test]
fn d23_resources_of_different_kinds_do_not_go_together() {
    let registered = [
        samples::resource("a", "read"),
        Resource { algorithm: Algorithm::RS256, ..samples::resource("b", "write") },
        Resource { token_format: TokenFormat::Opaque, ..samples::resource("c", "ship") },
        samples::resource("d", "draw"),
    ];
    let client = client(&["a", "b", "c", "d"], "read write ship draw");
    assert_eq!(
        run("resource=a&resource=b", &client, &registered),
        Err(Denied::Target(TargetDenied::ResourcesDisagree))
    );
    assert_eq!(
        run("resource=a&resource=c", &client, &registered),
        Err(Denied::Target(TargetDenied::ResourcesDisagree))
    );
    assert_eq!(run("resource=a&resource=d", &client, &registered), Ok(for_these(&["a", "d"], "draw read")));
    assert_eq!(run("resource=a&resource=a", &client, &registered), Ok(for_these(&["a"], "read")));
}

#[test]
fn d23_a_scope_that_two_resources_define_is_invalid_scope() {
    let registered = [samples::resource("a", "read write"), samples::resource("b", "read ship")];
    let client = client(&["a", "b"], "read write ship");
    let both = "resource=a&resource=b";
    assert_eq!(run(both, &client, &registered), Err(Denied::Target(TargetDenied::ScopeOfTwoResources)));
    let read = format!("{both}&scope=read");
    assert_eq!(run(&read, &client, &registered), Err(Denied::Target(TargetDenied::ScopeOfTwoResources)));
    let apart = format!("{both}&scope=write+ship");
    assert_eq!(run(&apart, &client, &registered), Ok(for_these(&["a", "b"], "ship write")));
}

#[test]
fn a008_a_scope_that_is_unknown_or_too_wide_is_refused_whole() {
    let registered = [samples::resource("a", "read write admin")];
    let client = client(&["a"], "read write elsewhere");
    for form in ["scope=admin", "scope=read+admin", "scope=nonsense", "scope=elsewhere&resource=a"] {
        assert_eq!(
            run(form, &client, &registered),
            Err(Denied::Target(TargetDenied::ScopeTooWide)),
            "{form}"
        );
    }
    assert_eq!(
        run(&format!("scope={}", "x".repeat(10_000)), &client, &registered),
        Err(Denied::Target(TargetDenied::ScopeMalformed))
    );
    assert_eq!(run("scope=a%22b", &client, &registered), Err(Denied::Target(TargetDenied::ScopeMalformed)));
}

#[test]
fn d26_the_default_scope_is_what_the_resource_knows_of_it() {
    let registered = [samples::resource("a", "read write")];
    let mut client = client(&["a"], "read write elsewhere");
    assert_eq!(run("", &client, &registered), Ok(for_these(&["a"], "read write")));
    client.default_scope = Some("read elsewhere".parse().unwrap());
    assert_eq!(run("", &client, &registered), Ok(for_these(&["a"], "read")));
}

#[test]
fn w10_a_root_url_is_asked_for_with_or_without_its_slash() {
    for name in ["https://api.example.com", "https://api.example.com/"] {
        let registered = [samples::resource(name, "read")];
        let client = client(&[name], "read");
        let root = ["https://api.example.com", "https://api.example.com/"];
        for form in root
            .map(|asked| format!("resource={asked}"))
            .iter()
            .chain([&root.map(|asked| format!("resource={asked}")).join("&")])
        {
            assert_eq!(run(form, &client, &registered), Ok(for_these(&[name], "read")), "{form}");
        }
    }
    let registered = [samples::resource("https://api.example.com/v1", "read")];
    let client = client(&["https://api.example.com/v1"], "read");
    assert_eq!(
        run("resource=https://api.example.com/v1/", &client, &registered),
        Err(Denied::Target(TargetDenied::ResourceRefused))
    );
}
