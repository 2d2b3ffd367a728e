// trick: starts threads until refused, then all of them spin
// section: Resources
// abuse: thread bomb
// verdict: TIME_LIMIT
// limits: cpu_seconds=0.4 memory_bytes=134217728
// outcome: stopped_by=cpu refused_processes>=1

#define _GNU_SOURCE
#include <pthread.h>
#include <unistd.h>

static volatile int full;

static void *spin(void *nothing) {
    while (!full)
        usleep(1000);
    for (;;)
        __asm__ volatile("");
    return nothing;
}

int main(void) {
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 65536);
    for (;;) {
        pthread_t thread;
        full |= pthread_create(&thread, &small, spin, 0) != 0;
    }
}
