// trick: wants the sandbox's own processes to die for the memory that it takes
// section: Resources
// abuse: oom_score_adj lowered
// verdict: MEMORY_LIMIT
// limits: memory_bytes=16777216
// outcome: signal=9 oom_kills>=1

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static char block[16384];

int main(void) {
    int score = open("/proc/self/oom_score_adj", O_WRONLY);
    write(score, "0", 1);
    memset(block, 1, sizeof block);
    // Pages that are charged to the slot and make nobody's process look large.
    int file = open("/dev/shm/pages", O_CREAT | O_WRONLY, 0600);
    while (write(file, block, sizeof block) > 0)
        ;
    return 0;
}
