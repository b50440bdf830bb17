//! Identity: what tokens, logins and a list of ten thousand users cost.

use super::{Bench, profile};
use crate::cloud::{Hosts, TestCloud, write_report};
use cli::Cloud;
use kernel::Error;
use serde_json::{Value, json};
use std::sync::Arc;

const USERS: usize = 10_000;
/// Users with a password of their own: each costs the server a hash to make, and another at its first login.
const PASSWORDS: usize = 20;
const PASSWORD: &str = "correct horse battery staple";

pub(super) async fn run() -> Result<(), String> {
    let mut cloud = TestCloud::new("bench-identity", Hosts::Fake)?;
    cloud.start()?;
    let admin = Cloud::login(&cloud.clouds(), "tstack-admin").await.map_err(text)?;
    let bench = Bench { cloud: &cloud, admin: Arc::new(admin) };
    let project = bench.admin.project.clone();
    let users = people(&bench, &project).await?;
    let token = bench.admin.post("identity", "/auth/tokens", by_password(&users[0], &project)).await;
    token.map_err(text)?;
    let mut rows = vec![
        bench
            .repeat("token: validate (GET /v3/auth/tokens)", 4000, 8, |c, _| async move { c.validate_self().await })
            .await?,
        bench.repeat("token: issue from a token", 4000, 8, |c, _| async move { c.renew().await }).await?,
    ];
    let (users, project) = (&users, &project);
    // The first was logged in above; every other one is hashed for the first time.
    rows.push(
        bench
            .repeat("token: issue by password, hashed", PASSWORDS - 1, 1, |c, i| async move {
                c.post("identity", "/auth/tokens", by_password(&users[i + 1], project)).await
            })
            .await?,
    );
    // The last was verified a moment ago; of the first that may be forgotten by now.
    rows.push(
        bench
            .repeat("token: issue by password, verified before", 2000, 8, |c, _| async move {
                c.post("identity", "/auth/tokens", by_password(&users[PASSWORDS - 1], project)).await
            })
            .await?,
    );
    rows.push(
        bench
            .repeat("users: 10,000", 20, 1, |c, _| async move {
                let users = c.get("identity", "/users").await?;
                let found = users["users"].as_array().map_or(0, Vec::len);
                if found < USERS { Err(Error::internal(format!("{found} users are listed"))) } else { Ok(users) }
            })
            .await?,
    );
    println!("memory {} MiB with {USERS} users", cloud.memory_mib());
    let login = against_the_hash()?;
    println!("a login by password costs {} times the bare hash ({} CPU-ms)", login["ratio"], login["hash_cpu_ms"]);
    let report = json!({
        "benchmark": "identity on redb, HTTP from another process; the login against the bare hash in one process",
        "memory_mib_with_10000_users": cloud.memory_mib(),
        "login_and_hash": login,
        "rows": rows,
    });
    println!("report: {}", write_report("bench-identity", report)?.display());
    Ok(())
}

fn text(error: Error) -> String {
    error.internal_text()
}

fn by_password(user: &str, project: &str) -> Value {
    let user = json!({"id": user, "password": PASSWORD});
    json!({"auth": {
        "identity": {"methods": ["password"], "password": {"user": user}},
        "scope": {"project": {"id": project}},
    }})
}

/// Users that may log in; and those that only fill the list, without passwords, whose hashes would take an hour.
async fn people(bench: &Bench<'_>, project: &str) -> Result<Vec<String>, String> {
    let admin = &bench.admin;
    let roles = admin.get("identity", "/roles?name=member").await.map_err(text)?;
    let role = roles["roles"][0]["id"].as_str().unwrap_or_default().to_owned();
    let mut users = Vec::new();
    for n in 0..PASSWORDS {
        let new = json!({"user": {"name": format!("login-{n}"), "password": PASSWORD}});
        let made = admin.post("identity", "/users", new).await.map_err(text)?;
        let user = made["user"]["id"].as_str().unwrap_or_default().to_owned();
        let grant = format!("/projects/{project}/users/{user}/roles/{role}");
        admin.call("PUT", "identity", &grant, None).await.map_err(text)?;
        users.push(user);
    }
    bench
        .repeat("users: create, without a password", USERS - PASSWORDS, 32, |c, n| async move {
            c.post("identity", "/users", json!({"user": {"name": format!("user-{n}")}})).await
        })
        .await?;
    Ok(users)
}

/// Both in one process, so that nothing but the login itself is between them.
fn against_the_hash() -> Result<Value, String> {
    let mut cargo = crate::cargo();
    cargo.args(["run", "--quiet", "--package", "identity", "--example", "login"]).args(profile());
    let output = cargo.output().map_err(|e| format!("starting cargo: {e}"))?;
    if !output.status.success() {
        return Err(format!("measuring the bare hash: {}", String::from_utf8_lossy(&output.stderr)));
    }
    serde_json::from_slice(&output.stdout).map_err(|e| format!("reading what the hash costs: {e}"))
}
