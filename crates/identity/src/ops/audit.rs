//! Who did what: a CADF event (DMTF DSP0262) per change and per login, appended to `history/audit` in the transaction that
//! makes the change, so that there is never one without the other.

use kernel::{Ctx, DomainId, ProjectId, RequestId, Result, Timestamp, UserId};
use serde::Serialize;
use store::Tx;
use uuid::Uuid;

/// The stream of `store::Store::history`.
pub const STREAM: &str = "audit";

/// Who acts, when, by which request. Made once per request; its events have ids that follow from it, so a transaction
/// that runs twice writes the same event.
#[derive(Clone, Debug)]
pub struct Note {
    at: Timestamp,
    request_id: RequestId,
    seed: Uuid,
    user: Option<UserId>,
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
    action: String,
    outcome: &'a str,
    initiator: Initiator<'a>,
    target: Resource<'a>,
    observer: Resource<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason<'a>>,
}

#[derive(Serialize)]
struct Initiator<'a> {
    #[serde(rename = "typeURI")]
    type_uri: &'static str,
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    project_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain_id: Option<&'a str>,
    request_id: &'a str,
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
}

impl Note {
    pub fn of(cx: &Ctx) -> Self {
        let who = &cx.credentials;
        Self {
            user: Some(who.user.clone()),
            project: who.project().cloned(),
            domain: who.domain().cloned(),
            ..Self::anonymous(cx.now(), cx.request_id.clone())
        }
    }

    /// For requests without a token.
    pub fn anonymous(at: Timestamp, request_id: RequestId) -> Self {
        Self { at, request_id, seed: Uuid::new_v4(), user: None, project: None, domain: None }
    }

    pub fn at(&self) -> Timestamp {
        self.at
    }

    pub fn created(&self, tx: &mut Tx, what: &str, id: &str) -> Result<()> {
        self.write(tx, &format!("created.{what}"), what, id, "success", None)
    }
    pub fn updated(&self, tx: &mut Tx, what: &str, id: &str) -> Result<()> {
        self.write(tx, &format!("updated.{what}"), what, id, "success", None)
    }
    pub fn deleted(&self, tx: &mut Tx, what: &str, id: &str) -> Result<()> {
        self.write(tx, &format!("deleted.{what}"), what, id, "success", None)
    }
    pub fn login(&self, tx: &mut Tx, user: &str, outcome: &str, reason: Option<&str>) -> Result<()> {
        self.write(tx, "authenticate", "user", user, outcome, reason)
    }

    fn write(
        &self,
        tx: &mut Tx,
        action: &str,
        what: &str,
        id: &str,
        outcome: &str,
        reason: Option<&str>,
    ) -> Result<()> {
        let seed = format!("{action}/{id}/{outcome}");
        let event = Event {
            type_uri: "http://schemas.dmtf.org/cloud/audit/1.0/event",
            id: Uuid::new_v5(&self.seed, seed.as_bytes()),
            event_type: "activity",
            event_time: self.at.iso_micros_z(),
            action: action.to_owned(),
            outcome,
            initiator: Initiator {
                type_uri: "service/security/account/user",
                id: self.user.as_deref().unwrap_or(id),
                project_id: self.project.as_deref(),
                domain_id: self.domain.as_deref(),
                request_id: self.request_id.as_str(),
            },
            target: Resource { type_uri: type_uri(what), id },
            observer: Resource { type_uri: "service/security", id: "identity" },
            reason: reason.map(|kind| Reason { kind }),
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
        "role_assignment" => "data/security/role_assignment",
        "region" => "data/security/region",
        "service" => "data/security/service",
        "endpoint" => "data/security/endpoint",
        "credential" | "application_credential" => "data/security/credential",
        "access_rule" => "data/security/access_rule",
        _ => "data/security",
    }
}
