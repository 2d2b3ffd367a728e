// trick: new namespaces by unshare, clone and setns, first of all a user namespace with its capabilities
// section: Kernel surface
// abuse: user namespace, then mounts
// verdict: ACCEPTED
// expect stdout: 'refused\n'

#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static char stack[65536];

static void refused(const char *what, long answer) {
    if (answer != -1) {
        printf("%s was allowed\n", what);
        exit(1);
    }
}

static int nothing(void *unused) {
    (void)unused;
    _exit(0);
}

int main(void) {
    int kinds[] = {CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWCGROUP, 0x80};
    for (int i = 0; i < 8; i++) {
        if (kinds[i] != 0x80)  // CLONE_NEWTIME is part of the exit signal in clone
            refused("clone", clone(nothing, stack + sizeof stack, kinds[i] | SIGCHLD, 0));
        refused("unshare", unshare(kinds[i]));
        refused("unshare with user", unshare(kinds[i] | CLONE_NEWUSER));
    }
    struct {
        unsigned long long flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
    } arguments = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};
    refused("clone3", syscall(SYS_clone3, &arguments, sizeof arguments));
    const char *own[] = {"/proc/self/ns/user", "/proc/self/ns/mnt", "/proc/self/ns/net", "/proc/self/ns/pid"};
    for (int i = 0; i < 4; i++)
        refused("setns", setns(open(own[i], O_RDONLY), 0));
    puts("refused");
    return 0;
}
