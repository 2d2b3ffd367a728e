// trick: a user namespace, in it every capability, and with these a mount: the start of most escapes
// section: Kernel surface
// abuse: user namespace, then mounts
// verdict: ACCEPTED
// expect stdout: 'refused\n'

#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char stack[65536];

static int mounts(void *unused) {
    (void)unused;
    const char *kinds[] = {"tmpfs", "proc", "sysfs", "overlay", "cgroup2", "cgroup", "fuse", "devpts", "mqueue", "bpf"};
    for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (mount("x", "/tmp", kinds[i], 0, "") == 0)
            _exit(1);
    _exit(0);
}

int main(void) {
    int spaces[] = {CLONE_NEWUSER, CLONE_NEWUSER | CLONE_NEWNS, CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET,
                    CLONE_NEWNS, 0};
    for (int i = 0; i < 5; i++) {
        int status = 0, pid = clone(mounts, stack + sizeof stack, spaces[i] | SIGCHLD, 0);
        if (pid > 0 && (spaces[i] || (waitpid(pid, &status, 0), status))) {
            printf("clone with %#x was allowed\n", spaces[i]);
            return 1;
        }
        if (spaces[i] && unshare(spaces[i]) == 0) {
            printf("unshare with %#x was allowed\n", spaces[i]);
            return 1;
        }
    }
    int map = open("/proc/self/uid_map", O_WRONLY);
    if (map >= 0 && write(map, "0 0 1", 5) > 0) {
        puts("its map could be written");
        return 1;
    }
    puts("refused");
    return 0;
}
