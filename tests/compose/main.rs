//! The compose file, for real: `./test compose`. Needs Docker with Compose v2 and buildx.

#[cfg(test)]
mod project;

#[cfg(test)]
mod decision_37 {
    use super::project::Project;

    /// One project for all of it: the images are built once, and the whole takes minutes.
    #[test]
    fn d37_compose_brings_the_lab_up_and_keeps_its_parts_apart() {
        let project = Project::up();
        println!("compose: the demo client printed the resource");
        assert!(project.demo_said.contains("This is a protected resource"), "{}", project.demo_said);

        the_resource_server_holds_the_public_key_alone(&project);
        println!("compose: the resource-server holds the public key alone");
        the_resource_server_cannot_reach_the_database(&project);
        println!("compose: the resource-server cannot reach the database");
        the_demo_cannot_reach_the_database(&project);
        nobody_runs_as_root_or_writes_his_image(&project);
        println!("compose: nobody runs as root, every image is read-only");
        secrets_belong_to_the_service(&project);
        println!("compose: secrets and keys belong to the service's user alone");
        the_published_ports_answer(&project);
        a_second_up_keeps_everything(&project);
        println!("compose: a second `up` keeps keys, client and database");
    }

    fn the_resource_server_holds_the_public_key_alone(project: &Project) {
        let files = project.sh("resource-server", "find /var/lib/trefoil -type f");
        assert!(files.contains("/var/lib/trefoil/public/public.pem"), "{files}");
        let found = project.sh(
            "resource-server",
            "grep -rlE 'PRIVATE KEY|postgres://' /var/lib/trefoil /etc /tmp 2>/dev/null; true",
        );
        assert_eq!(found.trim(), "", "a private key or a database URL");
        let key = project.sh("resource-server", "cat /var/lib/trefoil/public/public.pem");
        assert!(key.contains("BEGIN PUBLIC KEY"), "{key}");
        let environment = project.sh("resource-server", "env");
        assert!(!environment.contains("postgres") && !environment.contains("SECRET"), "{environment}");
        let write = project.try_sh("resource-server", "echo x > /var/lib/trefoil/public/public.pem");
        let refused = write.expect_err("the public key is only read");
        assert!(refused.contains("Read-only"), "{refused}");
    }

    fn the_resource_server_cannot_reach_the_database(project: &Project) {
        let address = project.address_of("postgres");
        let open = |from: &str, to: &str| {
            project.try_sh(from, &format!("timeout 3 bash -c ': < /dev/tcp/{to}/5432'"))
        };
        assert!(
            open("auth-server", &address).is_ok(),
            "auth-server reaches the database: the probe itself works"
        );
        assert!(open("resource-server", &address).is_err(), "by address");
        assert!(open("resource-server", "postgres").is_err(), "by name");
        assert!(open("resource-server", &project.address_of("auth-server")).is_err(), "nor auth-server's");
    }

    fn the_demo_cannot_reach_the_database(project: &Project) {
        let networks = project.docker(&[
            "inspect",
            "-f",
            "{{json .NetworkSettings.Networks}}",
            &project.container("demo"),
        ]);
        assert!(
            networks.contains("_auth\"")
                && networks.contains("_resource\"")
                && !networks.contains("_database\""),
            "{networks}"
        );
    }

    fn nobody_runs_as_root_or_writes_his_image(project: &Project) {
        for service in ["postgres", "auth-server", "resource-server"] {
            assert_ne!(project.sh(service, "id -u").trim(), "0", "{service} runs as root");
            assert!(project.try_sh(service, "touch /usr/local/bin/x").is_err(), "{service} writes its image");
            assert_eq!(
                project.sh(service, "grep CapEff /proc/1/status").split_whitespace().last(),
                Some("0000000000000000"),
                "{service}"
            );
        }
        for service in ["secrets", "init", "demo", "auth-server", "resource-server", "postgres"] {
            let format = "{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.Config.User}}";
            let told = project.docker(&["inspect", "-f", format, &project.container(service)]);
            assert!(told.starts_with("true [ALL] "), "{service}: {told}");
            let user = told.trim().rsplit(' ').next().unwrap_or_default();
            assert!(!["", "0", "root", "0:0", "[ALL]"].contains(&user), "{service}: {told}");
        }
    }

    fn secrets_belong_to_the_service(project: &Project) {
        let listed = project.sh(
            "auth-server",
            "find /var/lib/trefoil/auth-server /var/lib/trefoil/secrets -type f -printf '%u %m %p\\n'",
        );
        assert!(listed.contains("root_secret"), "{listed}");
        assert!(listed.contains(".pem"), "{listed}");
        for line in listed.lines() {
            let mode = line.split(' ').nth(1).unwrap_or_default();
            assert!(line.starts_with("trefoil ") && mode.ends_with("00"), "{line}");
        }
    }

    fn the_published_ports_answer(project: &Project) {
        let get = |port: u16, path: &str| {
            use std::io::{Read, Write};
            let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).expect("a published port");
            write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").expect("a request");
            let mut answer = String::new();
            stream.read_to_string(&mut answer).expect("an answer");
            answer
        };
        let metadata = get(project.auth_port, "/.well-known/oauth-authorization-server");
        assert!(
            metadata.starts_with("HTTP/1.1 200") && metadata.contains("http://auth-server:8080"),
            "{metadata}"
        );
        assert!(get(project.resource_port, "/api_v0.0.1").starts_with("HTTP/1.1 401"));
    }

    fn a_second_up_keeps_everything(project: &Project) {
        let key = project.sh("resource-server", "cat /var/lib/trefoil/public/public.pem");
        project.compose(&["down"]);
        let said = project.run_demo();
        assert!(said.contains("This is a protected resource"), "{said}");
        assert_eq!(project.sh("resource-server", "cat /var/lib/trefoil/public/public.pem"), key);
    }
}
