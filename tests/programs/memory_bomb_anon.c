// trick: touches anonymous memory without end
// section: Resources
// abuse: memory: anonymous pages
// verdict: MEMORY_LIMIT
// limits: memory_bytes=67108864
// outcome: signal=9 oom_kills>=1

#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>

int main(void) {
    for (;;) {
        void *block = mmap(0, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (block == MAP_FAILED)
            return 7;
        memset(block, 1, 1 << 20);
    }
}
