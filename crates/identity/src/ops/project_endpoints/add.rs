use crate::{
    Identity, Refusal,
    model::{Endpoint, Project, ProjectEndpoint, catalog::EndpointId},
    ops::{audit::Note, found::found_in},
    policy::{Authorize, endpoint_filter::ADD_ENDPOINT_TO_PROJECT},
};
use kernel::{Ctx, ProjectId, Result};

/// Giving twice is a conflict, as with groups.
pub async fn add(id: &Identity, cx: &Ctx, project_id: &str, endpoint_id: &str) -> Result<()> {
    let permit = cx.authorize(&ADD_ENDPOINT_TO_PROJECT, &())?;
    let given = ProjectEndpoint { project: ProjectId::from(project_id), endpoint: EndpointId::from(endpoint_id) };
    let note = Note::of(cx);
    id.write(permit, "identity.project_endpoint.add", move |tx| {
        let endpoint = found_in::<Endpoint>(tx, "endpoint", &given.endpoint)?;
        if tx.get::<Project>(&given.project).is_none_or(|p| p.deleting) {
            return Err(Refusal::not_found("project", given.project.as_str()).into());
        }
        let key = ProjectEndpoint::id(&given.project, &given.endpoint);
        if tx.get::<ProjectEndpoint>(&key).is_some() {
            return Err(Refusal::conflict("project_endpoint", "Duplicate entry").into());
        }
        tx.put(Endpoint::clone(&endpoint));
        tx.put(given.clone());
        note.created(tx, "endpoint_association", &key)
    })
    .await
}
