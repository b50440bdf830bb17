//! `/v3/limits`

use super::VolumeCx;
use crate::{VolumeService, policy, quotas, service::authorize_own};
use http::{ApiResult, ApiRouter, State};
use serde_json::json;

pub(super) fn routes() -> ApiRouter<VolumeService> {
    ApiRouter::new().get("/v3/limits", limits)
}

async fn limits(State(service): State<VolumeService>, VolumeCx(cx): VolumeCx) -> ApiResult {
    let _read = authorize_own(&cx, &policy::LIMITS)?;
    let (view, project) = (service.view(), cx.project()?);
    let (limits, used) = (quotas::limits(&view, project), quotas::used(&view, project));
    let limit = |r: &str| limits.get(r).copied().unwrap_or(-1);
    let used = |r: &str| used.get(r).copied().unwrap_or(0);
    Ok(http::ok(&json!({"limits": {"rate": [], "absolute": {
        "maxTotalVolumes": limit("volumes"),
        "maxTotalSnapshots": limit("snapshots"),
        "maxTotalVolumeGigabytes": limit("gigabytes"),
        "maxTotalBackups": limit("backups"),
        "maxTotalBackupGigabytes": limit("backup_gigabytes"),
        "totalVolumesUsed": used("volumes"),
        "totalSnapshotsUsed": used("snapshots"),
        "totalGigabytesUsed": used("gigabytes"),
        "totalBackupsUsed": used("backups"),
        "totalBackupGigabytesUsed": used("backup_gigabytes"),
    }}})))
}
