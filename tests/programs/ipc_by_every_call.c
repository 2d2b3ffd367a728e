// trick: every system call of System V IPC and of message queues, with arguments that would make an object
// section: Proofs
// verdict: ACCEPTED
// expect stdout: 'refused\n'

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/syscall.h>
#include <unistd.h>

static int failed = 1;

static void refused(const char *what, long answer) {
    if (answer != -1) {
        printf("%s was allowed\n", what);
        failed = 0;
    }
}

int main(void) {
    static char bytes[256];
    long attributes[8] = {0, 1, 16, 0};
    refused("shmget", syscall(SYS_shmget, 0x5eed, 4096, IPC_CREAT | 0666));
    refused("shmat", syscall(SYS_shmat, 0, 0, 0));
    refused("shmctl", syscall(SYS_shmctl, 0, IPC_STAT, bytes));
    refused("semget", syscall(SYS_semget, 0x5eed, 1, IPC_CREAT | 0666));
    refused("semop", syscall(SYS_semop, 0, bytes, 1));
    refused("semtimedop", syscall(SYS_semtimedop, 0, bytes, 1, 0));
    refused("semctl", syscall(SYS_semctl, 0, 0, IPC_STAT, bytes));
    refused("msgget", syscall(SYS_msgget, 0x5eed, IPC_CREAT | 0666));
    refused("msgsnd", syscall(SYS_msgsnd, 0, bytes, 8, IPC_NOWAIT));
    refused("msgrcv", syscall(SYS_msgrcv, 0, bytes, 8, 0, IPC_NOWAIT));
    refused("msgctl", syscall(SYS_msgctl, 0, IPC_STAT, bytes));
    refused("mq_open", syscall(SYS_mq_open, "note", O_CREAT | O_RDWR, 0666, attributes));
    refused("mq_open with defaults", syscall(SYS_mq_open, "note", O_CREAT | O_RDWR, 0666, 0));
    refused("mq_unlink", syscall(SYS_mq_unlink, "note"));
    refused("mq_notify", syscall(SYS_mq_notify, 0, 0));
    refused("mq_getsetattr", syscall(SYS_mq_getsetattr, 0, 0, attributes));
    refused("mq_timedsend", syscall(SYS_mq_timedsend, 0, bytes, 1, 0, 0));
    refused("mq_timedreceive", syscall(SYS_mq_timedreceive, 0, bytes, 16, 0, 0));
    if (failed)
        puts("refused");
    return !failed;
}
