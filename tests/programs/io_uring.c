// trick: work without system calls, by the ring's threads: sockets, files and commands that no filter sees
// section: Kernel surface
// abuse: io_uring
// verdict: ACCEPTED
// expect stdout: 'refused\n'

#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static void refused(const char *what, long answer) {
    if (answer != -1) {
        printf("%s was allowed\n", what);
        exit(1);
    }
}

int main(void) {
    static unsigned long zeros[64];
    for (unsigned flags = 0; flags < 1 << 16; flags = flags * 2 + 1)
        for (int entries = 1; entries <= 64; entries *= 8) {
            zeros[1] = flags;
            refused("io_uring_setup", syscall(425, entries, zeros));
        }
    refused("io_uring_enter", syscall(426, 0, 1, 1, 0, 0, 0));
    refused("io_uring_register", syscall(427, -1, 0, zeros, 1));
    puts("refused");
    return 0;
}
