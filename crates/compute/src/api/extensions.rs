//! `/extensions`: Nova's list of what once could be switched off and is always there now. Its own list is fixed as well.

use crate::{Compute, policy::EXTENSIONS};
use http::{ApiResult, ApiRouter, Cx, Path};
use kernel::{Ctx, Error, Result};
use policy::Authorize;
use serde_json::{Value, json};

pub(super) fn routes() -> ApiRouter<Compute> {
    ApiRouter::new().get("/v2.1/extensions", index).get("/v2.1/extensions/{alias}", show)
}

/// Name, alias, description: those whose resources are served here.
const ALL: &[(&str, &str, &str)] = &[
    ("Aggregates", "os-aggregates", "Admin-only aggregate administration."),
    ("AttachInterfaces", "os-attach-interfaces", "Attach interface support."),
    ("AvailabilityZone", "os-availability-zone", "1. Add availability_zone to the Create Server API."),
    ("ConfigDrive", "os-config-drive", "Config Drive Extension."),
    ("ConsoleOutput", "os-console-output", "Console log output support, with tailing ability."),
    ("Consoles", "os-consoles", "Interactive Console support."),
    ("CreateBackup", "os-create-server-ext", "Extended support to the Create Server v1.1 API."),
    ("DiskConfig", "OS-DCF", "Disk Management Extension."),
    ("ExtendedAvailabilityZone", "OS-EXT-AZ", "Extended Availability Zone support."),
    ("ExtendedServerAttributes", "OS-EXT-SRV-ATTR", "Extended Server Attributes support."),
    ("ExtendedStatus", "OS-EXT-STS", "Extended Status support."),
    ("ExtendedVolumes", "os-extended-volumes", "Extended Volumes support."),
    ("FlavorAccess", "os-flavor-access", "Flavor access support."),
    ("FlavorDisabled", "OS-FLV-DISABLED", "Support to show the disabled status of a flavor."),
    ("FlavorExtraData", "OS-FLV-EXT-DATA", "Provide additional data for flavors."),
    ("FlavorExtraSpecs", "os-flavor-extra-specs", "Flavors extra specs support."),
    ("FlavorManage", "os-flavor-manage", "Flavor create/delete API support."),
    ("Hypervisors", "os-hypervisors", "Admin-only hypervisor administration."),
    ("ImageSize", "OS-EXT-IMG-SIZE", "Adds image size to image listings."),
    ("InstanceActions", "os-instance-actions", "View a log of actions and events taken on an instance."),
    ("Keypairs", "os-keypairs", "Keypair Support."),
    ("LockServer", "os-lock-server", "Enable lock/unlock server actions."),
    ("PauseServer", "os-pause-server", "Enable pause/unpause server actions."),
    ("QuotaClasses", "os-quota-class-sets", "Quota classes management support."),
    ("Quotas", "os-quota-sets", "Quotas management support."),
    ("SchedulerHints", "os-scheduler-hints", "Pass arbitrary key/value pairs to the scheduler."),
    ("SecurityGroups", "os-security-groups", "Security group support."),
    ("ServerExternalEvents", "os-server-external-events", "Server External Event Triggers."),
    ("ServerGroups", "os-server-groups", "Server group support."),
    ("ServerPassword", "os-server-password", "Server password support."),
    ("ServerStartStop", "os-server-start-stop", "Start/Stop instance support."),
    ("ServerUsage", "OS-SRV-USG", "Adds launched_at and terminated_at on Servers."),
    ("Services", "os-services", "Services support."),
    ("SimpleTenantUsage", "os-simple-tenant-usage", "Simple tenant usage extension."),
    ("UsedLimits", "os-used-limits", "Provide data on limited resources that are being used."),
    ("UserData", "os-user-data", "Add user_data to the Create Server API."),
    ("Volumes", "os-volumes", "Volumes support."),
];

fn view((name, alias, description): &(&str, &str, &str)) -> Value {
    json!({
        "name": name, "alias": alias, "description": description, "links": [], "updated": "2014-12-03T00:00:00Z",
        "namespace": "http://docs.openstack.org/compute/ext/fake_xml",
    })
}

fn permit(cx: &Ctx) -> Result<()> {
    cx.authorize(&EXTENSIONS, &()).map(drop)
}

async fn index(Cx(cx): Cx) -> ApiResult {
    permit(&cx)?;
    Ok(http::ok(&json!({"extensions": ALL.iter().map(view).collect::<Vec<_>>()})))
}

async fn show(Cx(cx): Cx, Path(alias): Path<String>) -> ApiResult {
    permit(&cx)?;
    let found = ALL.iter().find(|(_, a, _)| *a == alias);
    let found = found.ok_or_else(|| Error::not_found(format!("No Extension matching alias '{alias}' found")))?;
    Ok(http::ok(&json!({"extension": view(found)})))
}
