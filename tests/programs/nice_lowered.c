// trick: makes itself as nice as can be, by every call and for its whole user, and spins: the limit stays the same
// section: Resources
// abuse: priority raised
// verdict: TIME_LIMIT
// limits: cpu_seconds=0.3
// outcome: stopped_by=cpu cpu_seconds>=0.3

#define _GNU_SOURCE
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

int main(void) {
    struct sched_param none = {0};
    nice(19);
    setpriority(PRIO_PROCESS, 0, 19);
    setpriority(PRIO_PGRP, 0, 19);
    setpriority(PRIO_USER, 0, 19);
    setpriority(PRIO_PROCESS, 1, 19);
    sched_setscheduler(0, SCHED_IDLE, &none);
    for (;;)
        ;
}
