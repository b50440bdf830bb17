//! Reads: the head, the whole log at one revision, ranges of history.

use super::{Inner, endpoints::Failure, raw_row};
use crate::{
    Revision,
    backend::{BackendError, Loaded, RawRow},
    keys,
};
use etcd_client::{DeleteOptions, GetOptions, GetResponse, KeyValue, SortOrder, SortTarget};

/// Keys of one answer, to begin with.
const PAGE: i64 = 2000;

/// `o.head` by a linearizable read.
pub(super) struct Head {
    /// Of the newest commit.
    pub(super) revision: Revision,
    /// etcd's, which nothing of the log lies behind.
    pub(super) etcd: Revision,
}

fn etcd_revision(response: &GetResponse) -> Revision {
    response.header().map_or(0, etcd_client::ResponseHeader::revision)
}

impl Inner {
    pub(super) async fn read_head(&self) -> Result<Head, Failure> {
        let options = GetOptions::new().with_keys_only();
        let response = self.get(keys::HEAD, options).await?;
        let revision = response.kvs().first().map_or(0, KeyValue::mod_revision);
        Ok(Head { revision, etcd: etcd_revision(&response) })
    }

    async fn get(&self, key: &str, options: GetOptions) -> Result<GetResponse, Failure> {
        let get = |mut e: super::endpoints::Endpoint| {
            let options = options.clone();
            async move { e.kv.get(key, Some(options)).await }
        };
        self.endpoints.ask(get).await
    }

    pub(super) async fn load(&self) -> Result<Loaded, BackendError> {
        loop {
            match self.load_once().await {
                Ok(loaded) => return Ok(loaded),
                Err(Failure::Compacted) => {
                    tracing::info!("loading took longer than revisions are kept; beginning again")
                }
                Err(failure) => return Err(failure.into()),
            }
        }
    }

    /// All pages at the revision of the first.
    async fn load_once(&self) -> Result<Loaded, Failure> {
        let mut pages = Pages { from: keys::LOG.start.into(), to: keys::LOG.end.into(), size: PAGE, at: 0 };
        let mut loaded = Loaded { revision: 0, rows: Vec::new() };
        while let Some(rows) = pages.next(self).await? {
            for row in rows {
                match row.key == keys::HEAD {
                    true => loaded.revision = row.revision,
                    false => loaded.rows.push(row),
                }
            }
        }
        Ok(loaded)
    }

    pub(super) async fn range(
        &self,
        from: &str,
        to: &str,
        limit: usize,
        descending: bool,
    ) -> Result<Vec<RawRow>, BackendError> {
        if descending {
            let limit = i64::try_from(limit).unwrap_or(0);
            let options = GetOptions::new().with_range(to).with_limit(limit);
            let response = self.get(from, options.with_sort(SortTarget::Key, SortOrder::Descend)).await?;
            return Ok(response.kvs().iter().filter_map(raw_row).collect());
        }
        let size = PAGE.min(i64::try_from(limit).unwrap_or(PAGE));
        let mut pages = Pages { from: from.into(), to: to.into(), size, at: 0 };
        let mut all = Vec::new();
        while all.len() < limit
            && let Some(rows) = pages.next(self).await?
        {
            all.extend(rows);
        }
        all.truncate(limit);
        Ok(all)
    }

    /// Page by page, for one great delete would hold up every commit behind it.
    pub(super) async fn trim(&self, from: &str, to: &str) -> Result<(), BackendError> {
        let options = GetOptions::new().with_range(to).with_limit(PAGE).with_keys_only();
        loop {
            let found = self.get(from, options.clone()).await?;
            let Some(last) = found.kvs().last() else { return Ok(()) };
            let end = [last.key(), b"\0"].concat();
            let delete = |mut e: super::endpoints::Endpoint| {
                let options = DeleteOptions::new().with_range(end.clone());
                async move { e.kv.delete(from, Some(options)).await }
            };
            self.endpoints.ask(delete).await?;
        }
    }
}

/// A walk over a range, all of it at one revision.
struct Pages {
    from: Vec<u8>,
    to: Vec<u8>,
    size: i64,
    /// The revision of the first page; 0: there was none yet. The end is marked by an empty range.
    at: Revision,
}

impl Pages {
    async fn next(&mut self, etcd: &Inner) -> Result<Option<Vec<RawRow>>, Failure> {
        if self.from == self.to {
            return Ok(None);
        }
        let page = loop {
            let options = GetOptions::new().with_range(self.to.clone()).with_limit(self.size).with_revision(self.at);
            let from = &self.from;
            let get = |mut e: super::endpoints::Endpoint| {
                let options = options.clone();
                async move { e.kv.get(from.clone(), Some(options)).await }
            };
            match etcd.endpoints.ask(get).await {
                Err(Failure::TooLarge) if self.size > 1 => self.size = (self.size / 4).max(1),
                page => break page?,
            }
        };
        if self.at == 0 {
            self.at = etcd_revision(&page);
        }
        self.from = match page.kvs().last() {
            Some(last) if page.more() => [last.key(), b"\0"].concat(),
            _ => self.to.clone(),
        };
        Ok(Some(page.kvs().iter().filter_map(raw_row).collect()))
    }
}
