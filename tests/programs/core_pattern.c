// trick: has the kernel run a program as root when something crashes, then crashes
// section: Kernel surface
// abuse: core_pattern
// verdict: RUNTIME_ERROR
// expect stdout: 'no core\n'
// outcome: signal=11 oom_kills=0

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void) {
    static const char *knobs[] = {"/proc/sys/kernel/core_pattern", "/proc/sys/kernel/core_pipe_limit", "/proc/sys/fs/suid_dumpable"};
    struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
    for (int i = 0; i < 3; i++) {
        int fd = open(knobs[i], O_WRONLY);
        if (fd >= 0 && write(fd, "|/tmp/x", 7) > 0) {
            printf("%s could be written\n", knobs[i]);
            return 1;
        }
    }
    setrlimit(RLIMIT_CORE, &all);
    prctl(PR_SET_DUMPABLE, 1);
    int status;
    if (fork() == 0)
        *(volatile int *)8 = 1;
    wait(&status);
    puts(WCOREDUMP(status) ? "a core" : "no core");
    fflush(stdout);
    *(volatile int *)8 = 1;
    return 0;
}
