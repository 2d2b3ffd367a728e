// trick: ptrace, process_vm_readv, pidfd_getfd and kcmp on the processes around it
// section: Kernel surface
// abuse: ptrace
// verdict: ACCEPTED
// expect stdout: 'refused\n'

#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static void refused(const char *what, long answer) {
    if (answer != -1) {
        printf("%s was allowed\n", what);
        exit(1);
    }
}

int main(void) {
    static char bytes[16];
    struct iovec here = {bytes, sizeof bytes}, there = {(void *)0x400000, sizeof bytes};
    int others[] = {1, getppid()};
    for (int i = 0; i < 2; i++) {
        int pid = others[i];
        if (pid == 0)
            continue;
        refused("attach", ptrace(PTRACE_ATTACH, pid, 0, 0));
        refused("seize", ptrace(PTRACE_SEIZE, pid, 0, 0));
        refused("process_vm_readv", process_vm_readv(pid, &here, 1, &there, 1, 0));
        refused("process_vm_writev", process_vm_writev(pid, &here, 1, &there, 1, 0));
        refused("kcmp", syscall(SYS_kcmp, pid, getpid(), 0, 1, 1));
        long pidfd = syscall(SYS_pidfd_open, pid, 0);
        if (pidfd >= 0) {
            refused("pidfd_getfd", syscall(SYS_pidfd_getfd, pidfd, 0, 0));
            refused("pidfd_send_signal", syscall(SYS_pidfd_send_signal, pidfd, 9, 0, 0));
        }
    }
    puts("refused");
    return 0;
}
