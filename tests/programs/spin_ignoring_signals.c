// trick: blocks and ignores every signal, then spins
// section: Processes
// abuse: SIGTERM ignored
// verdict: TIME_LIMIT
// limits: cpu_seconds=0.3
// outcome: stopped_by=cpu

#define _GNU_SOURCE
#include <signal.h>

int main(void) {
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, 0);
    for (int number = 1; number < 65; number++)
        signal(number, SIG_IGN);
    for (;;)
        __asm__ volatile("");
}
