// trick: forks for ever with nothing but the system call, in every child too
// section: Resources
// abuse: fork bomb
// verdict: TIME_LIMIT
// limits: cpu_seconds=0.4 memory_bytes=134217728
// outcome: stopped_by=cpu refused_processes>=1

#define _GNU_SOURCE
#include <unistd.h>

int main(void) {
    for (;;)
        fork();
}
