# trick: reads and writes the machine's own files in /proc and /sys
# section: Kernel surface
# abuse: /proc/kcore
# abuse: /proc/sysrq-trigger
# abuse: /sys written
# verdict: ACCEPTED
# expect stdout: 'refused\n'

import os

READ = (
    "/proc/kcore", "/proc/kmsg", "/proc/kpagecount", "/proc/kpageflags", "/proc/slabinfo", "/proc/vmallocinfo",
    "/proc/timer_list", "/proc/sched_debug", "/dev/mem", "/dev/kmem", "/dev/port", "/dev/kmsg", "/dev/fuse", "/dev/kvm",
    "/dev/net/tun", "/dev/loop0", "/dev/sda", "/dev/vda", "/dev/ptmx0", "/sys/kernel/debug", "/sys/kernel/tracing/trace",
)
WRITE = (
    "/proc/sysrq-trigger", "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/ns_last_pid", "/proc/sys/kernel/hostname",
    "/proc/sys/kernel/modprobe", "/proc/sys/kernel/randomize_va_space", "/proc/sys/kernel/msgmax",
    "/proc/sys/kernel/shmmax", "/proc/sys/vm/drop_caches", "/proc/sys/vm/overcommit_memory",
    "/proc/sys/fs/binfmt_misc/register", "/proc/sys/fs/mqueue/queues_max", "/proc/sys/user/max_user_namespaces",
    "/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv4/ip_local_port_range", "/proc/sys/net/ipv4/tcp_max_tw_buckets",
    "/proc/self/uid_map", "/proc/self/gid_map", "/proc/self/setgroups", "/proc/irq/0/smp_affinity",
    "/sys/fs/cgroup/cgroup.procs", "/sys/fs/cgroup/memory/cgroup.procs", "/sys/kernel/mm/transparent_hugepage/enabled",
    "/sys/power/state", "/sys/class/net/lo/mtu", "/sys/kernel/uevent_helper",
)
for path, mode in [*((path, os.O_RDONLY) for path in READ), *((path, os.O_WRONLY) for path in WRITE)]:
    try:
        fd = os.open(path, mode)
        # Some open for everybody and refuse the use.
        if mode == os.O_RDONLY:
            os.read(fd, 1)
        else:
            os.write(fd, b"0")
    except OSError:
        continue
    raise SystemExit(f"{path} could be {'read' if mode == os.O_RDONLY else 'written'}")
print("refused")
