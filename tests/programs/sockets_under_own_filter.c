// trick: a filter of its own answers or hides each socket call before whoever counts them hears of it
// section: Proofs
// verdict: ACCEPTED
// expect stdout: 'bound\n'

#define _GNU_SOURCE
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void filtered(unsigned answer, unsigned long flags) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, answer),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = 4, .filter = code};
    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

int main(void) {
    unsigned answers[] = {SECCOMP_RET_ALLOW, SECCOMP_RET_LOG, SECCOMP_RET_TRACE, SECCOMP_RET_USER_NOTIF, SECCOMP_RET_ERRNO};
    int bound = 0;
    for (int i = 0; i < 5; i++)
        for (int flags = 0; flags < 16; flags++) {
            int status, child = fork();
            if (child == 0) {
                alarm(1);
                filtered(answers[i], flags);
                int fd = socket(AF_INET, SOCK_STREAM, 0);
                struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(8000 + i * 16 + flags)};
                _exit(fd >= 0 && bind(fd, (void *)&address, sizeof address) == 0 && listen(fd, 1) == 0);
            }
            waitpid(child, &status, 0);
            bound += WIFEXITED(status) && WEXITSTATUS(status);
        }
    puts(bound ? "bound" : "none");
    return 0;
}
