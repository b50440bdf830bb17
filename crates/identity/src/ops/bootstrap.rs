//! What a new cloud begins with. Run at every start: it makes what is missing and changes nothing that people changed,
//! except the addresses of endpoints that nobody touched, which follow the configured base.

use super::keys::fresh_secret;
use crate::{
    Identity,
    model::{
        Actor, Assignment, Endpoint, Extra, Interface, KeyRing, Options, Project, Purpose, Region, Role, Service,
        Target, User,
        catalog::{EndpointId, OF_SERVICE, ServiceId},
        user::{self, Failures, Password},
    },
};
use kernel::{DomainId, ProjectId, RegionId, Result, RoleId, Timestamp, UserId, ids::uuid_hex};
use std::collections::BTreeSet;
use store::{Tx, Unique};

/// What the operator says.
#[derive(Clone, Debug)]
pub struct BootstrapSpec {
    /// Used if there is no user `admin` yet.
    pub admin_password: String,
    pub region: String,
    /// `http://127.0.0.1:5000`, under which clients reach every API.
    pub base_url: String,
}

/// Type, name and path of the services in the catalog. Block storage is listed under its old type as well, which older
/// clients ask for.
const SERVICES: [(&str, &str, &str); 8] = [
    ("identity", "keystone", "/identity/v3"),
    ("compute", "nova", "/compute/v2.1"),
    ("image", "glance", "/image"),
    ("network", "neutron", "/network"),
    ("placement", "placement", "/placement"),
    ("key-manager", "barbican", "/key-manager"),
    ("block-storage", "cinder", "/volume/v3"),
    ("volumev3", "cinderv3", "/volume/v3"),
];

/// Each role with the one it implies.
const ROLES: [(&str, Option<&str>); 5] = [
    ("reader", None),
    ("member", Some("reader")),
    ("manager", Some("member")),
    ("admin", Some("manager")),
    ("service", None),
];

pub async fn bootstrap(id: &Identity, spec: BootstrapSpec) -> Result<()> {
    let no_admin = user::named(&id.view(), &id.config().default_domain, "admin").is_none();
    let hash = match no_admin {
        true => Some(id.passwords().hash(&spec.admin_password).await?),
        false => None,
    };
    let rings = fresh_rings()?;
    let (now, domain) = (id.now(), DomainId::from(id.config().default_domain.as_str()));
    id.store()
        .transact("identity.bootstrap", move |tx| {
            keys(tx, &rings, now);
            default_domain(tx, &domain);
            let admin_role = roles(tx);
            let project = admin_project(tx, &domain);
            if let Some(user) = new_admin(tx, &domain, hash.as_deref(), now) {
                for target in [Target::Project(project), Target::System] {
                    let actor = Actor::User(user.clone());
                    tx.put(Assignment { role: admin_role.clone(), actor, target, inherited: false });
                }
            }
            catalog(tx, &spec);
            Ok(())
        })
        .await
}

/// The staged key and the primary of each ring.
type Rings = [(Purpose, [String; 2]); 4];

fn fresh_rings() -> Result<Rings> {
    let ring = |purpose| Ok::<_, kernel::Error>((purpose, [fresh_secret(purpose)?, fresh_secret(purpose)?]));
    Ok([ring(Purpose::Tokens)?, ring(Purpose::Credentials)?, ring(Purpose::Secrets)?, ring(Purpose::Signing)?])
}

fn keys(tx: &mut Tx, rings: &Rings, now: Timestamp) {
    for (purpose, secrets) in rings {
        if tx.get::<KeyRing>(purpose.key()).is_none() {
            tx.put(KeyRing::new(*purpose, secrets.clone(), now));
        }
    }
}

/// The owner of a name, or `fresh` after it has taken the name.
fn owner_or<T: for<'a> From<&'a str> + AsRef<str>>(tx: &mut Tx, space: &str, name: &str, fresh: T) -> (T, bool) {
    match tx.unique_owner(space, name) {
        Some(owner) => (T::from(owner.as_str()), false),
        None => {
            tx.put(Unique { space: space.into(), value: name.into(), owner: fresh.as_ref().into() });
            (fresh, true)
        }
    }
}

fn project(id: ProjectId, name: &str, domain: Option<&DomainId>, description: &str) -> Project {
    Project {
        id,
        name: name.into(),
        parent: domain.map(|d| d.as_str().into()),
        domain: domain.cloned(),
        enabled: true,
        description: Some(description.into()),
        tags: BTreeSet::new(),
        options: Options::new(),
        extra: Extra::new(),
        deleting: false,
    }
}

fn default_domain(tx: &mut Tx, id: &DomainId) {
    if tx.get::<Project>(id).is_none() {
        let name = "Default";
        owner_or(tx, &Project::name_space(None), name, ProjectId::from(id.as_str()));
        tx.put(project(id.as_str().into(), name, None, "The default domain"));
    }
}

/// The default roles with their chain; the id of `admin`.
fn roles(tx: &mut Tx) -> RoleId {
    let mut admin = RoleId::default();
    for (name, implies) in ROLES {
        let (id, new) = owner_or(tx, &Role::name_space(None), name, RoleId::new_hex());
        if new {
            let implied = implies.and_then(|name| tx.unique_owner(&Role::name_space(None), name));
            tx.put(Role {
                id: id.clone(),
                name: name.into(),
                domain: None,
                description: None,
                options: Options::from_iter([("immutable".to_owned(), true.into())]),
                extra: Extra::new(),
                implies: implied.into_iter().map(RoleId::from).collect(),
                deleting: false,
            });
        }
        if name == "admin" {
            admin = id;
        }
    }
    admin
}

fn admin_project(tx: &mut Tx, domain: &DomainId) -> ProjectId {
    let (id, new) = owner_or(tx, &Project::name_space(Some(domain)), "admin", ProjectId::new_hex());
    if new {
        tx.put(project(id.clone(), "admin", Some(domain), "Bootstrap project for initializing the cloud."));
    }
    id
}

/// The user `admin`; `None` if there is one already, whose roles are people's business.
fn new_admin(tx: &mut Tx, domain: &DomainId, hash: Option<&str>, now: Timestamp) -> Option<UserId> {
    let (id, new) = owner_or(tx, &User::name_space(domain), "admin", UserId::new_hex());
    if !new {
        return None;
    }
    let password = Password { hash: hash.map(str::to_owned), created: now, expires: None, self_service: false };
    tx.put(User {
        id: id.clone(),
        name: "admin".into(),
        domain: domain.clone(),
        enabled: true,
        default_project: None,
        options: Options::new(),
        extra: Extra::new(),
        passwords: vec![password],
        failures: Failures::default(),
        created: now,
        last_active: None,
        deleting: false,
    });
    Some(id)
}

fn catalog(tx: &mut Tx, spec: &BootstrapSpec) {
    let region = RegionId::from(spec.region.as_str());
    if tx.get::<Region>(&region).is_none() {
        tx.put(Region { id: region.clone(), description: String::new(), parent: None, extra: Extra::new() });
    }
    for (kind, name, path) in SERVICES {
        let known = tx.view().all::<Service>().find(|s| s.kind == kind);
        let service = known.map_or_else(
            || {
                let id = ServiceId::from(uuid_hex().as_str());
                let extra = Extra::new();
                tx.put(Service { id: id.clone(), kind: kind.into(), name: name.into(), enabled: true, extra });
                id
            },
            |s| s.id.clone(),
        );
        let url = format!("{}{path}", spec.base_url.trim_end_matches('/'));
        for interface in Interface::ALL {
            endpoint(tx, &service, interface, &region, &url);
        }
    }
}

fn endpoint(tx: &mut Tx, service: &ServiceId, interface: Interface, region: &RegionId, url: &str) {
    let here = |e: &std::sync::Arc<Endpoint>| e.interface == interface && e.region.as_ref() == Some(region);
    let known = tx.view().by(OF_SERVICE, service).find(here);
    match known {
        Some(known) if known.managed && known.url != url => {
            tx.put(Endpoint { url: url.to_owned(), ..Endpoint::clone(&known) });
        }
        Some(_) => {}
        None => {
            tx.put(Endpoint {
                id: EndpointId::from(uuid_hex().as_str()),
                service: service.clone(),
                interface,
                region: Some(region.clone()),
                url: url.to_owned(),
                enabled: true,
                extra: Extra::new(),
                managed: true,
            });
        }
    }
}
