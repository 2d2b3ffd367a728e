// trick: writes past the file size limit, which is a signal in C
// section: Resources
// verdict: RUNTIME_ERROR
// limits: disk_bytes=8388608 memory_bytes=67108864
// outcome: signal=25

#define _GNU_SOURCE
#include <fcntl.h>
#include <unistd.h>

int main(void) {
    int fd = open("/work/far", O_CREAT | O_RDWR, 0600);
    pwrite(fd, "x", 1, 1L << 40);
    return 0;
}
