//! Scope, wording, ownership of rules, targets, explanations.

use crate::personas::{ann, bob, dora, person, project, sid, una};
use kernel::{Credentials, Ctx, Kind, ProjectId, ServerId, SystemClock};
use policy::{Authorize, Decision, Enforcer, Policies, Rule, ScopeType, ServicePolicy, Target, target};
use serde_json::json;
use std::sync::Arc;

mod compute {
    policy::rules! {
        /// Create a server.
        CREATE = "os_compute_api:servers:create", "rule:member_or_admin", [Project], POST "/servers";
        /// A name that the network service has too.
        SHARED = "shared", "@", [];
    }
    pub static POLICY: policy::ServicePolicy = policy::ServicePolicy {
        service: "compute",
        base: &[("member_or_admin", "role:admin or (role:member and project_id:%(project_id)s)")],
        rules: &[ALL],
        refusal: "Policy doesn't allow {} to be performed.",
    };
}

mod identity {
    policy::rules! {
        /// List users.
        LIST_USERS = "identity:list_users", "role:reader", [System, Domain], GET "/v3/users";
        /// Shared with compute by name only.
        SHARED = "shared", "!", [];
    }
    pub static POLICY: policy::ServicePolicy = policy::ServicePolicy {
        service: "identity",
        base: &[("member_or_admin", "!")],
        rules: &[ALL],
        refusal: "You are not authorized to perform the requested action: {}.",
    };
}

fn ctx(who: Credentials) -> Ctx {
    let policies = Policies::new(&[&compute::POLICY, &identity::POLICY]).unwrap();
    Ctx { credentials: Arc::new(who), ..Ctx::internal(SystemClock::shared(), policies) }
}

#[test]
fn a_permit_or_the_services_own_refusal() {
    let project = ProjectId::from("p1");
    let own = target! { "project_id" => project };
    assert_eq!(ctx(bob()).authorize(&compute::CREATE, &own).unwrap().rule(), "os_compute_api:servers:create");
    let foreign = target! { "project_id" => "p2" };
    for (who, rule, target, message) in [
        (
            bob(),
            &compute::CREATE,
            &foreign as &dyn Target,
            "Policy doesn't allow os_compute_api:servers:create to be performed.",
        ),
        (
            bob(),
            &identity::LIST_USERS,
            &(),
            "You are not authorized to perform the requested action: identity:list_users.",
        ),
    ] {
        let refused = ctx(who).authorize(rule, target).unwrap_err();
        assert_eq!((refused.kind(), refused.message()), (Kind::Forbidden, message));
    }
    assert!(ctx(ann()).allows(&compute::CREATE, &foreign));
    assert!(!ctx(bob()).allows(&compute::CREATE, &()), "a target without the attribute is not one's own");
}

#[test]
fn a_rule_belongs_to_the_service_that_declared_it() {
    assert!(ctx(bob()).allows(&compute::SHARED, &()));
    assert!(!ctx(bob()).allows(&identity::SHARED, &()));
    static STRAY: Rule = Rule { name: "shared", check: "@", scope: &[], ops: &[], doc: "" };
    assert_eq!(ctx(ann()).authorize(&STRAY, &()).unwrap_err().kind(), Kind::Internal, "a bug, not a permission");
    let bare = Ctx { policy: Arc::new(()), ..ctx(ann()) };
    assert_eq!(bare.authorize(&compute::SHARED, &()).unwrap_err().kind(), Kind::Internal);
}

#[test]
fn scope_is_asked_before_the_check() {
    use ScopeType::{Domain, Project, System};
    let enforcer = Enforcer::new(&compute::POLICY).unwrap();
    for (who, expected) in [
        (ann(), Decision::Allowed),
        (dora(), Decision::WrongScope { needs: &[Project], has: Domain }),
        (sid(), Decision::WrongScope { needs: &[Project], has: System }),
        // oslo.policy counts an unscoped token as project scope; it fails for want of roles.
        (una(), Decision::Denied),
    ] {
        assert_eq!(enforcer.enforce(&compute::CREATE, &who, &()), expected, "{}", who.user);
        assert_eq!(
            enforcer.enforce(&compute::SHARED, &who, &()),
            Decision::Allowed,
            "{}: no scope asked for",
            who.user
        );
    }
    let refused = ctx(sid()).authorize(&compute::CREATE, &()).unwrap_err();
    assert_eq!(
        (refused.kind(), refused.message()),
        (Kind::Forbidden, "Policy doesn't allow os_compute_api:servers:create to be performed.")
    );
}

#[test]
fn targets_answer_by_path() {
    let check = |target: &dyn Target, path: &str, expected: Option<&str>| {
        assert_eq!(target.attr(path).as_deref(), expected, "{path}")
    };
    let json = json!({"a": {"b": {"c": "deep"}, "flag": true, "list": []}, "a.b": "flat", "n": null, "i": 7});
    for (path, expected) in [
        ("a.b.c", Some("deep")),
        ("a.b", Some("flat")),
        ("a.flag", Some("True")),
        ("a.list", None),
        ("a", None),
        ("n", Some("None")),
        ("i", Some("7")),
        ("a.x", None),
    ] {
        check(&json, path, expected);
    }
    let (server, owned, some, none) =
        (ServerId::from("s"), String::from("o"), Some(ServerId::from("s")), None::<String>);
    let made = target! {
        "id" => server, "text" => "t", "owned" => owned, "yes" => true, "n" => 20u32,
        "some" => some, "none" => none,
    };
    for (path, expected) in [
        ("id", Some("s")),
        ("text", Some("t")),
        ("owned", Some("o")),
        ("yes", Some("True")),
        ("n", Some("20")),
        ("some", Some("s")),
        ("none", Some("None")),
        ("other", None),
    ] {
        check(&made, path, expected);
    }
    let pairs: &[(&str, &str)] = &[("project_id", "p1")];
    check(&pairs, "project_id", Some("p1"));
    check(&(), "project_id", None);
    check(&(made, pairs), "project_id", Some("p1"));
    check(&(target! { "project_id" => "first" }, pairs), "project_id", Some("first"));
}

/// Neutron's own kind of check, with the values its default policy uses.
#[test]
fn field_checks_look_at_the_target() {
    static ASKED: Rule = Rule { name: "asked", check: "!", scope: &[], ops: &[], doc: "" };
    static POLICY: ServicePolicy = ServicePolicy { service: "network", base: &[], rules: &[&[&ASKED]], refusal: "{}" };
    for (check, target, expected) in [
        ("field:networks:shared=True", json!({"shared": true}), true),
        ("field:networks:shared=true", json!({"shared": true}), true),
        ("field:networks:shared=True", json!({"shared": false}), false),
        ("field:networks:shared=True", json!({}), false),
        ("field:networks:shared=True", json!({"networks:shared": true}), true),
        ("field:networks:router:external=True", json!({"router:external": true}), true),
        ("field:port:device_owner=~^network:", json!({"device_owner": "network:dhcp"}), true),
        ("field:port:device_owner=~^network:", json!({"device_owner": "compute:nova"}), false),
        ("field:port:device_owner=~work", json!({"device_owner": "network:dhcp"}), false),
        ("field:port:device_owner=~^network:", json!({"device_owner": null}), false),
        ("field:rbac_policy:target_tenant=*", json!({"target_tenant": "*"}), true),
        ("not field:rbac_policy:target_tenant=*", json!({"target_tenant": "p1"}), true),
    ] {
        let enforcer = Enforcer::new(&POLICY).unwrap().with_overrides(&json!({"asked": check}).to_string()).unwrap();
        assert_eq!(enforcer.enforce(&ASKED, &bob(), &target).is_allowed(), expected, "{check} on {target}");
        assert_eq!(enforcer.explain(&ASKED, &bob(), &target).step.unwrap().holds, expected, "{check} on {target}");
    }
}

#[test]
fn trust_and_role_case() {
    let mut who = person("ben", &["MEMBER"], project("p1"));
    who.trust = Some(kernel::auth::Trust {
        id: "t1".into(),
        trustor: "tom".into(),
        trustee: "ben".into(),
        impersonation: false,
    });
    static ASKED: Rule = Rule {
        name: "asked",
        check: "role:Member and trust_id:t1 and trustor_id:tom and trustee_id:%(u)s",
        scope: &[],
        ops: &[],
        doc: "",
    };
    static POLICY: ServicePolicy = ServicePolicy { service: "test", base: &[], rules: &[&[&ASKED]], refusal: "{}" };
    let enforcer = Enforcer::new(&POLICY).unwrap();
    assert_eq!(enforcer.enforce(&ASKED, &who, &target! { "u" => "ben" }), Decision::Allowed);
    assert_eq!(enforcer.enforce(&ASKED, &who, &target! { "u" => "tom" }), Decision::Denied);
}

#[test]
fn an_explanation_shows_what_decided() {
    let enforcer = Enforcer::new(&compute::POLICY).unwrap();
    let explained =
        |who: Credentials, target: &dyn Target| enforcer.explain(&compute::CREATE, &who, target).to_string();
    assert_eq!(
        explained(bob(), &target! { "project_id" => "p2" }),
        "os_compute_api:servers:create: denied
  no  rule:member_or_admin
    no  (role:admin or (role:member and project_id:%(project_id)s))
      no  role:admin   (the roles are member, reader)
      no  (role:member and project_id:%(project_id)s)
        yes role:member   (the roles are member, reader)
        no  project_id:%(project_id)s   (project_id is 'p1', wanted 'p2')
"
    );
    assert_eq!(
        explained(ann(), &()),
        "os_compute_api:servers:create: allowed
  yes rule:member_or_admin
    yes (role:admin or (role:member and project_id:%(project_id)s))
      yes role:admin   (the roles are admin, manager, member, reader)
"
    );
    assert_eq!(
        explained(sid(), &()),
        "os_compute_api:servers:create: denied, wants a token of scope project, this one has system\n"
    );
    let lacking = explained(bob(), &());
    assert!(lacking.contains("no  project_id:%(project_id)s   (the target has no project_id)"), "{lacking}");
}
