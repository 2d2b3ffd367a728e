// trick: mounts, unmounts, changes the root, by the old calls and by the new
// section: Kernel surface
// abuse: user namespace, then mounts
// verdict: ACCEPTED
// expect stdout: 'refused\n'

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void refused(const char *what, long answer) {
    if (answer != -1) {
        printf("%s was allowed\n", what);
        exit(1);
    }
}

int main(void) {
    mkdir("/tmp/root", 0700);
    refused("mount tmpfs", mount("x", "/tmp/root", "tmpfs", 0, 0));
    refused("mount proc", mount("x", "/tmp/root", "proc", 0, 0));
    refused("bind", mount("/usr", "/tmp/root", 0, MS_BIND, 0));
    refused("remount", mount(0, "/usr", 0, MS_REMOUNT | MS_BIND, 0));
    refused("remount /", mount(0, "/", 0, MS_REMOUNT, 0));
    refused("propagation", mount(0, "/", 0, MS_SHARED | MS_REC, 0));
    refused("umount", umount2("/work", MNT_DETACH));
    refused("umount proc", umount2("/proc", MNT_DETACH));
    refused("umount root", umount2("/", MNT_DETACH));
    refused("pivot_root", syscall(SYS_pivot_root, "/tmp/root", "/tmp/root"));
    refused("chroot", chroot("/tmp/root"));
    refused("open_tree", syscall(428, AT_FDCWD, "/usr", 1));
    refused("fsopen", syscall(430, "tmpfs", 0));
    refused("mount_setattr", syscall(442, AT_FDCWD, "/", 0, 0, 0));
    refused("swapon", syscall(SYS_swapon, "/tmp/root", 0));
    refused("sethostname", sethostname("x", 1));
    refused("setdomainname", setdomainname("x", 1));
    struct {
        unsigned bytes;
        int type;
        unsigned char handle[128];
    } file = {.bytes = 8, .type = 1};
    refused("open_by_handle_at", syscall(SYS_open_by_handle_at, AT_FDCWD, &file, O_RDONLY));
    puts("refused");
    return 0;
}
