// trick: System V memory, queues and semaphores, whose ids count on in the next run
// section: Kernel surface
// abuse: message to a later run: SysV ids
// verdict: ACCEPTED
// expect stdout: 'refused\n'

#define _GNU_SOURCE
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

int main(void) {
    key_t keys[] = {IPC_PRIVATE, 0x5eed};
    for (int i = 0; i < 2; i++)
        if (shmget(keys[i], 4096, IPC_CREAT | 0666) != -1 || msgget(keys[i], IPC_CREAT | 0666) != -1 ||
            semget(keys[i], 1, IPC_CREAT | 0666) != -1) {
            puts("allowed");
            return 1;
        }
    puts("refused");
    return 0;
}
