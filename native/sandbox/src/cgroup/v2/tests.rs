//! Mounts of real machines, and a directory that poses as cgroupfs.

use assay_shared::wire::JobLimits;

use super::leaf::Leaves;
use super::*;
use crate::cgroup::v1::V1;
use crate::cgroup::{Counters, FULL_WEIGHT, SlotCgroup};

const SYSTEMD: &str = "\
24 30 0:22 / /proc rw,nosuid,nodev,noexec,relatime shared:13 - proc proc rw
27 25 0:25 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot
28 25 0:26 / /sys/fs/pstore rw,nosuid,nodev,noexec,relatime shared:10 - pstore pstore rw";
/// Docker with a cgroup namespace of the container's own, the default on v2.
const DOCKER: &str = "\
1092 918 0:100 / / rw,relatime - overlay overlay rw,lowerdir=/var/lib/docker/overlay2/l/A,upperdir=/b,workdir=/c
1097 1096 0:25 / /sys/fs/cgroup ro,nosuid,nodev,noexec,relatime - cgroup2 cgroup rw,nsdelegate,memory_recursiveprot";
/// Docker with the machine's cgroup namespace: the container's own group is the root of its mount.
const DOCKER_HOST_NAMESPACE: &str = "\
1097 1096 0:25 /system.slice/docker-1f.scope /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime - cgroup2 cgroup rw,nsdelegate";
const HYBRID: &str = "\
33 32 0:27 / /sys/fs/cgroup/unified rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate
34 32 0:28 / /sys/fs/cgroup/systemd rw,nosuid,nodev,noexec,relatime shared:10 - cgroup cgroup rw,xattr,name=systemd
38 32 0:32 / /sys/fs/cgroup/memory rw,nosuid,nodev,noexec,relatime shared:15 - cgroup cgroup rw,memory
39 32 0:33 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid,nodev,noexec,relatime shared:16 - cgroup cgroup rw,cpu,cpuacct
40 32 0:34 / /sys/fs/cgroup/pids rw,nosuid,nodev,noexec,relatime shared:17 - cgroup cgroup rw,pids";
const HYBRID_MEMBERSHIPS: &str = "\
10:pids:/user.slice/user-0.slice/session-2.scope
5:cpu,cpuacct:/user.slice
4:memory:/user.slice/user-0.slice/session-2.scope
1:name=systemd:/user.slice/user-0.slice/session-2.scope
0::/user.slice/user-0.slice/session-2.scope";
/// Controllers on v2, although v1 hierarchies are there too.
const HYBRID_WITH_V2_CONTROLLERS: &str = "\
33 32 0:27 / /sys/fs/cgroup/unified rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate
34 32 0:28 / /sys/fs/cgroup/net_cls rw,nosuid,nodev,noexec,relatime shared:10 - cgroup cgroup rw,net_cls";
const WSL2: &str = "\
82 78 0:22 / /sys rw,nosuid,nodev,noexec,noatime shared:17 - sysfs sysfs rw
98 82 0:30 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:18 - cgroup2 cgroup2 rw,nsdelegate";

fn own(mounts: &str, memberships: &str) -> PathBuf {
    assert!(V1::parse(mounts, memberships, "assay-0").is_none());
    V2::parse(mounts, memberships, "assay-0").expect("a v2 mount").own
}

#[test]
fn finds_the_own_group_on_real_machines() {
    let service = Path::new("/sys/fs/cgroup/system.slice/assay.service");
    assert_eq!(own(SYSTEMD, "0::/system.slice/assay.service\n"), service);
    assert_eq!(own(DOCKER, "0::/\n"), Path::new("/sys/fs/cgroup"));
    assert_eq!(own(DOCKER_HOST_NAMESPACE, "0::/system.slice/docker-1f.scope\n"), Path::new("/sys/fs/cgroup"));
    assert_eq!(own(WSL2, "0::/init.scope\n"), Path::new("/sys/fs/cgroup/init.scope"));
    let slice = Path::new("/sys/fs/cgroup/unified/user.slice");
    assert_eq!(own(HYBRID_WITH_V2_CONTROLLERS, "3:net_cls:/\n0::/user.slice\n"), slice);
}

#[test]
fn the_second_engine_goes_beside_the_first() {
    let first = V2::parse(SYSTEMD, "0::/system.slice/assay.service\n", "assay-0").expect("a v2 mount");
    let second = V2::parse(SYSTEMD, "0::/system.slice/assay.service/assay-host\n", "assay-1").expect("a v2 mount");
    assert_eq!(first.instance.parent(), second.instance.parent());
}

#[test]
fn says_what_the_machine_is() {
    assert_eq!(V2::parse(SYSTEMD, "0::/", "a").expect("a v2 mount").describe(), "v2");
    assert_eq!(V2::parse(HYBRID_WITH_V2_CONTROLLERS, "0::/", "a").expect("a v2 mount").describe(), "v2 (hybrid)");
    let hybrid = V1::parse(HYBRID, HYBRID_MEMBERSHIPS, "a").expect("controllers on v1");
    assert_eq!(hybrid.describe(), "v1 (hybrid)");
    assert!(V2::parse("24 30 0:22 / /proc rw shared:13 - proc proc rw", "0::/", "a").is_none());
}

/// A directory that poses as a slot with its first leaf.
fn fake() -> PathBuf {
    static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let slot = std::env::temp_dir().join(format!("assay-cgroup2-test-{}-{count}", std::process::id()));
    let run = slot.join("run-0");
    fs::create_dir_all(&run).expect("a temporary directory");
    for (name, text) in [
        ("cgroup.kill", ""),
        ("cgroup.procs", ""),
        ("cgroup.threads", "20\n21\n"),
        ("cpu.max", ""),
        ("cpu.stat", "usage_usec 1234\nuser_usec 1000\nsystem_usec 234\n"),
        ("memory.current", "1048576\n"),
        ("memory.events", "low 0\nhigh 0\nmax 9\noom 5\noom_kill 4\noom_group_kill 0\n"),
        ("memory.max", ""),
        ("memory.peak", "2097152\n"),
        ("memory.stat", "anon 4096\nfile 0\nkernel 8192\n"),
        ("memory.swap.max", "max\n"),
        ("pids.current", "2\n"),
        ("pids.events", "max 7\n"),
        ("pids.max", ""),
    ] {
        fs::write(run.join(name), text).expect("a file");
    }
    fs::write(slot.join("cpu.weight"), "100\n").expect("a file");
    slot
}

#[test]
fn reads_counters() {
    let slot = fake();
    let mut leaves = Leaves::open(slot.clone(), 0).expect("an open slot");
    let expected = Counters { cpu_ns: 1_234_000, oom_kills: 4, refused_processes: 7 };
    assert_eq!(leaves.counters().expect("counters"), expected);
    assert_eq!(leaves.memory_bytes().expect("a number"), 1 << 20);
    assert_eq!((leaves.threads().expect("threads"), leaves.threads_count().expect("a number")), (vec![20, 21], 2));
    fs::write(slot.join("run-0/memory.peak"), "2097152\n").expect("a file");
    assert_eq!(leaves.peak_memory_bytes().expect("a peak"), 2 << 20);
    fs::remove_dir_all(slot).expect("nothing else in it");
}

#[test]
fn a_weight_is_the_whole_slots() {
    let slot = fake();
    let mut leaves = Leaves::open(slot.clone(), 0).expect("an open slot");
    leaves.set_weight(FULL_WEIGHT).expect("a weight");
    assert_eq!(fs::read_to_string(slot.join("cpu.weight")).expect("a file"), "1024");
    fs::remove_dir_all(slot).expect("nothing else in it");
}

#[test]
fn limits_return_after_a_kill() {
    let slot = fake();
    let mut leaves = Leaves::open(slot.clone(), 0).expect("an open slot");
    let text = |name: &str| fs::read_to_string(slot.join("run-0").join(name)).expect("a file");
    assert_eq!(text("memory.swap.max"), "0");
    let limits = JobLimits { cpu_ns: 1, wall_ns: 1, memory_bytes: 1 << 28, processes: 8, cpus: 1.5 };
    leaves.limit(&limits, 1_000).expect("limits");
    assert_eq!(text("memory.max"), ((1 << 28) + (1 << 20)).to_string());
    assert_eq!(text("pids.max"), "8");
    assert_eq!(text("cpu.max"), "150000 100000");
    leaves.kill(&[1]).expect("a killed leaf");
    assert!(text("cgroup.kill").starts_with('1'));
    // A fake file keeps the tail of what was there before.
    assert!(text("cpu.max").starts_with("max"));
    leaves.release().expect("limits again");
    assert_eq!(text("cpu.max"), "150000 100000");
    fs::remove_dir_all(slot).expect("nothing else in it");
}

#[test]
fn controllers_that_are_not_handed_on_are_named() {
    let slot = fake();
    let list = slot.join("cgroup.controllers");
    fs::write(&list, "cpuset memory pids\n").expect("a file");
    assert_eq!(missing_controllers(&list).expect("a list"), ["cpu"]);
    fs::remove_dir_all(slot).expect("nothing else in it");
}

#[test]
fn who_was_killed_far_below_its_limit_was_killed_for_others() {
    let base = fake();
    let mut slot = Leaves::open(base.clone(), 0).expect("an open slot");
    let peak = base.join("run-0/memory.peak");
    slot.limit(&JobLimits { cpu_ns: 1, wall_ns: 1, memory_bytes: 1 << 28, processes: 8, cpus: 1.5 }, 0)
        .expect("limits");
    for (bytes, own) in [((1 << 28) - 4096, true), ((1 << 28) - (1 << 20), true), (1 << 27, false)] {
        fs::write(&peak, bytes.to_string()).expect("a file");
        assert_eq!(slot.was_own_limit().expect("a number"), own, "{bytes}");
    }
    fs::remove_dir_all(base).expect("nothing else in it");
}
