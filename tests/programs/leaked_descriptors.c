// trick: uses descriptors above 2 that somebody forgot to close
// section: Kernel surface
// abuse: descriptors left open by us
// verdict: ACCEPTED
// expect stdout: 'three\n'

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int main(void) {
    for (int fd = 3; fd < 70000; fd++)
        if (fcntl(fd, F_GETFD) != -1) {
            printf("descriptor %d is open\n", fd);
            return 1;
        }
    puts("three");
    return 0;
}
