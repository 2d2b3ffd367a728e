// trick: overflows the small stack of a second thread
// section: Resources
// verdict: RUNTIME_ERROR
// limits: memory_bytes=67108864
// outcome: signal=11 oom_kills=0

#define _GNU_SOURCE
#include <pthread.h>
#include <string.h>

__attribute__((noinline)) static int deeper(volatile char *above) {
    volatile char frame[1024];
    memset((void *)frame, above[0], sizeof frame);
    return deeper(frame) + frame[1];
}

static void *start(void *nothing) {
    volatile char first = 1;
    return deeper(&first) ? nothing : 0;
}

int main(void) {
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 262144);
    pthread_t thread;
    pthread_create(&thread, &small, start, 0);
    pthread_join(thread, 0);
    return 0;
}
