// trick: boots another kernel
// section: Kernel surface
// abuse: kexec
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
    for (unsigned long flags = 0; flags < 4; flags++) {
        refused("kexec_load", syscall(SYS_kexec_load, 0, 0, zeros, flags));
        refused("kexec_file_load", syscall(SYS_kexec_file_load, 0, 0, 1, "", flags));
    }
    refused("reboot", syscall(SYS_reboot, 0xfee1dead, 672274793, 0x45584543, zeros));
    puts("refused");
    return 0;
}
