// trick: counts what other processes and the kernel do
// section: Kernel surface
// abuse: perf_event_open
// verdict: ACCEPTED
// expect stdout: 'refused\n'

#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static void refused(const char *what, long answer) {
    if (answer != -1) {
        printf("%s was allowed\n", what);
        exit(1);
    }
}

int main(void) {
    static unsigned long zeros[64];
    for (unsigned kind = 0; kind < 8; kind++)
        for (unsigned long what = 0; what < 12; what++) {
            zeros[0] = kind | 112UL << 32;
            zeros[1] = what;
            refused("for itself", syscall(SYS_perf_event_open, zeros, 0, -1, -1, 0));
            refused("for a core", syscall(SYS_perf_event_open, zeros, -1, 0, -1, 0));
            refused("for pid 1", syscall(SYS_perf_event_open, zeros, 1, -1, -1, 8));
        }
    puts("refused");
    return 0;
}
