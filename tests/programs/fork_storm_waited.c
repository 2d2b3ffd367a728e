// trick: fork and wait as fast as possible until the CPU time is gone, burning through pids
// section: Resources
// verdict: TIME_LIMIT
// limits: cpu_seconds=0.4 memory_bytes=67108864
// outcome: stopped_by=cpu

#define _GNU_SOURCE
#include <sys/wait.h>
#include <unistd.h>

int main(void) {
    for (;;) {
        pid_t child = fork();
        if (child == 0)
            _exit(0);
        if (child > 0)
            waitpid(child, 0, 0);
    }
}
