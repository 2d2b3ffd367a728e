//! What the supervisor has before its loop. Whatever of it cannot be made is a refusal, and leaves nothing.

use std::collections::VecDeque;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::Path;

use assay_shared::fault::Result;
use assay_shared::sys::{self, ChildSignals, Epoll, READABLE};
use assay_shared::wire::Start;

use super::builder::Plan;
use super::crowd::Crowd;
use super::engine_link::EngineLink;
use super::ids::{Rights, Supply};
use super::instance::{Groups, Instance};
use super::memory::Budget;
use super::slot::SlotState;
use super::warmth::Warmth;
use super::{Slot, Source, Supervisor, prepare, runtime, token, user_namespace};
use crate::cgroup::Hierarchy;
use crate::rootfs;

const DEFAULT_DISK_BYTES: u64 = 64 << 20;

pub struct Started {
    instance: Instance,
    hierarchy: Box<dyn Hierarchy>,
    tools: Tools,
}

impl Started {
    pub fn start(engine: &mut EngineLink, start: Start, library: Option<File>) -> Result<Self> {
        let supply = Supply::find(start.uid_base)?;
        let supply = if start.runtime.has_namespaces() { supply } else { supply.without_namespaces()? };
        runtime::refuse_without_rights(&start.runtime, supply.part(0, start.pooled_slots()).0.rights)?;
        let (instance, hierarchy) = Instance::take(&start.state_dir, groups_for(&start))?;
        match Tools::make(engine, start, library, &supply, &instance, &*hierarchy) {
            Ok(tools) => Ok(Self { instance, hierarchy, tools }),
            Err(fault) => {
                // Should even this fail, whoever starts next sweeps it.
                let _ = instance.clear(&*hierarchy).and_then(|()| instance.let_go());
                Err(fault)
            }
        }
    }

    pub fn supervise(self, engine: EngineLink, slots: u32) -> Result<()> {
        let Self { instance, hierarchy, tools: Tools { epoll, signals, own_pidfd, crowd, budget, warmth, plan } } =
            self;
        let broken = || Slot {
            generation: 0,
            image: 0,
            kept: None,
            failure: None,
            builder: None,
            state: SlotState::Broken { until: 0 },
            keeper: None,
        };
        let mut supervisor = Supervisor {
            epoll,
            engine,
            own_pidfd,
            instance,
            hierarchy,
            plan,
            slots: (0..slots).map(|_| broken()).collect(),
            parked: Vec::new(),
            waiting: VecDeque::new(),
            refused_since: None,
            started: false,
            leaving: false,
            signals,
            next_look: 0,
            buffer: vec![0; sys::MESSAGE_BYTES],
            warmth,
            crowd,
            budget,
        };
        let result = supervisor.run();
        supervisor.leave()?;
        result
    }
}

/// What the loop works with, and slots are made from.
struct Tools {
    epoll: Epoll,
    signals: ChildSignals,
    own_pidfd: OwnedFd,
    crowd: Crowd,
    budget: Budget,
    warmth: Warmth,
    plan: Plan,
}

impl Tools {
    fn make(
        engine: &mut EngineLink,
        start: Start,
        library: Option<File>,
        supply: &Supply,
        instance: &Instance,
        hierarchy: &dyn Hierarchy,
    ) -> Result<Self> {
        let epoll = Epoll::new()?;
        let signals = ChildSignals::take()?;
        epoll.add(&engine.socket, token(Source::Engine, 0, 0), READABLE)?;
        epoll.add(&engine.pidfd, token(Source::EngineDeath, 0, 0), READABLE)?;
        epoll.add(signals.fd(), token(Source::Children, 0, 0), READABLE)?;
        hierarchy.weigh_instance(start.cores)?;
        let budget = Budget::open(start.memory_bytes, hierarchy)?;
        let slots = start.pooled_slots();
        let (part, ids) = supply.part(instance.number, slots);
        if start.runtime.has_namespaces() {
            enter_own_namespaces(&part, Path::new(&start.state_dir))?;
        }
        let used_once = start.runtime.used_once();
        let (hold, zygote) = if used_once { (library, None) } else { (None, library) };
        let can_be_warm = hierarchy.is_there() && !ids.shared() && zygote.is_some();
        let flavours = if can_be_warm { start.flavours.clone() } else { Vec::new() };
        let (own_pidfd, crowd) = (sys::pidfd_open(sys::getpid())?, Crowd::new(start.cores)?);
        // The last that can fail: it leaves more than groups.
        let runtime = runtime::prepare(&start, hold, instance.number, &ids)?;
        engine.describe(instance, hierarchy, part.uids(&ids, slots));
        let warmth = Warmth::new(flavours.len(), zygote);
        let plan = Plan {
            ids,
            base: start.state_dir,
            images: start.images,
            disk_bytes: DEFAULT_DISK_BYTES,
            fresh: start.fresh,
            runtime,
            used_once,
            flavours,
            known: start.known,
        };
        Ok(Self { epoll, signals, own_pidfd, crowd, budget, warmth, plan })
    }
}

fn groups_for(start: &Start) -> Groups {
    match (start.runtime.has_namespaces(), start.allow_degraded) {
        (false, _) => Groups::None,
        (true, true) => Groups::WherePossible,
        (true, false) => Groups::Needed,
    }
}

/// Where we may mount, and where only our own see what is mounted.
fn enter_own_namespaces(part: &Supply, base: &Path) -> Result<()> {
    if part.rights != Rights::Administrator {
        user_namespace::enter(part)?;
    }
    prepare::leave_mount_namespace()?;
    rootfs::make_shared(base)
}
