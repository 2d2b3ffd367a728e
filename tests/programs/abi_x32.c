// trick: the x32 system call numbers, which a careless filter compares without their top bit
// section: Kernel surface
// abuse: 32-bit system calls
// verdict: ACCEPTED
// expect stdout: 'refused\n'

#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void) {
    pid_t child = fork();
    if (child == 0)
        _exit(syscall(0x40000000L + SYS_getpid) == -1 && errno == ENOSYS ? 0 : 1);
    int status;
    waitpid(child, &status, 0);
    int refused = WIFSIGNALED(status) ? WTERMSIG(status) == 31 : WEXITSTATUS(status) == 0;
    puts(refused ? "refused" : "allowed");
    return !refused;
}
