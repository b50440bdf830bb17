//! Who did what: a CADF event (DMTF DSP0262) per change and per login, appended to `history/audit` in the transaction that
//! makes the change, so that there is never one without the other.
//!
//! Actions, types of resources and what stands beside them are Keystone's, as its `cadf` notifications have them; the type of
//! such a notification follows from the action (`created.user` goes out as `identity.user.created`). What Keystone is silent
//! about, federation and limits for example, has events of the same form and the taxonomy's `unknown`.

use crate::model::{Actor, Assignment, Target, User};
use kernel::{Ctx, DomainId, ProjectId, RequestId, Result, Timestamp, UserId};
use serde::Serialize;
use serde_json::{Map, Value, json};
use store::Tx;
use uuid::Uuid;

/// The stream of `store::Store::history`.
pub const STREAM: &str = "audit";

const ACCOUNT: &str = "service/security/account/user";

/// Who acts, when, by which request. Made once per request; its events have ids that follow from it, so a transaction
/// that runs twice writes the same event.
#[derive(Clone, Debug)]
pub struct Note {
    at: Timestamp,
    request_id: RequestId,
    global_request_id: Option<RequestId>,
    seed: Uuid,
    user: Option<(UserId, String)>,
    project: Option<ProjectId>,
    domain: Option<DomainId>,
}

#[derive(Serialize)]
struct Event<'a> {
    #[serde(rename = "typeURI")]
    type_uri: &'static str,
    id: Uuid,
    #[serde(rename = "eventType")]
    event_type: &'static str,
    #[serde(rename = "eventTime")]
    event_time: String,
    action: &'a str,
    outcome: &'a str,
    initiator: Initiator<'a>,
    target: Resource<'a>,
    observer: Resource<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason<'a>>,
    #[serde(flatten)]
    about: Map<String, Value>,
}

#[derive(Serialize)]
struct Initiator<'a> {
    #[serde(rename = "typeURI")]
    type_uri: &'static str,
    id: &'a str,
    user_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    project_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain_id: Option<&'a str>,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    global_request_id: Option<&'a str>,
}

#[derive(Serialize)]
struct Resource<'a> {
    #[serde(rename = "typeURI")]
    type_uri: &'a str,
    id: &'a str,
}

#[derive(Serialize)]
struct Reason<'a> {
    #[serde(rename = "reasonType")]
    kind: &'a str,
    #[serde(rename = "reasonCode")]
    code: &'static str,
}

/// What an event says, besides who made it happen.
struct What<'a> {
    action: &'a str,
    type_uri: &'a str,
    id: &'a str,
    outcome: &'a str,
    reason: Option<&'a str>,
    about: Value,
}

impl Note {
    pub fn of(cx: &Ctx) -> Self {
        let who = &cx.credentials;
        Self {
            global_request_id: cx.global_request_id.clone(),
            user: Some((who.user.clone(), who.user_name.clone())),
            project: who.project().cloned(),
            domain: who.domain().cloned(),
            ..Self::anonymous(cx.now(), cx.request_id.clone())
        }
    }

    /// For requests without a token.
    pub fn anonymous(at: Timestamp, request_id: RequestId) -> Self {
        let seed = Uuid::new_v4();
        Self { at, request_id, global_request_id: None, seed, user: None, project: None, domain: None }
    }

    pub fn at(&self) -> Timestamp {
        self.at
    }

    pub fn created(&self, tx: &mut Tx, what: &str, id: &str) -> Result<()> {
        self.changed(tx, "created", what, id)
    }
    pub fn updated(&self, tx: &mut Tx, what: &str, id: &str) -> Result<()> {
        self.changed(tx, "updated", what, id)
    }
    pub fn deleted(&self, tx: &mut Tx, what: &str, id: &str) -> Result<()> {
        self.changed(tx, "deleted", what, id)
    }

    fn changed(&self, tx: &mut Tx, operation: &str, what: &str, id: &str) -> Result<()> {
        let action = format!("{operation}.{what}");
        let about = json!({"resource_info": id});
        let what = What { action: &action, type_uri: type_uri(what), id, outcome: "success", reason: None, about };
        self.write(tx, &what)
    }

    /// A role given; who has it and where stands beside the event.
    pub fn granted(&self, tx: &mut Tx, assignment: &Assignment) -> Result<()> {
        self.assigned(tx, "created.role_assignment", assignment)
    }
    /// A role taken away.
    pub fn revoked(&self, tx: &mut Tx, assignment: &Assignment) -> Result<()> {
        self.assigned(tx, "deleted.role_assignment", assignment)
    }

    fn assigned(&self, tx: &mut Tx, action: &str, assignment: &Assignment) -> Result<()> {
        let mut about = json!({"role": assignment.role, "inherited_to_projects": assignment.inherited});
        match &assignment.target {
            Target::Project(id) => about["project"] = json!(id),
            Target::Domain(id) => about["domain"] = json!(id),
            Target::System => {}
        }
        match &assignment.actor {
            Actor::User(id) => about["user"] = json!(id),
            Actor::Group(id) => about["group"] = json!(id),
        }
        let id = assignment.id();
        self.write(tx, &What { action, type_uri: ACCOUNT, id: &id, outcome: "success", reason: None, about })
    }

    pub fn login(&self, tx: &mut Tx, user: &str, outcome: &str, reason: Option<&str>) -> Result<()> {
        let about = json!({});
        self.write(tx, &What { action: "authenticate", type_uri: ACCOUNT, id: user, outcome, reason, about })
    }

    fn write(&self, tx: &mut Tx, what: &What<'_>) -> Result<()> {
        let seed = format!("{}/{}/{}", what.action, what.id, what.outcome);
        // Who has no token yet is the one that it is about.
        let other = self.user.is_none().then(|| tx.view().get::<User>(what.id)).flatten();
        let user = self.user.as_ref().map_or(what.id, |(id, _)| id);
        let username = self.user.as_ref().map(|(_, name)| name).or(other.as_ref().map(|user| &user.name));
        let event = Event {
            type_uri: "http://schemas.dmtf.org/cloud/audit/1.0/event",
            id: Uuid::new_v5(&self.seed, seed.as_bytes()),
            event_type: "activity",
            event_time: self.at.iso_micros_z(),
            action: what.action,
            outcome: what.outcome,
            initiator: Initiator {
                type_uri: ACCOUNT,
                id: user,
                user_id: user,
                username: username.map(String::as_str),
                project_id: self.project.as_deref(),
                domain_id: self.domain.as_deref(),
                request_id: self.request_id.as_str(),
                global_request_id: self.global_request_id.as_ref().map(RequestId::as_str),
            },
            target: Resource { type_uri: what.type_uri, id: what.id },
            observer: Resource { type_uri: "service/security", id: "identity" },
            reason: what.reason.map(|kind| Reason { kind, code: "401" }),
            about: what.about.as_object().cloned().unwrap_or_default(),
        };
        tx.history(STREAM, self.at, &event)
    }
}

/// The CADF taxonomy's word, as Keystone maps them.
fn type_uri(what: &str) -> &'static str {
    match what {
        "user" => "data/security/account/user",
        "group" => "data/security/group",
        "project" => "data/security/project",
        "domain" => "data/security/domain",
        "role" => "data/security/role",
        "region" => "data/security/region",
        "service" => "data/security/service",
        "endpoint" => "data/security/endpoint",
        "policy" => "data/security/policy",
        "OS-TRUST:trust" => "data/security/trust",
        "OS-OAUTH1:consumer" => "data/security/account",
        "application_credential" | "OS-OAUTH1:request_token" | "OS-OAUTH1:access_token" => "data/security/credential",
        _ => "unknown",
    }
}
