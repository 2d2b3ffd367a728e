// trick: uses up pids until they start again from the beginning, so that the next pid is a small one
// section: Proofs
// verdict: ACCEPTED
// limits: cpu_seconds=20 wall_seconds=60
// expect stdout: 'wrapped\n'

#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static char stack[16384];

static int nothing(void *unused) {
    (void)unused;
    _exit(0);
}

int main(void) {
    int last = 0;
    // More than the kernel's default pid_max; where it is larger, as far as this goes.
    for (int i = 0; i < 33000; i++) {
        int pid = clone(nothing, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, 0);
        if (pid < 0)
            return 1;
        waitpid(pid, 0, 0);
        if (pid < last)
            break;
        last = pid;
    }
    puts("wrapped");
    return 0;
}
