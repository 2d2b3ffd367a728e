// trick: a chain in which every process forks its successor and ends, so that no pid lives long enough to be killed
// section: Processes
// verdict: ACCEPTED
// limits: memory_bytes=67108864
// expect stdout: 'flying\n'
// outcome: exit_code=0 wall_seconds<=5

#define _GNU_SOURCE
#include <stdio.h>
#include <unistd.h>

int main(void) {
    puts("flying");
    fflush(stdout);
    for (int tail = 0; tail < 4; tail++)
        if (fork() == 0) {
            setsid();
            for (;;)
                if (fork() > 0)
                    _exit(0);
        }
    return 0;
}
