//! Parsing, and a directory that poses as cgroupfs.

use super::*;
use crate::cgroup::FULL_WEIGHT;

const MOUNTS: &str = "\
30 22 0:26 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
31 22 0:27 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
32 22 0:28 /kubepods/pod7 /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids
33 22 0:29 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw";
const MEMBERSHIPS: &str = "4:memory:/jobs/7\n3:cpu,cpuacct:/\n8:pids:/kubepods/pod7\n0::/";

#[test]
fn finds_the_own_group_of_each_controller() {
    let found = V1::parse(MOUNTS, MEMBERSHIPS, "assay-0").expect("all controllers are there");
    assert_eq!(found.memory, Path::new("/sys/fs/cgroup/memory/jobs/7/assay-0"));
    assert_eq!(found.cpu, Path::new("/sys/fs/cgroup/cpu,cpuacct/assay-0"));
    assert_eq!(found.pids, Path::new("/sys/fs/cgroup/pids/assay-0"));
    assert_eq!(found.directories().len(), 3);
    assert_eq!(found.describe(), "v1 (hybrid)");
}

#[test]
fn a_missing_controller_is_not_v1() {
    assert!(V1::parse(MOUNTS, "4:memory:/\n3:cpu,cpuacct:/\n0::/", "assay-0").is_none());
}

/// A directory that poses as cgroupfs, with an instance and one slot in it.
fn fake() -> (PathBuf, V1) {
    static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let base = std::env::temp_dir().join(format!("assay-cgroup-test-{}-{count}", std::process::id()));
    fs::create_dir(&base).expect("a temporary directory");
    let one = base.join("assay-0");
    let v1 = V1 { memory: one.clone(), cpu: one.clone(), cpuacct: one.clone(), pids: one, hybrid: false };
    v1.make_instance().expect("an instance");
    v1.make_slot(3, 0).expect("a slot");
    let slot = base.join("assay-0/slot-3");
    for (name, text) in [
        ("memory.usage_in_bytes", "1048576\n"),
        ("memory.max_usage_in_bytes", "2097152\n"),
        ("memory.limit_in_bytes", ""),
        ("memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 4\n"),
        ("cpu.cfs_quota_us", ""),
        ("cpu.shares", "1024\n"),
        ("cpuacct.usage", "123456\n"),
        ("pids.max", ""),
        ("pids.events", "max 7\n"),
        ("pids.current", "3\n"),
        ("tasks", "10\n11\n12\n"),
        ("cgroup.procs", "10\n11\n"),
    ] {
        fs::write(slot.join(name), text).expect("a file");
    }
    (base, v1)
}

fn limits() -> JobLimits {
    JobLimits { cpu_ns: 1, wall_ns: 1, memory_bytes: 1 << 28, processes: 8, cpus: 1.5 }
}

#[test]
fn reads_counters_and_processes() {
    let (base, v1) = fake();
    let mut slot = v1.open(3, 1).expect("an open slot");
    let expected = Counters { cpu_ns: 123_456, oom_kills: 4, refused_processes: 7 };
    assert_eq!(slot.counters().expect("counters"), expected);
    assert_eq!(slot.peak_memory_bytes().expect("a peak"), 2 << 20);
    assert_eq!(slot.processes().expect("processes"), [10, 11]);
    assert_eq!(slot.threads().expect("threads"), [10, 11, 12]);
    assert_eq!(slot.threads_count().expect("a number"), 2);
    fs::remove_dir_all(base).expect("nothing else in it");
}

#[test]
fn limits_come_on_top_of_what_the_slot_holds_and_return_after_a_kill() {
    let (base, v1) = fake();
    let mut slot = v1.open(3, 1).expect("an open slot");
    let text = |name: &str| fs::read_to_string(base.join("assay-0/slot-3").join(name)).expect("a file");
    slot.limit(&limits(), 1_000).expect("limits");
    assert_eq!(text("memory.limit_in_bytes"), ((1 << 28) + (1 << 20)).to_string());
    assert_eq!(text("cpu.cfs_quota_us"), "150000");
    assert_eq!(text("pids.max"), "9");
    fs::write(base.join("assay-0/slot-3/cgroup.procs"), "10\n").expect("a file");
    slot.kill(&[10]).expect("nobody to kill");
    assert_eq!(text("pids.max"), "0");
    slot.release().expect("a released slot");
    assert_eq!(text("pids.max"), "9");
    fs::remove_dir_all(base).expect("nothing else in it");
}

#[test]
fn a_weight_is_written_when_it_changes() {
    let (base, v1) = fake();
    let mut slot = v1.open(3, 1).expect("an open slot");
    let file = base.join("assay-0/slot-3/cpu.shares");
    slot.set_weight(FULL_WEIGHT).expect("a weight");
    fs::write(&file, "").expect("a file");
    slot.set_weight(FULL_WEIGHT).expect("the same weight");
    assert_eq!(fs::read_to_string(&file).expect("a file"), "");
    slot.set_weight(16).expect("another weight");
    assert_eq!(fs::read_to_string(&file).expect("a file"), "16");
    fs::remove_dir_all(base).expect("nothing else in it");
}

#[test]
fn what_cannot_be_read_is_named() {
    let (base, v1) = fake();
    fs::write(base.join("assay-0/slot-3/cpuacct.usage"), "many\n").expect("a file");
    let fault = v1.open(3, 1).and_then(|mut slot| slot.cpu_ns()).expect_err("not a number");
    assert!(fault.to_string().contains("slot-3/cpuacct.usage"), "{fault}");
    fs::remove_dir_all(base).expect("nothing else in it");
}

#[test]
fn a_limit_that_reads_back_as_another_is_a_fault() {
    let (base, v1) = fake();
    // A fake file keeps the tail of what was there before.
    fs::write(base.join("assay-0/slot-3/pids.max"), "1024\n").expect("a file");
    let fault = v1.open(3, 1).and_then(|mut slot| slot.limit(&limits(), 0)).expect_err("another limit");
    let said = fault.to_string();
    assert!(said.contains("wrote 9, read 9024 from") && said.ends_with("slot-3/pids.max"), "{said}");
    fs::remove_dir_all(base).expect("nothing else in it");
}

#[test]
fn who_was_killed_far_below_its_limit_was_killed_for_others() {
    let (base, v1) = fake();
    let [peak, with_swap] =
        ["", ".memsw"].map(|kind| base.join(format!("assay-0/slot-3/memory{kind}.max_usage_in_bytes")));
    // Of an earlier run.
    fs::write(with_swap, (1 << 28).to_string()).expect("a file");
    let mut slot = v1.open(3, 1).expect("an open slot");
    slot.limit(&limits(), 0).expect("limits");
    slot.reset_peak().expect("a peak");
    for (bytes, own) in [((1 << 28) - 4096, true), ((1 << 28) - (1 << 20), true), (1 << 27, false)] {
        fs::write(&peak, bytes.to_string()).expect("a file");
        assert_eq!(slot.was_own_limit().expect("a number"), own, "{bytes}");
    }
    fs::remove_dir_all(base).expect("nothing else in it");
}
