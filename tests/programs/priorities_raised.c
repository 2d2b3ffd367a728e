// trick: real-time scheduling, negative nice, real-time input and output; its own and those of pid 1
// section: Resources
// abuse: priority raised
// verdict: ACCEPTED
// expect stdout: 'refused\n'

#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static void refused(const char *what, long answer) {
    if (answer != -1) {
        printf("%s was allowed\n", what);
        exit(1);
    }
}

int main(void) {
    struct sched_param one = {.sched_priority = 1}, none = {0};
    refused("SCHED_FIFO", sched_setscheduler(0, SCHED_FIFO, &one));
    refused("SCHED_RR", sched_setscheduler(0, SCHED_RR, &one));
    struct {
        unsigned size, policy;
        unsigned long long flags;
        int nice;
        unsigned priority;
        unsigned long long runtime, deadline, period;
    } deadline = {.size = 48, .policy = 6, .runtime = 5000000, .deadline = 10000000, .period = 10000000};
    refused("SCHED_DEADLINE", syscall(SYS_sched_setattr, 0, &deadline, 0));
    refused("a core of its own", prctl(62, 1, 0, 0, 0));  // PR_SCHED_CORE
    refused("nice -20", setpriority(PRIO_PROCESS, 0, -20));
    refused("nice -1", setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) - 1));
    refused("real-time io", syscall(SYS_ioprio_set, 1, 0, (1 << 13) | 0));
    refused("nice of pid 1", setpriority(PRIO_PROCESS, 1, 19));
    refused("io of pid 1", syscall(SYS_ioprio_set, 1, 1, (3 << 13) | 0));
    refused("scheduler of pid 1", sched_setscheduler(1, SCHED_IDLE, &none));
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET(0, &cpus);
    refused("affinity of pid 1", sched_setaffinity(1, sizeof cpus, &cpus));
    puts("refused");
    return 0;
}
