// trick: the first process ends well while an orphan takes memory without end
// section: Resources
// verdict: ACCEPTED
// limits: memory_bytes=67108864
// expect stdout: 'ended\n'
// outcome: exit_code=0

#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(void) {
    if (fork() == 0) {
        setsid();
        for (;;) {
            char *block = malloc(1 << 20);
            if (block)
                memset(block, 1, 1 << 20);
        }
    }
    puts("ended");
    return 0;
}
