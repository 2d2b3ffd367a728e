// trick: eight spinning threads: the CPU time of all counts together
// section: Resources
// abuse: many threads that spin
// verdict: TIME_LIMIT
// limits: cpu_seconds=0.4 cpus=2
// outcome: stopped_by=cpu cpu_seconds>=0.4 cpu_seconds<=1.2

#define _GNU_SOURCE
#include <pthread.h>

static void *spin(void *nothing) {
    for (;;)
        __asm__ volatile("");
    return nothing;
}

int main(void) {
    pthread_t thread;
    for (int i = 0; i < 7; i++)
        pthread_create(&thread, 0, spin, 0);
    spin(0);
}
