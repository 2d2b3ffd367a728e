// trick: keeps its own first thread waiting for a core, so that it looks as if the machine were busy
// section: Resources
// verdict: TIME_LIMIT
// limits: cpu_seconds=20 wall_seconds=0.4 processes=64
// outcome: stopped_by=wall wall_seconds>=0.4 wall_seconds<=2.0

#define _GNU_SOURCE
#include <pthread.h>

static void *spin(void *nothing) {
    for (;;)
        __asm__ volatile("");
    return nothing;
}

int main(void) {
    pthread_t thread;
    for (int i = 0; i < 50; i++)
        pthread_create(&thread, 0, spin, 0);
    spin(0);
}
