// trick: keys in every keyring it can name, and in those of others
// section: Kernel surface
// abuse: add_key
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
    const char *kinds[] = {"user", "logon", "keyring", "big_key", "asymmetric", "encrypted"};
    for (int kind = 0; kind < 6; kind++)
        for (int ring = -8; ring < 8; ring++)
            refused("add_key", syscall(SYS_add_key, kinds[kind], "note", "x", 1, ring));
    puts("refused");
    return 0;
}
