// trick: pushes its memory out to swap as it goes, so that it has more than its limit in all
// section: Resources
// abuse: memory: pushed into swap
// verdict: MEMORY_LIMIT
// limits: memory_bytes=67108864
// outcome: signal=9 oom_kills>=1

#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>

int main(void) {
    size_t step = 1 << 20;
    for (int i = 0; i < 1024; i++) {
        char *block = mmap(0, step, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        memset(block, i + 1, step);
        madvise(block, step, MADV_COLD);
        madvise(block, step, MADV_PAGEOUT);
    }
    return 0;
}
