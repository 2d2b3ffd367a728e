// trick: keeps notes for the next run in a keyring
// section: Kernel surface
// abuse: keyctl
// abuse: add_key
// verdict: ACCEPTED
// expect stdout: 'refused\n'

#define _GNU_SOURCE
#include <linux/keyctl.h>
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
    int rings[] = {KEY_SPEC_THREAD_KEYRING, KEY_SPEC_PROCESS_KEYRING, KEY_SPEC_SESSION_KEYRING, KEY_SPEC_USER_KEYRING,
                   KEY_SPEC_USER_SESSION_KEYRING};
    for (int i = 0; i < 5; i++) {
        refused("add_key", syscall(SYS_add_key, "user", "note", "x", 1, rings[i]));
        refused("request_key", syscall(SYS_request_key, "user", "note", 0, rings[i]));
        refused("get_keyring_id", syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, rings[i], 1));
        refused("search", syscall(SYS_keyctl, KEYCTL_SEARCH, rings[i], "user", "note", 0));
    }
    refused("join_session_keyring", syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, "shared"));
    puts("refused");
    return 0;
}
