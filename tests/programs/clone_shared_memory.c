// trick: processes that share memory but not a thread group, one of them spinning
// section: Processes
// abuse: odd flags of clone
// verdict: TIME_LIMIT
// limits: cpu_seconds=0.3
// outcome: stopped_by=cpu

#define _GNU_SOURCE
#include <sched.h>
#include <unistd.h>

static char stack[65536];

static int spin(void *nothing) {
    (void)nothing;
    for (;;)
        __asm__ volatile("");
}

int main(void) {
    clone(spin, stack + sizeof stack, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_UNTRACED, 0);
    for (;;)
        pause();
}
