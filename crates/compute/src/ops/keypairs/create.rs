use super::{certificate, whose};
use crate::{
    Compute, ComputeError,
    model::{KeyType, Keypair, QUOTAS, publickey, sequence},
    policy::KEYPAIRS_CREATE,
};
use kernel::{Ctx, Error, Result, Timestamp, UserId};
use rsa::{
    RsaPrivateKey,
    pkcs1::{EncodeRsaPrivateKey, LineEnding},
    traits::PublicKeyParts,
};
use serde::Deserialize;
use std::sync::Arc;
use store::Tx;

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct NewKeypair {
    pub(crate) name: String,
    #[serde(default = "ssh", rename = "type")]
    pub(crate) kind: KeyType,
    #[serde(default)]
    pub(crate) public_key: Option<String>,
    #[serde(default)]
    pub(crate) user_id: Option<String>,
}

fn ssh() -> KeyType {
    KeyType::Ssh
}

/// Imports a key pair, or makes one; then the private key is returned too, and kept nowhere.
pub(crate) async fn create(c: &Compute, cx: &Ctx, new: NewKeypair) -> Result<(Arc<Keypair>, Option<String>)> {
    let (user, _permit) = whose(cx, &KEYPAIRS_CREATE, new.user_id.as_deref())?;
    let (public, private) = match new.public_key {
        Some(public) => (public.trim().to_owned(), None),
        None => {
            let (public, private) = generate(new.kind, user.clone(), cx.now()).await?;
            (public, Some(private))
        }
    };
    let fingerprint = match new.kind {
        KeyType::Ssh => publickey::ssh_fingerprint(&public),
        KeyType::X509 => publickey::x509_fingerprint(&public),
    };
    let fingerprint = fingerprint.map_err(|why| ComputeError::BadKey(why.into()))?;
    let keypair = Keypair {
        user,
        name: new.name.trim().to_owned(),
        number: 0,
        kind: new.kind,
        public,
        fingerprint,
        created: cx.now(),
    };
    let project = cx.credentials.project().cloned().unwrap_or_default();
    let entered = c.store.transact("compute.keypair.create", move |tx| enter(tx, &keypair, &project));
    Ok((entered.await?, private))
}

fn enter(tx: &mut Tx, keypair: &Keypair, project: &str) -> Result<Arc<Keypair>> {
    let id = Keypair::id(&keypair.user, &keypair.name);
    if tx.get::<Keypair>(&id).is_some() {
        return Err(ComputeError::KeypairExists(keypair.name.clone()).into());
    }
    let limit = QUOTAS.limits(tx.view(), project)["key_pairs"];
    let count = tx.view().with_prefix::<Keypair>(&Keypair::id(&keypair.user, "")).count();
    if limit >= 0 && i64::try_from(count).unwrap_or(i64::MAX) >= limit {
        return Err(ComputeError::TooManyKeypairs.into());
    }
    let number = sequence::next(tx, "compute.keypair");
    Ok(tx.put(Keypair { number, ..keypair.clone() }))
}

/// RSA with 2,048 bits, as Nova makes them: the public half and the private one. Finding primes takes a while: not on a thread that
/// serves requests.
async fn generate(kind: KeyType, user: UserId, now: Timestamp) -> Result<(String, String)> {
    let made = tokio::task::spawn_blocking(move || {
        let key = RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2048)
            .map_err(|e| Error::internal("generating an RSA key").with_source(e))?;
        match kind {
            KeyType::Ssh => ssh_pair(&key),
            KeyType::X509 => certificate::of(&key, &user, now),
        }
    });
    made.await.map_err(|e| Error::internal("generating an RSA key").with_source(e))?
}

fn ssh_pair(key: &RsaPrivateKey) -> Result<(String, String)> {
    let public = publickey::ssh_rsa(&key.e().to_bytes_be(), &key.n().to_bytes_be(), "Generated-by-Nova");
    let private = key.to_pkcs1_pem(LineEnding::LF);
    let private = private.map_err(|e| Error::internal("encoding an RSA key").with_source(e))?;
    Ok((public, private.to_string()))
}
