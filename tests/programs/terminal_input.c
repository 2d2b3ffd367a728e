// trick: types into the terminal of whoever started the daemon
// section: Kernel surface
// verdict: ACCEPTED
// expect stdout: 'refused\n'

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

int main(void) {
    char key = '#';
    for (int fd = 0; fd < 3; fd++)
        if (ioctl(fd, TIOCSTI, &key) != -1 || ioctl(fd, TIOCSCTTY, 1) != -1) {
            puts("allowed");
            return 1;
        }
    if (open("/dev/tty", O_RDWR) != -1 || open("/dev/console", O_RDWR) != -1) {
        puts("a terminal could be opened");
        return 1;
    }
    puts("refused");
    return 0;
}
