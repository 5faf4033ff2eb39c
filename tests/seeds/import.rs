//! The way in for steelcut's users: its own class writes clients, we take them over, its functions go on.

use serde_json::{Value, json};

use super::{
    python,
    steelcut::{asked, home},
};
use crate::harness::{Credentials, Engine, Lab, Server, database::Database, lab::RESOURCE};

/// Steelcut's own database, and the clients that its own class has written there.
struct Steelcut {
    database: Database,
    clients: Vec<Credentials>,
}

impl Steelcut {
    async fn with_clients(lab: &Lab, wanted: &[(&str, &str)]) -> Self {
        let database = Database::create(Engine::Postgres, lab.dir.path()).await;
        let mut steelcut = Self { database, clients: Vec::new() };
        steelcut.add(lab, wanted);
        steelcut
    }

    /// Lets `OAuth.add_client` make clients of these names and grants.
    fn add(&mut self, lab: &Lab, wanted: &[(&str, &str)]) {
        let url = &self.database.admin_url;
        let (user, rest) = url.trim_start_matches("postgres://").split_once(':').expect("user");
        let (password, place) = rest.split_once('@').expect("password");
        let port = place.split([':', '/']).nth(1).expect("port");
        let clients: Vec<Value> = wanted.iter().map(|(name, grant)| json!([name, grant, RESOURCE])).collect();
        let told = json!({ "user": user, "password": password, "database": self.database.name(), "clients": clients });
        let made = python::run("steelcut_registry.py", &home(lab, "registry"), &told, &[("PGPORT", port)]);
        for client in made.as_array().expect("a list") {
            let member = |name: &str| client[name].as_str().expect("a string").to_owned();
            self.clients.push(Credentials { id: member("client_id"), secret: member("client_secret") });
        }
    }

    fn import(&self, lab: &Lab) -> Value {
        lab.auth.json(&["import", "steelcut", "--from", &self.database.admin_url])
    }
}

fn ids(lab: &Lab) -> Vec<String> {
    let listed = lab.auth.json(&["client", "list"]);
    let rows = listed.as_array().or_else(|| listed["clients"].as_array()).expect("a list").clone();
    let mut ids: Vec<String> =
        rows.iter().map(|row| row["client_id"].as_str().expect("client_id").to_owned()).collect();
    ids.sort();
    ids
}

fn goes_on(lab: &Lab, servers: (&Server, &Server), client: &Credentials, grant: &str) {
    let folder = format!("{}-{}", client.id, grant.len());
    let answer = python::run(
        "steelcut_client.py",
        &home(lab, &folder),
        &asked(servers.0, servers.1, client, grant),
        &[],
    );
    assert_eq!(answer["read"], json!({"about": "This is a protected resource"}), "{grant}");
}

on_both!(d27_steelcut_clients_go_on_after_the_import, |engine| {
    let lab = Lab::new(engine).await;
    let wanted = [("Jane Doe", "client_credentials"), ("John Doe", "client credentials")];
    let steelcut = Steelcut::with_clients(&lab, &wanted).await;
    steelcut.import(&lab);
    let once = ids(&lab);
    for client in &steelcut.clients {
        assert!(once.contains(&client.id), "{} was not taken over: {once:?}", client.id);
    }
    steelcut.import(&lab);
    assert_eq!(ids(&lab), once, "a second import doubles nobody");

    let auth = lab.start_auth();
    let resource = lab.start_resource(auth.url());
    for (client, (_, grant)) in steelcut.clients.iter().zip(wanted) {
        // The first token verifies Argon2, the second the keyed hash that was kept (decision 2).
        goes_on(&lab, (&auth, &resource), client, grant);
        std::fs::remove_file(home(&lab, &format!("{}-{}", client.id, grant.len())).join("token.json"))
            .expect("cache");
        goes_on(&lab, (&auth, &resource), client, grant);
    }
});

on_both!(d27_a_third_import_brings_new_clients_only, |engine| {
    let lab = Lab::new(engine).await;
    let mut steelcut = Steelcut::with_clients(&lab, &[("Jane Doe", "client_credentials")]).await;
    steelcut.import(&lab);
    let jane = steelcut.clients[0].clone();
    let rotated = lab.auth.json(&["client", "rotate-secret", &jane.id]);
    let secret = rotated["client_secret"].as_str().expect("the new secret").to_owned();

    steelcut.add(&lab, &[("Late Comer", "client_credentials")]);
    steelcut.import(&lab);
    let auth = lab.start_auth();
    let resource = lab.start_resource(auth.url());
    goes_on(&lab, (&auth, &resource), &steelcut.clients[1], "client_credentials");
    // What was rotated here stays rotated.
    lab.access_token(&auth, &Credentials { id: jane.id.clone(), secret }).await;
    let old = lab.token(&auth, &jane, &[("resource", RESOURCE)]).await;
    assert_eq!(old.status, 401, "{old:?}");
});

on_both!(d27_a_removed_client_does_not_come_back, |engine| {
    let lab = Lab::new(engine).await;
    let steelcut = Steelcut::with_clients(&lab, &[("Jane Doe", "client_credentials")]).await;
    steelcut.import(&lab);
    let jane = &steelcut.clients[0];
    lab.auth.ok(&["client", "remove", &jane.id]);
    lab.auth.run(&["import", "steelcut", "--from", &steelcut.database.admin_url]);
    assert!(!ids(&lab).contains(&jane.id));
    let auth = lab.start_auth();
    assert_eq!(lab.token(&auth, jane, &[("resource", RESOURCE)]).await.status, 401);
});
