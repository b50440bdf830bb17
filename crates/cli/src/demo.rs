//! What `./quickstart` shows: a project with images, a network, a server that can be logged in to. Everything is made through
//! the public APIs, as a user would, and only what is missing is made.

use crate::{Cloud, Login};
use kernel::{Error, Result, error::Doing};
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::time::Instant;

pub struct DemoOptions {
    pub data_dir: PathBuf,
    pub demo_password: String,
    /// The guest image; without one (fake hypervisor) some bytes stand for it.
    pub image: Option<PathBuf>,
    /// Whether to boot the demo server.
    pub server: bool,
    /// Told what is being done, for people who wait.
    pub progress: fn(&str),
}

/// What there is now.
pub struct Demo {
    pub server: Option<String>,
    pub floating_ip: Option<String>,
    pub login: Option<Login>,
}

pub async fn demo(options: &DemoOptions) -> Result<Demo> {
    let clouds = options.data_dir.join("clouds.yaml");
    let admin = Cloud::login(&clouds, "tstack-admin").await?;
    (options.progress)("project and user demo");
    project(&admin, &options.demo_password).await?;
    (options.progress)("images");
    images(&admin, options).await?;
    let demo = Cloud::login(&clouds, "tstack-demo").await?;
    (options.progress)("network demo");
    let network = network(&demo).await?;
    open_group(&demo).await?;
    let key = key_pair(&demo, &options.data_dir).await?;
    if !options.server {
        return Ok(Demo { server: None, floating_ip: None, login: None });
    }
    (options.progress)("server demo");
    let server = server(&demo, &network).await?;
    let address = floating_ip(&demo, &server).await?;
    let login = Login { user: "cirros".into(), address: address.clone(), key };
    Ok(Demo { server: Some(server), floating_ip: Some(address), login: Some(login) })
}

fn id(value: &Value) -> String {
    value["id"].as_str().unwrap_or_default().to_owned()
}

async fn project(admin: &Cloud, password: &str) -> Result<()> {
    let project = match admin.named("identity", "/projects?name=demo", "projects", "demo").await? {
        Some(project) => project,
        None => admin
            .post("identity", "/projects", json!({"project": {"name": "demo", "domain_id": "default"}}))
            .await?["project"]
            .clone(),
    };
    let user = match admin.named("identity", "/users?name=demo", "users", "demo").await? {
        Some(user) => user,
        None => {
            let user = json!({"user": {"name": "demo", "domain_id": "default", "password": password, "default_project_id": project["id"]}});
            admin.post("identity", "/users", user).await?["user"].clone()
        }
    };
    let role = admin.named("identity", "/roles?name=member", "roles", "member").await?;
    let role = role.ok_or_else(|| Error::not_found("the region has no role member"))?;
    let path = format!("/projects/{}/users/{}/roles/{}", id(&project), id(&user), id(&role));
    admin.call("PUT", "identity", &path, None).await.map(drop)
}

async fn images(admin: &Cloud, options: &DemoOptions) -> Result<()> {
    for name in ["tinycloud", "tinycloud-alt"] {
        let found = admin.named("image", &format!("/images?name={name}"), "images", name).await?;
        let image = match found {
            Some(image) if image["status"] == "active" => continue,
            Some(image) => image,
            None => {
                let format = if options.image.is_some() { "qcow2" } else { "raw" };
                let body = json!({
                    "name": name, "disk_format": format, "container_format": "bare", "visibility": "public", "min_ram": 128,
                });
                admin.post("image", "/images", body).await?
            }
        };
        match &options.image {
            Some(file) => admin.upload(&id(&image), file).await?,
            None => {
                let stand_in = options.data_dir.join(".no-guest.img");
                std::fs::write(&stand_in, vec![0u8; 1 << 20]).doing("writing the fake guest's image")?;
                admin.upload(&id(&image), &stand_in).await?;
                let _ = std::fs::remove_file(stand_in);
            }
        }
    }
    Ok(())
}

async fn network(demo: &Cloud) -> Result<String> {
    let network = match demo.named("network", "/networks?name=demo", "networks", "demo").await? {
        Some(network) => network,
        None => demo.post("network", "/networks", json!({"network": {"name": "demo"}})).await?["network"].clone(),
    };
    let subnet = match demo.named("network", "/subnets?name=demo", "subnets", "demo").await? {
        Some(subnet) => subnet,
        None => {
            let subnet = json!({"subnet": {
                "name": "demo", "network_id": network["id"], "ip_version": 4, "cidr": "192.168.200.0/24",
                "dns_nameservers": [],
            }});
            demo.post("network", "/subnets", subnet).await?["subnet"].clone()
        }
    };
    let router = match demo.named("network", "/routers?name=demo", "routers", "demo").await? {
        Some(router) => router,
        None => {
            let public = public(demo).await?;
            let router = json!({"router": {"name": "demo", "external_gateway_info": {"network_id": public}}});
            demo.post("network", "/routers", router).await?["router"].clone()
        }
    };
    let ports = demo.get("network", &format!("/ports?device_id={}", id(&router))).await?;
    let inside = |port: &Value| {
        port["fixed_ips"].as_array().is_some_and(|ips| ips.iter().any(|ip| ip["subnet_id"] == subnet["id"]))
    };
    if !ports["ports"].as_array().is_some_and(|ports| ports.iter().any(inside)) {
        let path = format!("/routers/{}/add_router_interface", id(&router));
        demo.call("PUT", "network", &path, Some(&json!({"subnet_id": subnet["id"]}))).await?;
    }
    Ok(id(&network))
}

async fn public(demo: &Cloud) -> Result<String> {
    let found = demo.named("network", "/networks?name=public", "networks", "public").await?;
    found.as_ref().map(id).ok_or_else(|| Error::not_found("the region has no network public"))
}

/// Lets ping and ssh in through the default group.
async fn open_group(demo: &Cloud) -> Result<()> {
    let group = demo.named("network", "/security-groups?name=default", "security_groups", "default").await?;
    let group = group.ok_or_else(|| Error::not_found("the project demo has no default security group"))?;
    for rule in [json!({"protocol": "icmp"}), json!({"protocol": "tcp", "port_range_min": 22, "port_range_max": 22})] {
        let same = |have: &Value| {
            have["direction"] == "ingress"
                && have["ethertype"] == "IPv4"
                && have["protocol"] == rule["protocol"]
                && have["remote_group_id"].is_null()
        };
        if group["security_group_rules"].as_array().is_some_and(|rules| rules.iter().any(same)) {
            continue;
        }
        let mut rule = rule.clone();
        rule["security_group_id"] = group["id"].clone();
        rule["direction"] = json!("ingress");
        demo.post("network", "/security-group-rules", json!({"security_group_rule": rule})).await?;
    }
    Ok(())
}

/// The key pair `demo`, whose private half lies in the data directory.
async fn key_pair(demo: &Cloud, data_dir: &Path) -> Result<PathBuf> {
    let file = data_dir.join("demo-key");
    if !file.exists() {
        let made = std::process::Command::new("ssh-keygen")
            .args(["-q", "-t", "ecdsa", "-N", "", "-C", "tstack-demo", "-f"])
            .arg(&file)
            .status();
        let made = made.doing("starting ssh-keygen (package openssh-client)")?;
        if !made.success() {
            return Err(Error::internal("ssh-keygen could not make a key"));
        }
    }
    let public = std::fs::read_to_string(file.with_extension("pub")).doing("reading the demo key")?;
    match demo.get("compute", "/os-keypairs/demo").await {
        Ok(_) => Ok(file),
        Err(e) if e.is(kernel::Kind::NotFound) => {
            let body = json!({"keypair": {"name": "demo", "type": "ssh", "public_key": public.trim()}});
            demo.post("compute", "/os-keypairs", body).await?;
            Ok(file)
        }
        Err(e) => Err(e),
    }
}

async fn server(demo: &Cloud, network: &str) -> Result<String> {
    let found = demo.named("compute", "/servers?name=^demo$", "servers", "demo").await?;
    let server = match found {
        Some(server) => id(&server),
        None => {
            let image = demo.named("image", "/images?name=tinycloud", "images", "tinycloud").await?;
            let flavor = demo.named("compute", "/flavors", "flavors", "m1.nano").await?;
            let (Some(image), Some(flavor)) = (image, flavor) else {
                return Err(Error::not_found("the region lacks the image tinycloud or the flavor m1.nano"));
            };
            let body = json!({"server": {
                "name": "demo", "imageRef": image["id"], "flavorRef": flavor["id"], "key_name": "demo",
                "networks": [{"uuid": network}],
            }});
            id(&demo.post("compute", "/servers", body).await?["server"])
        }
    };
    active(demo, &server, Duration::from_secs(300)).await?;
    Ok(server)
}

async fn active(demo: &Cloud, server: &str, patience: Duration) -> Result<()> {
    let began = Instant::now();
    loop {
        let shown = demo.get("compute", &format!("/servers/{server}")).await?;
        match shown["server"]["status"].as_str() {
            Some("ACTIVE") => return Ok(()),
            Some("SHUTOFF") => {
                drop(demo.post("compute", &format!("/servers/{server}/action"), json!({"os-start": null})).await?)
            }
            Some("ERROR") => {
                return Err(Error::conflict(format!(
                    "the server demo is in ERROR: {}",
                    shown["server"]["fault"]["message"]
                )));
            }
            _ => {}
        }
        if began.elapsed() > patience {
            return Err(Error::unavailable("the server demo did not become ACTIVE in time"));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn floating_ip(demo: &Cloud, server: &str) -> Result<String> {
    let ports = demo.get("network", &format!("/ports?device_id={server}")).await?;
    let port =
        ports["ports"][0]["id"].as_str().ok_or_else(|| Error::not_found("the server demo has no port"))?.to_owned();
    let ours = demo.get("network", &format!("/floatingips?port_id={port}")).await?;
    if let Some(address) = ours["floatingips"][0]["floating_ip_address"].as_str() {
        return Ok(address.to_owned());
    }
    let body = json!({"floatingip": {"floating_network_id": public(demo).await?, "port_id": port}});
    let made = demo.post("network", "/floatingips", body).await?;
    Ok(made["floatingip"]["floating_ip_address"].as_str().unwrap_or_default().to_owned())
}
