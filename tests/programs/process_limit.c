// trick: counts how many processes it may have at once; the limit says 20
// section: Resources
// verdict: ACCEPTED
// limits: processes=20 memory_bytes=67108864
// expect stdout: '20\n'
// outcome: refused_processes>=1

#define _GNU_SOURCE
#include <stdio.h>
#include <unistd.h>

int main(void) {
    int alive = 1;
    for (;;) {
        pid_t child = fork();
        if (child == 0)
            for (;;)
                pause();
        if (child < 0)
            break;
        alive++;
    }
    printf("%d\n", alive);
    return 0;
}
