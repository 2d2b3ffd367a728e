// trick: holds the kernel up in the middle of a copy from its memory
// section: Kernel surface
// abuse: userfaultfd
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
    for (int flags = 0; flags < 4; flags++)
        refused("userfaultfd", syscall(SYS_userfaultfd, flags | 02000000));
    if (access("/dev/userfaultfd", F_OK) == 0) {
        puts("/dev/userfaultfd is there");
        return 1;
    }
    puts("refused");
    return 0;
}
