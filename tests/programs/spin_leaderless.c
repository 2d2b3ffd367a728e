// trick: the first thread ends, the others spin: the process is a zombie that uses CPU time
// section: Processes
// verdict: TIME_LIMIT
// limits: cpu_seconds=0.3
// outcome: stopped_by=cpu

#define _GNU_SOURCE
#include <pthread.h>

static void *spin(void *nothing) {
    for (;;)
        __asm__ volatile("");
    return nothing;
}

int main(void) {
    pthread_t thread;
    pthread_create(&thread, 0, spin, 0);
    pthread_create(&thread, 0, spin, 0);
    pthread_exit(0);
}
