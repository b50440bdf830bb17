//! What hangs on a part of the catalog goes with it, in the same transaction. Whoever hangs something on it writes it again
//! as it is, so that one of the two conflicts and looks again.

use crate::model::{
    Endpoint, PolicyAssociation, ProjectEndpoint,
    catalog::OF_SERVICE,
    endpoint_filter::PROJECTS_WITH,
    policy_doc::{BY_PLACE, PolicyFor},
};
use store::{Object, Tx};

pub(crate) fn endpoint(tx: &mut Tx, endpoint: &Endpoint) {
    for given in tx.by(PROJECTS_WITH, &endpoint.id) {
        tx.delete::<ProjectEndpoint>(&given.key());
    }
    tx.delete::<PolicyAssociation>(&PolicyFor::Endpoint(endpoint.id.clone()).key());
    tx.delete::<Endpoint>(&endpoint.id);
}

/// The endpoints of a service, and its policies.
pub(crate) fn service(tx: &mut Tx, id: &str) {
    for found in tx.by(OF_SERVICE, id) {
        endpoint(tx, &found);
    }
    place(tx, &format!("s:{id}"));
}

pub(crate) fn region(tx: &mut Tx, id: &str) {
    place(tx, &format!("r:{id}"));
}

fn place(tx: &mut Tx, place: &str) {
    for association in tx.by(BY_PLACE, place) {
        tx.delete::<PolicyAssociation>(&association.of.key());
    }
}
