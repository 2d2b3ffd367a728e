// trick: a vforked child never ends, its parent waits in the kernel
// section: Processes
// abuse: vfork
// verdict: TIME_LIMIT
// limits: wall_seconds=0.5
// outcome: stopped_by=wall

#define _GNU_SOURCE
#include <unistd.h>

int main(void) {
    if (vfork() == 0)
        for (;;)
            pause();
    return 0;
}
