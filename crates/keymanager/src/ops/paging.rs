//! Pages by offset and limit. What makes no sense is put right, not refused, as Barbican does.

const DEFAULT: usize = 10;
const MOST: usize = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Paging {
    pub(crate) offset: usize,
    pub(crate) limit: usize,
}

/// One page of a list.
pub(crate) struct Paged<T> {
    pub(crate) items: Vec<T>,
    pub(crate) total: usize,
    pub(crate) paging: Paging,
}

impl Paging {
    pub(crate) fn read(offset: Option<&str>, limit: Option<&str>) -> Self {
        let number = |text: &str| text.trim().parse::<i64>().ok();
        let offset = offset.and_then(number).and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
        let limit = limit.filter(|text| !text.is_empty()).and_then(number).filter(|n| *n != 0);
        let limit = limit.map_or(DEFAULT, |n| usize::try_from(n).map_or(1, |n| n.clamp(1, MOST)));
        Self { offset, limit }
    }

    pub(crate) fn of<T>(self, all: Vec<T>) -> Paged<T> {
        let total = all.len();
        let items = all.into_iter().skip(self.offset).take(self.limit).collect();
        Paged { items, total, paging: self }
    }
}

#[cfg(test)]
mod tests {
    use super::Paging;

    #[test]
    fn nonsense_is_put_right() {
        for (offset, limit, expect) in [
            (None, None, (0, 10)),
            (Some("3"), Some("7"), (3, 7)),
            (Some("-3"), Some("-7"), (0, 1)),
            (Some("x"), Some("y"), (0, 10)),
            (None, Some("1000"), (0, 100)),
            (None, Some("0"), (0, 10)),
        ] {
            let paging = Paging::read(offset, limit);
            assert_eq!((paging.offset, paging.limit), expect, "{offset:?} {limit:?}");
        }
    }
}
