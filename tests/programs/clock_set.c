// trick: sets the clocks of the machine
// section: Resources
// abuse: clock set
// verdict: ACCEPTED
// expect stdout: 'refused\n'

#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

static void refused(const char *what, long answer) {
    if (answer != -1) {
        printf("%s was allowed\n", what);
        exit(1);
    }
}

int main(void) {
    // Each sets what it has just read, so that nothing is lost if it should be allowed.
    struct timespec now;
    struct timeval today;
    clock_gettime(CLOCK_REALTIME, &now);
    gettimeofday(&today, 0);
    refused("clock_settime", clock_settime(CLOCK_REALTIME, &now));
    refused("settimeofday", syscall(SYS_settimeofday, &today, 0));
    struct timex change = {.modes = ADJ_OFFSET, .offset = 0};
    refused("adjtimex", syscall(SYS_adjtimex, &change));
    struct timex step = {.modes = ADJ_SETOFFSET};
    refused("clock_adjtime", syscall(SYS_clock_adjtime, CLOCK_REALTIME, &step));
    puts("refused");
    return 0;
}
