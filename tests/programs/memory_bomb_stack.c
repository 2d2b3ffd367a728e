// trick: recursion without end beside memory that is in use already, so that the memory limit comes before the stack's
// section: Resources
// abuse: memory: deep recursion
// verdict: MEMORY_LIMIT
// limits: memory_bytes=67108864
// outcome: signal=9 oom_kills>=1

#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

__attribute__((noinline)) static int deeper(volatile char *above) {
    volatile char frame[4096];
    memset((void *)frame, above[0], sizeof frame);
    return deeper(frame) + frame[1];
}

int main(void) {
    char *heap = malloc(16 << 20);
    memset(heap, 1, 16 << 20);
    return deeper(heap) + heap[5];
}
