// trick: fills the disk with files that have no name any more, held open by an orphan
// section: Resources
// verdict: ACCEPTED
// limits: disk_bytes=8388608 memory_bytes=67108864
// expect stdout: 'full\n'

#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(void) {
    static char block[65536];
    signal(SIGXFSZ, SIG_IGN);
    memset(block, 1, sizeof block);
    int fd = open("/tmp/hidden", O_CREAT | O_RDWR, 0600);
    unlink("/tmp/hidden");
    while (write(fd, block, sizeof block) > 0) {
    }
    if (fork() == 0) {
        setsid();
        for (;;)
            pause();
    }
    puts("full");
    return 0;
}
