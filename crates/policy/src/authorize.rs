//! The policy of the whole process, and the question every operation asks first.

use crate::{
    Decision, Enforcer, Problem, Problems, Rule, ServicePolicy, Target,
    overrides::{nearest, sections},
};
use kernel::{Credentials, Ctx, Error};
use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

/// Proof that a rule was asked and allowed. Write operations take one, so that forgetting to ask does not compile.
#[derive(Debug)]
#[must_use = "pass it to the operation it permits"]
pub struct Permit {
    rule: &'static str,
}

impl Permit {
    /// The rule that allowed it, or what TStack does it for.
    pub fn rule(&self) -> &'static str {
        self.rule
    }

    /// For TStack's own work that nobody asked for through an API: bootstrap, reconcilers, flows resuming what was
    /// permitted when it began. Never reachable from a handler.
    pub fn internal(what_for: &'static str) -> Self {
        Self { rule: what_for }
    }
}

/// All services' enforcers. Lives in [`Ctx::policy`]; an operator's new file replaces one enforcer as a whole, and a
/// request that is being decided keeps the one it began with.
pub struct Policies {
    services: Vec<RwLock<Arc<Enforcer>>>,
    /// Address of a rule's static → service. Names may repeat between services; statics cannot.
    owner: HashMap<usize, usize>,
}

fn address(rule: &Rule) -> usize {
    std::ptr::from_ref(rule).addr()
}

impl Policies {
    pub fn new(services: &[&'static ServicePolicy]) -> Result<Arc<Self>, Problems> {
        let mut policies = Self { services: Vec::new(), owner: HashMap::new() };
        for (at, service) in services.iter().enumerate() {
            policies.services.push(RwLock::new(Arc::new(Enforcer::new(service)?)));
            let rules = service.rules.iter().copied().flatten();
            policies.owner.extend(rules.map(|rule| (address(rule), at)));
        }
        Ok(Arc::new(policies))
    }

    /// Puts an operator's file in force for a service, in place of any earlier one. With problems nothing changes.
    pub fn load(&self, service: &str, text: &str) -> Result<(), Problems> {
        let found = self.services.iter().find(|slot| current(slot).policy().service == service);
        let Some(slot) = found else {
            let names: Vec<_> = self.services.iter().map(|slot| current(slot).policy().service).collect();
            let nearest = nearest(service, names.into_iter());
            return Err(Problems(vec![Problem::UnknownService { service: service.to_owned(), nearest }]));
        };
        let new = Arc::new(current(slot).with_overrides(text)?);
        *slot.write().unwrap_or_else(PoisonError::into_inner) = new;
        Ok(())
    }

    /// Puts an operator's file for several services in force: it maps each service's name to what [`Policies::load`] takes.
    /// Services that it does not name have their defaults. With problems nothing changes, and all of them are told.
    pub fn load_all(&self, text: &str) -> Result<(), Problems> {
        let sections = sections(text).map_err(|problem| Problems(vec![problem]))?;
        let services: Vec<_> = self.services.iter().map(|slot| current(slot).policy().service).collect();
        let (mut checked, mut problems) = (Vec::new(), Vec::new());
        let named = |service: &str| sections.iter().any(|(name, _)| name == service);
        let others =
            services.iter().filter(|service| !named(service)).map(|service| ((*service).to_owned(), String::new()));
        for (service, section) in sections.iter().cloned().chain(others).collect::<Vec<_>>() {
            let Some(at) = services.iter().position(|known| *known == service) else {
                let nearest = nearest(&service, services.iter().copied());
                problems.push(Problem::UnknownService { service, nearest });
                continue;
            };
            match current(&self.services[at]).with_overrides(&section) {
                Ok(enforcer) => checked.push((at, Arc::new(enforcer))),
                Err(Problems(found)) => problems.extend(found),
            }
        }
        if !problems.is_empty() {
            return Err(Problems(problems));
        }
        for (at, enforcer) in checked {
            *self.services[at].write().unwrap_or_else(PoisonError::into_inner) = enforcer;
        }
        Ok(())
    }

    /// The enforcers in force, in the order given to [`Policies::new`].
    pub fn enforcers(&self) -> Vec<Arc<Enforcer>> {
        self.services.iter().map(current).collect()
    }

    /// The enforcer of the service whose rule this is.
    pub fn enforcer_of(&self, rule: &'static Rule) -> Option<Arc<Enforcer>> {
        self.owner.get(&address(rule)).map(|at| current(&self.services[*at]))
    }

    pub fn authorize(&self, rule: &'static Rule, who: &Credentials, target: &dyn Target) -> Result<Permit, Error> {
        let enforcer = self
            .enforcer_of(rule)
            .ok_or_else(|| Error::internal(format!("asking policy for {}: no service registered it", rule.name)))?;
        let refused = || Error::forbidden(enforcer.policy().refusal.replace("{}", rule.name));
        match enforcer.enforce(rule, who, target) {
            Decision::Allowed => Ok(Permit { rule: rule.name }),
            Decision::Denied => Err(refused()),
            Decision::WrongScope { needs, has } => {
                Err(refused().with_internal(format!("wants scope {needs:?}, token has {has}")))
            }
            Decision::Unregistered => {
                Err(Error::internal(format!("asking policy for {}: its service does not list it", rule.name)))
            }
        }
    }
}

fn current(slot: &RwLock<Arc<Enforcer>>) -> Arc<Enforcer> {
    // A poisoned lock still holds a whole enforcer: it is only ever replaced by assignment.
    slot.read().unwrap_or_else(PoisonError::into_inner).clone()
}

/// `cx.authorize(&SERVERS_CREATE, &target)?`
pub trait Authorize {
    /// `Forbidden` in the service's own words if refused.
    fn authorize(&self, rule: &'static Rule, target: &dyn Target) -> Result<Permit, Error>;

    /// The same question where a refusal only hides something: a field of a view, another project's objects.
    fn allows(&self, rule: &'static Rule, target: &dyn Target) -> bool {
        self.authorize(rule, target).is_ok()
    }
}

impl Authorize for Ctx {
    fn authorize(&self, rule: &'static Rule, target: &dyn Target) -> Result<Permit, Error> {
        let policies = self
            .policy
            .downcast_ref::<Policies>()
            .ok_or_else(|| Error::internal("asking policy: the context carries no policy engine"))?;
        policies.authorize(rule, &self.credentials, target)
    }
}
