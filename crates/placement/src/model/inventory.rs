use serde::{Deserialize, Serialize};

/// How much of one resource class a provider has and in which portions it gives it away.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Inventory {
    pub total: u64,
    pub reserved: u64,
    pub min_unit: u64,
    pub max_unit: u64,
    pub step_size: u64,
    pub allocation_ratio: f64,
}

impl Inventory {
    /// Portions of one up to everything.
    pub fn plain(total: u64, reserved: u64, allocation_ratio: f64) -> Self {
        let reserved = reserved.min(total);
        Self { total, reserved, min_unit: 1, max_unit: total.max(1), step_size: 1, allocation_ratio }
    }

    /// What may be claimed in all: placement's formula, rounded down.
    pub fn capacity(&self) -> u64 {
        let real = self.total.saturating_sub(self.reserved) as f64 * self.allocation_ratio;
        real.max(0.0) as u64
    }

    /// Whether this much can be claimed beside what is used.
    pub fn has(&self, amount: u64, used: u64) -> bool {
        amount >= self.min_unit
            && amount <= self.max_unit
            && amount.is_multiple_of(self.step_size.max(1))
            && used.saturating_add(amount) <= self.capacity()
    }

    /// Why this much cannot be claimed beside what is used; `None` if it can.
    pub fn refusal(&self, class: &str, amount: u64, used: u64) -> Option<String> {
        let capacity = self.capacity();
        if used.saturating_add(amount) > capacity {
            let free = capacity.saturating_sub(used);
            return Some(format!("{amount} {class} asked, {free} free of {capacity}: {} missing", amount - free));
        }
        if amount < self.min_unit || amount > self.max_unit {
            return Some(format!("{amount} {class} asked, it gives {} to {} at once", self.min_unit, self.max_unit));
        }
        (!amount.is_multiple_of(self.step_size.max(1)))
            .then(|| format!("{amount} {class} asked, it gives multiples of {}", self.step_size))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capacity_and_refusals() {
        let check = |inventory: &Inventory, amount, used, expect: Option<&str>| {
            assert_eq!(inventory.refusal("VCPU", amount, used).as_deref(), expect, "{amount} beside {used}");
        };
        let cpus = Inventory::plain(4, 1, 2.5);
        assert_eq!(cpus.capacity(), 7);
        check(&cpus, 3, 4, None);
        check(&cpus, 3, 5, Some("3 VCPU asked, 2 free of 7: 1 missing"));
        check(&cpus, 5, 0, Some("5 VCPU asked, it gives 1 to 4 at once"));
        let steps = Inventory { step_size: 2, ..Inventory::plain(8, 0, 1.0) };
        check(&steps, 3, 0, Some("3 VCPU asked, it gives multiples of 2"));
        check(&steps, 2, u64::MAX, Some("2 VCPU asked, 0 free of 8: 2 missing"));
        assert_eq!(Inventory::plain(4, 9, 1.0).capacity(), 0);
    }
}
