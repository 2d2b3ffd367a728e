// trick: closes its streams and spins: the end of the output is not the end of the run
// section: Resources
// verdict: TIME_LIMIT
// limits: cpu_seconds=0.3
// outcome: stopped_by=cpu

#define _GNU_SOURCE
#include <unistd.h>

int main(void) {
    close(0);
    close(1);
    close(2);
    for (;;)
        __asm__ volatile("");
}
