// trick: loads kernel modules, by itself and by asking for what only a module knows
// section: Kernel surface
// abuse: kernel module loaded
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
    refused("init_module", syscall(SYS_init_module, zeros, sizeof zeros, ""));
    refused("finit_module", syscall(SYS_finit_module, 0, "", 0));
    refused("delete_module", syscall(SYS_delete_module, "loop", 0));
    for (int family = 3; family < 48; family++)
        if (family != 10 && family != 16)
            refused("a family of a module", syscall(SYS_socket, family, 3, 0));
    refused("a file system of a module", syscall(SYS_mount, "none", "/tmp", "nfs", 0, 0));
    refused("a protocol of a module", syscall(SYS_socket, 2, 1, 132));
    puts("refused");
    return 0;
}
