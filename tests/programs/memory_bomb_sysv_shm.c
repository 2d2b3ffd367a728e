// trick: memory in System V segments, which belongs to no process and outlives all of them
// section: Resources
// abuse: memory: SysV shared memory
// verdict: ACCEPTED
// limits: memory_bytes=67108864
// expect stdout: 'refused\n'

#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>

int main(void) {
    for (int i = 0; i < 64; i++) {
        int id = shmget(IPC_PRIVATE, 16 << 20, IPC_CREAT | 0600);
        if (id == -1)
            continue;
        memset(shmat(id, 0, 0), 1, 16 << 20);
        puts("allowed");
        return 1;
    }
    puts("refused");
    return 0;
}
