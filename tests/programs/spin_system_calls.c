// trick: spends its time in the kernel
// section: Resources
// verdict: TIME_LIMIT
// limits: cpu_seconds=0.3
// outcome: stopped_by=cpu cpu_seconds>=0.3

#define _GNU_SOURCE
#include <fcntl.h>
#include <unistd.h>

int main(void) {
    static char block[1 << 20];
    for (;;) {
        int fd = open("/dev/zero", O_RDONLY);
        read(fd, block, sizeof block);
        close(fd);
    }
}
