//! The first start on an empty database, by two servers at once: it is filled under one root secret (decision 5).

use std::thread;

use crate::harness::{Engine, Server, counts::times, lab::Lab, lab::make_private};

const LISTEN: [&str; 5] = ["serve", "--listen", "127.0.0.1:0", "--admin-listen", "off"];

/// Starts two servers at once, each on its data directory; a log where one ended.
fn both(lab: &Lab, directories: [&str; 2]) -> [Result<Server, String>; 2] {
    let start = |name: &str| {
        let data = lab.dir.path().join(name);
        std::fs::create_dir_all(&data).expect("data directory");
        make_private(&data);
        let cli = lab.auth.clone().with("AUTH_SERVER_DATA_DIR", data.display().to_string());
        Server::try_start(cli.command(&LISTEN))
    };
    thread::scope(|scope| {
        directories.map(|name| scope.spawn(move || start(name))).map(|it| it.join().expect("a start"))
    })
}

async fn claims(lab: &Lab) -> i64 {
    lab.database.number("SELECT COUNT(*) FROM root_secrets").await
}

#[tokio::test(flavor = "multi_thread")]
async fn f19_of_two_first_starts_on_one_postgresql_one_claims_it_and_the_other_names_the_file_to_bring() {
    let rounds = times(20);
    for _ in 0..rounds {
        let lab = Lab::empty(Engine::Postgres).await;
        lab.auth.ok(&["db", "migrate"]);
        lab.auth.ok(&["db", "roles", "--apply"]);
        let (mut serving, mut refused) = (Vec::new(), Vec::new());
        for started in both(&lab, ["one", "two"]) {
            match started {
                Ok(server) => serving.push(server),
                Err(log) => refused.push(log),
            }
        }
        assert_eq!(serving.len(), 1, "{refused:?}");
        assert!(refused[0].contains("root secret") && refused[0].contains("bring"), "{refused:?}");
        assert_eq!(claims(&lab).await, 1);
    }
    println!("figure: f19 first start on PostgreSQL: {rounds} rounds of 2 servers, one serves in each");
}

#[tokio::test(flavor = "multi_thread")]
async fn f19_of_two_first_starts_on_one_sqlite_file_both_serve_under_one_root_secret() {
    let rounds = times(20);
    for _ in 0..rounds {
        let lab = Lab::empty(Engine::Sqlite).await;
        for started in both(&lab, ["data", "data"]) {
            started.unwrap_or_else(|log| panic!("both share the file and the secret: {log}"));
        }
        assert_eq!(claims(&lab).await, 1);
        let files = std::fs::read_dir(lab.dir.path().join("data")).expect("data");
        let paths = files.map(|file| file.expect("a file").path());
        let strays: Vec<_> = paths.filter(|path| path.extension().is_some_and(|it| it == "new")).collect();
        assert!(strays.is_empty(), "{strays:?}");
    }
    println!("figure: f19 first start on SQLite: {rounds} rounds of 2 servers, both serve under one secret");
}
