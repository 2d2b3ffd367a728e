// trick: programs and maps of its own in the kernel
// section: Kernel surface
// abuse: bpf
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
    for (int command = 0; command < 40; command++)
        refused("bpf", syscall(SYS_bpf, command, zeros, sizeof zeros));
    zeros[0] = 2 | 4UL << 32;  // an array map with keys of 4 bytes
    zeros[1] = 8 | 1UL << 32;
    refused("an array map", syscall(SYS_bpf, 0, zeros, sizeof zeros));
    puts("refused");
    return 0;
}
