// trick: leaves sixty spinning orphans behind
// section: Processes
// verdict: ACCEPTED
// limits: memory_bytes=134217728
// expect stdout: 'left\n'
// outcome: exit_code=0

#define _GNU_SOURCE
#include <stdio.h>
#include <unistd.h>

int main(void) {
    for (int i = 0; i < 60; i++)
        if (fork() == 0) {
            setsid();
            close(1);
            for (;;)
                __asm__ volatile("");
        }
    puts("left");
    return 0;
}
