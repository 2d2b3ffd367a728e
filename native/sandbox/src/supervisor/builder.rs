//! Builders: short-lived children of the supervisor that make a slot, so that its clocks never wait for a mount.

use std::fs;
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use assay_shared::fault::{Context, Fault, Result};
use assay_shared::sys;
use assay_shared::wire::{Flavour, Fresh, Known, Rootfs, decode, encode};
use serde::{Deserialize, Serialize};

use crate::cgroup::{Hierarchy, leftovers};
use crate::keeper::Keeper;
use crate::rootfs;

use super::ids::Ids;
use super::prepare;
use super::runtime::{Born, Runtime, Workshop};

/// What every slot of an instance is made from.
pub struct Plan {
    pub ids: Ids,
    pub base: String,
    pub images: Vec<Rootfs>,
    pub disk_bytes: u64,
    pub fresh: Fresh,
    pub runtime: Box<dyn Runtime>,
    /// A keeper has one run, and its builder makes the next one.
    pub used_once: bool,
    /// Of zygotes; none where a keeper cannot tell them from programs, or has no rights to hand down.
    pub flavours: Vec<Flavour>,
    /// Scripts of ours that zygotes compile ahead.
    pub known: Vec<Known>,
}

/// A slot under construction, as the supervisor sees it.
pub struct Build {
    /// Readable when the builder has reported.
    pub report: OwnedFd,
    pub control: OwnedFd,
    pub job: OwnedFd,
}

/// The process that makes a slot. One of keepers that are used once then stays, in the slot's control group and among its
/// mounts, and makes one after the other; the end of its orders is its own.
pub struct Builder {
    pub pid: i32,
    pidfd: OwnedFd,
    orders: OwnedFd,
}

/// A slot that is to be made.
pub struct Site {
    pub slot: u32,
    /// Which of the plan's images it shows.
    pub image: usize,
    /// Its control groups are emptied and used again, not made anew.
    pub keeps_groups: bool,
}

#[derive(Serialize, Deserialize)]
enum Report {
    Born(Born),
    Failed(Fault),
}

/// The builder's ends of what belongs to one keeper.
struct Order {
    control: OwnedFd,
    job: OwnedFd,
    report: OwnedFd,
    /// The control group that its first child is born in, if that is another one than the last keeper's.
    leaf: Option<OwnedFd>,
}

fn order() -> Result<(Build, Order)> {
    let (control, keeper_control) = sys::seqpacket_pair()?;
    let (job, keeper_job) = sys::seqpacket_pair()?;
    let (report, report_write) = sys::pipe()?;
    sys::set_nonblocking(&control)?;
    sys::set_nonblocking(&job)?;
    let order = Order { control: keeper_control, job: keeper_job, report: report_write, leaf: None };
    Ok((Build { report, control, job }, order))
}

/// Starts a builder; what was left of the slot's last life is cleared first.
pub fn start(plan: &Plan, hierarchy: &dyn Hierarchy, site: &Site, supervisor: &OwnedFd) -> Result<(Build, Builder)> {
    let (build, order) = order()?;
    let (orders, builder_orders) = sys::seqpacket_pair()?;
    match sys::fork()? {
        Some(pid) => Ok((build, Builder { pid, pidfd: sys::pidfd_open(pid)?, orders })),
        None => {
            drop((build, orders));
            // Not the engine's socket, and above all not the instance's lock, which must be free when the supervisor dies.
            let Order { control, job, report, .. } = &order;
            let mut kept: Vec<_> = [control, job, report, supervisor, &builder_orders].map(AsFd::as_fd).to_vec();
            kept.extend(plan.runtime.fds());
            sys::close_all_but(&kept);
            live(plan, hierarchy, site, supervisor, order, &builder_orders)
        }
    }
}

impl Builder {
    pub fn kill(&self) -> Result<()> {
        sys::pidfd_kill(&self.pidfd)
    }

    /// Has the slot's next keeper made in the place of a dead one.
    pub fn make_next(&self, leaf: Option<BorrowedFd<'_>>) -> Result<Build> {
        let (build, order) = order()?;
        let Order { control, job, report, .. } = &order;
        let fds: Vec<_> =
            [control, job, report].map(AsRawFd::as_raw_fd).into_iter().chain(leaf.map(|fd| fd.as_raw_fd())).collect();
        sys::send(&self.orders, b"next", &fds)?;
        Ok(build)
    }
}

/// What was made, once the report is readable.
pub fn finish(build: &Build) -> Result<Born> {
    let mut bytes = Vec::new();
    let report = build.report.try_clone().context("dup", "builder")?;
    fs::File::from(report).read_to_end(&mut bytes).context("read", "builder")?;
    if bytes.is_empty() {
        return Err(Fault::new("a slot's builder ended and did not say why", "", 0));
    }
    match decode(&bytes)? {
        Report::Born(born) => Ok(born),
        Report::Failed(fault) => Err(fault),
    }
}

/// The builder's whole life; never returns.
fn live(
    plan: &Plan,
    hierarchy: &dyn Hierarchy,
    site: &Site,
    supervisor: &OwnedFd,
    mut order: Order,
    orders: &OwnedFd,
) -> ! {
    let mut surroundings = match Surroundings::make(plan, hierarchy, site, supervisor) {
        Ok(surroundings) => surroundings,
        Err(fault) => {
            tell(order.report, Err(fault));
            sys::exit_now(1)
        }
    };
    loop {
        let Order { control, job, report, leaf } = order;
        let born = surroundings.make_keeper(control, job, leaf);
        let goes_on = born.is_ok() && plan.used_once;
        tell(report, born);
        match goes_on.then(|| next_order(orders)) {
            Some(Ok(Some(next))) => order = next,
            _ => {
                surroundings.workshop.stay();
                sys::exit_now(0)
            }
        }
    }
}

fn tell(report: OwnedFd, born: Result<Born>) {
    let message = match born {
        Ok(born) => Report::Born(born),
        Err(fault) => Report::Failed(fault),
    };
    if let Ok(bytes) = encode(&message) {
        // A supervisor that is gone needs no report.
        let _ = fs::File::from(report).write_all(&bytes);
    }
}

/// None when the supervisor wants no more.
fn next_order(orders: &OwnedFd) -> Result<Option<Order>> {
    let mut fds = match sys::receive(orders, &mut [0; 8])? {
        Some(received) if received.length > 0 => received.fds.into_iter(),
        _ => return Ok(None),
    };
    let (control, job, report, leaf) = (fds.next(), fds.next(), fds.next(), fds.next());
    match (control, job, report) {
        (Some(control), Some(job), Some(report)) => Ok(Some(Order { control, job, report, leaf })),
        _ => Err(Fault::new("an order without its descriptors", "", libc::EBADMSG)),
    }
}

/// What one keeper after the other is made in; where keepers are used again there is one.
struct Surroundings<'a> {
    plan: &'a Plan,
    supervisor: &'a OwnedFd,
    by_rlimits: bool,
    parts: rootfs::Parts,
    /// The control group that the next first child is born in, if that is not the keeper's own.
    leaf: Option<OwnedFd>,
    workshop: Box<dyn Workshop + 'a>,
}

impl<'a> Surroundings<'a> {
    fn make(plan: &'a Plan, hierarchy: &dyn Hierarchy, site: &Site, supervisor: &'a OwnedFd) -> Result<Self> {
        sys::set_process_name(c"assay-builder");
        prepare::ordinary_priority();
        sys::prctl("prctl PR_SET_PDEATHSIG", libc::PR_SET_PDEATHSIG, libc::SIGKILL as libc::c_ulong)?;
        if sys::is_readable(supervisor) {
            // It died before it could take us along; the slot is another one's now.
            sys::exit_now(1);
        }
        let Site { slot, image, keeps_groups } = *site;
        let clear = if keeps_groups { leftovers::empty } else { leftovers::remove_tree };
        hierarchy.slot_directories(slot).iter().try_for_each(|directory| clear(directory))?;
        hierarchy.make_slot(slot, plan.ids.keeper(slot))?;
        let zygotes = !plan.flavours.is_empty();
        let parts = plan.runtime.parts(Path::new(&plan.base), &plan.images[image], &plan.ids, slot, zygotes)?;
        let leaf = hierarchy.enter_slot(slot)?;
        let workshop = plan.runtime.workshop(&parts.directory, &plan.ids, slot)?;
        Ok(Self { plan, supervisor, by_rlimits: !hierarchy.is_there(), parts, leaf, workshop })
    }

    /// `leaf`: given if it is another one than the last.
    fn make_keeper(&mut self, control: OwnedFd, job: OwnedFd, leaf: Option<OwnedFd>) -> Result<Born> {
        self.leaf = leaf.or(self.leaf.take());
        let Self { plan, supervisor, by_rlimits, parts, leaf, workshop } = self;
        let (go, started) = sys::seqpacket_pair()?;
        let keeper = Keeper {
            control,
            job,
            supervisor: supervisor.try_clone().context("dup", "pidfd")?,
            go,
            leaf: leaf.as_ref().map(OwnedFd::try_clone).transpose().context("dup", "leaf")?,
            parts: parts.clone(),
            disk_bytes: plan.disk_bytes,
            fresh: plan.fresh,
            shared_user: plan.ids.shared(),
            by_rlimits: *by_rlimits,
            flavours: plan.flavours.clone(),
            known: plan.known.clone(),
        };
        workshop.make_keeper(keeper, &started)
    }
}
