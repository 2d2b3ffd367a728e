// trick: children that make sockets, and names that stay, while the first process is ending
// section: Proofs
// verdict: ACCEPTED
// expect stdout: 'done\n'

#define _GNU_SOURCE
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(void) {
    puts("done");
    fflush(stdout);
    for (int i = 0; i < 20; i++)
        if (fork() == 0) {
            setsid();
            for (;;) {
                struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "\0assay-test-name"};
                bind(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&name, sizeof(sa_family_t) + 16);
            }
        }
    return 0;
}
